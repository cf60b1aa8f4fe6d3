"""The page: whole, safe, in both languages, no wider than a phone."""

from __future__ import annotations

import html
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from facepipe.doctor import examine
from facepipe.doctor.page import render
from facepipe.gallery import Gallery
from tests.doctor.doctor_faces import EVIDENCE, Add, face

pytestmark = pytest.mark.slow

CHIP = cv2.imencode(".jpg", np.full((24, 24, 3), 128, np.uint8))[1].tobytes()
NAME = "<script>alert('x')</script> & Söhne"


@pytest.fixture
def page(gallery: Gallery, crowd: dict[str, list[int]], add: Add) -> str:
    """One finding of each kind that needs no thumbnail measured, about people with names that are markup."""
    add(NAME, face(1, 9), thumbnail=CHIP, source="<img src=x>.jpg")
    add(NAME, face(20, 1), thumbnail=CHIP)
    add("P2", face(40, 0))
    for shot in (7, 8):
        add("second name", face(5, shot), size=20.0)
    add("P3", face(4, 9), sha="c" * 64)
    add("P4", face(4, 9), sha="c" * 64)
    return render(examine(gallery, evidence=EVIDENCE), gallery, Path("my people.db"))


def test_names_and_sources_are_text_not_markup(page: str) -> None:
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert html.escape(NAME).replace("&#x27;", "&#39;") in page


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [a for a in addresses if not a.startswith(("data:", "#"))] == []


def test_pictures_are_there_or_said_to_be_missing(page: str) -> None:
    assert 'src="data:image/jpeg;base64,/9j/' in page
    assert "no picture kept" in page


def test_every_kind_found_has_its_section_and_its_command(page: str) -> None:
    sections = re.findall(r'<section id="([^"]*)"', page)
    assert sections == ["mislabelled", "same-picture", "two-names", "stray", "weak"]
    assert "facepipe people merge --gallery &#39;my people.db&#39; &#39;second name&#39; P5" in page


def test_a_sound_gallery_has_a_page_too(gallery: Gallery, crowd: dict[str, list[int]]) -> None:
    page = render(examine(gallery, evidence=EVIDENCE), gallery)
    assert "Nothing looks wrong." in page
    assert "<section" not in page


def test_of_many_findings_some_are_shown_and_the_rest_counted(gallery: Gallery, add: Add) -> None:
    for person in range(15):
        add(f"P{person}", face(person, 0))
    page = render(examine(gallery, evidence=EVIDENCE), gallery)
    assert page.count("<li>\n<p>") == 12
    assert re.search(r'<p class="more">3 ', page)


@pytest.fixture
def browser_page(chromium):
    return chromium.new_page(viewport={"width": 390, "height": 800}, locale="zh-CN")


def test_a_browser_shows_it_in_its_language_without_errors(browser_page, page: str, tmp_path: Path) -> None:
    said: list[str] = []
    browser_page.on("console", lambda message: said.append(message.text))
    browser_page.on("pageerror", lambda error: said.append(str(error)))
    path = tmp_path / "page.html"
    path.write_text(page, "utf-8")
    browser_page.goto(f"file://{path}")
    assert said == []
    assert browser_page.locator("h1").inner_text() == "人脸库体检"
    assert browser_page.evaluate("document.documentElement.scrollWidth") == 390
    drawn = browser_page.evaluate("[...document.images].map(i => i.complete && i.naturalWidth)")
    assert drawn
    assert all(drawn)
    browser_page.locator("button[data-set=en]").press("Enter")
    assert browser_page.locator("h1").inner_text() == "Gallery doctor"
