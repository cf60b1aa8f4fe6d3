"""The page as data, and as a browser shows it: no error, no request, both languages, nothing wider than a phone."""

import html
import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from matplotlib.figure import Figure

from facepipe.page.page import failed, render, save_page, save_pngs
from facepipe.page.view import Chart, Check, Picture, Table, Text, View


def text(en: str) -> Text:
    return Text(en, f"中文 {en}")


@pytest.fixture
def view() -> View:
    pixels = np.arange(3 * 4 * 3, dtype=np.uint8).reshape(3, 4, 3)
    figure = Figure(figsize=(3, 2))
    figure.add_subplot().plot([0, 1, 4])
    blocks = (
        text("a paragraph & <b>"),
        Picture("squares", pixels, text("squares"), text("twelve squares"), zoom=20),
        Chart("curve", figure, text("a curve"), text("it rises")),
        Table(text("layers"), (text("name"), text("weights")), (("conv1", "280"), ("conv2", "1456"))),
    )
    checks = (Check(text("sums agree"), 1e-7, 1e-5), Check(text("maps agree"), 2e-3, 1e-5))
    return View("kernel", text("Kernel"), text("what it does"), blocks, checks)


@pytest.fixture
def page(view: View) -> str:
    story = View("story", text("Story"), text("lead"), (text("once"),))
    return render(text("A <face>"), story, [view])


def test_words_are_escaped_and_there_in_both_languages(page: str) -> None:
    assert "<b>" not in re.sub(r"<b aria-hidden.*?</b>", "", page)
    assert html.escape("a paragraph & <b>") in page
    assert html.escape("中文 a paragraph & <b>") in page


def test_a_check_that_failed_is_shown_as_failed(page: str, view: View) -> None:
    assert re.search(r'class="passed".*?1e-07 ≤ 1e-05', page, re.DOTALL)
    assert re.search(r'class="failed".*?0.002 &gt; 1e-05|class="failed".*?0.002 > 1e-05', page, re.DOTALL)
    assert failed([view]) == [view.checks[1]]


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [a for a in addresses if not a.startswith(("data:", "#"))] == []


def test_the_same_views_give_the_same_page(page: str, view: View) -> None:
    story = View("story", text("Story"), text("lead"), (text("once"),))
    assert render(text("A <face>"), story, [view]) == page


def test_pictures_become_pngs_enlarged_in_whole_pixels(view: View, tmp_path: Path) -> None:
    squares, curve = save_pngs([view], tmp_path)
    assert squares == tmp_path / "kernel" / "squares.png"
    found = np.asarray(PIL.Image.open(squares).convert("RGB"))
    assert found.shape == (60, 80, 3)
    assert np.array_equal(found[::20, ::20], np.arange(36, dtype=np.uint8).reshape(3, 4, 3))
    assert PIL.Image.open(curve).format == "PNG"


@pytest.fixture
def browser_page(chromium):
    return chromium.new_page(viewport={"width": 390, "height": 800}, locale="en-GB")


def test_a_browser_shows_it_without_errors_or_requests(browser_page, page: str, tmp_path: Path) -> None:
    said: list[str] = []
    asked: list[str] = []
    browser_page.on("console", lambda message: said.append(message.text))
    browser_page.on("pageerror", lambda error: said.append(str(error)))
    browser_page.on("request", lambda request: asked.append(request.url))
    save_page(page, tmp_path / "page.html")
    browser_page.goto(f"file://{tmp_path / 'page.html'}")
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", f"file://{tmp_path}"))] == []
    drawn = browser_page.evaluate("[...document.images].map(i => i.complete && i.naturalWidth)")
    assert len(drawn) == 2
    assert all(drawn)
    assert browser_page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_switch_changes_the_language_by_keyboard(browser_page, page: str, tmp_path: Path) -> None:
    save_page(page, tmp_path / "page.html")
    browser_page.goto(f"file://{tmp_path / 'page.html'}")
    title = browser_page.locator("h2#kernel-title")
    assert title.inner_text() == "1 Kernel"
    browser_page.locator("button[data-set=zh]").press("Enter")
    assert title.inner_text() == "1 中文 Kernel"
    assert browser_page.locator("img").first.get_attribute("alt") == "中文 squares"
    assert browser_page.evaluate("document.documentElement.lang") == "zh"
