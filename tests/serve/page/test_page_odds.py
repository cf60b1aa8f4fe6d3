"""How sure a match is, in plain words; and whether the gallery is calibrated."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from facepipe import Pipeline
from facepipe.words import WORTH_SAYING
from tests.serve.calibrating import EVIDENCE, calibrate

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., "Page"]
Doubt = tuple[Any, "Page"]


def recognise(page: Page, picture: Path) -> None:
    page.locator("input[type=file]").set_input_files(picture)
    page.locator(".face").wait_for()


@pytest.fixture
def doubt(site: Callable, visit: Visit, enroll: Callable, pipeline: Pipeline, samples: Path) -> Doubt:
    """A site whose one person is shown and nearest, but not near enough for a name."""
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    calibrate(here.gallery, pipeline, fmr={"1e-3": 0.9999})
    page = visit(here)
    recognise(page, samples / "obama3.jpg")
    return here, page


def test_nothing_is_said_to_be_wholly_certain(site: Callable, visit: Visit) -> None:
    page = visit(site(), "#people")
    page.locator("h1").wait_for()
    expected = {1: "> 99.9", 0.9991: "> 99.9", 0.999: "99.9", 0.9912: "99.1", 0.974: "97", 0.0161: "2", 0.0042: "0.4"}
    expected |= {0.0009: "< 0.1", 0: "< 0.1"}
    say = "(some) => import('/page/js/faces.js').then(({ percent }) => some.map((one) => String(percent(one))))"
    assert page.evaluate(say, list(expected)) == [f"{words}\u00a0%" for words in expected.values()]


def test_how_sure_it_is_stands_beside_the_name(
    site: Callable, visit: Visit, enroll: Callable, pipeline: Pipeline, samples: Path
) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    calibrate(here.gallery, pipeline)
    page = visit(here)
    recognise(page, samples / "obama3.jpg")
    card = page.locator(".face[data-status=known]")
    assert re.search(r"Barack Obama\s+> 99\.9\u00a0%$", card.inner_text())
    card.click()
    sheet = page.get_by_role("dialog")
    assert sheet.locator(".status").inner_text() == "> 99.9\u00a0% Barack Obama"
    assert re.search(r"Barack Obama\s+> 99\.9\u00a0%$", sheet.locator(".nearest").first.inner_text())
    assert "≥" not in sheet.inner_text()
    sheet.get_by_text("Scores").click()
    assert re.search(r"0\.[78]\d\d ≥ 0\.400", sheet.inner_text())
    assert "half of the faces shown belong to nobody enrolled" in sheet.inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="中文").click()
    assert "> 99.9\u00a0%" in card.inner_text()


def test_a_stranger_may_be_somebody_all_the_same(doubt: Doubt, samples: Path) -> None:
    _, page = doubt
    card = page.locator(".face[data-status=unknown]")
    assert card.inner_text() == "Unknown; nearest Barack Obama, > 99.9\u00a0%"
    page.get_by_role("button", name="中文").click()
    assert card.inner_text() == "未知；最像 Barack Obama，> 99.9\u00a0%"
    page.get_by_role("button", name="English").click()
    page.locator("input[type=file]").set_input_files(samples / "astronaut.png")
    page.wait_for_function("() => !document.querySelector('.face')?.innerText.includes('Obama')")
    page.locator(".face[data-status=unknown]").wait_for()
    assert page.locator(".face").inner_text() == "Unknown"


def test_a_guess_is_worth_a_word_from_where_it_is_in_the_shell(site: Callable, visit: Visit) -> None:
    page = visit(site(), "#people")
    page.locator("h1").wait_for()
    face = "{ name: null, candidates: [{ person: 'Ada', probability }] }"
    say = f"(probability) => import('/page/js/faces.js').then(({{ whoOf }}) => String(whoOf({face})))"
    assert page.evaluate(say, WORTH_SAYING) == "Unknown; nearest Ada, 5\u00a0%"
    assert page.evaluate(say, WORTH_SAYING - 1e-4) == "Unknown"


def test_a_guess_is_said_to_be_right(doubt: Doubt) -> None:
    here, page = doubt
    page.locator(".face[data-status=unknown]").click()
    sheet = page.get_by_role("dialog")
    assert sheet.locator(".status").inner_text() == "Not recognised; nearest Barack Obama, > 99.9\u00a0%"
    sheet.get_by_role("button", name="Yes, it is Barack Obama").click()
    assert sheet.get_by_label("Name").input_value() == "Barack Obama"
    assert sheet.get_by_role("button", name="Enrol", exact=True).is_disabled()  # consent is asked for here too
    page.wait_for_function("() => document.activeElement.type === 'checkbox'")
    page.keyboard.press("Space")
    sheet.get_by_role("button", name="Enrol", exact=True).click()
    page.get_by_text("Barack Obama is enrolled, with 2 references.").wait_for()
    assert [person.name for person in here.gallery.people()] == ["Barack Obama"]


@pytest.mark.usefixtures("unmeasured")
def test_nothing_is_said_where_nothing_was_measured(
    site: Callable,
    visit: Visit,
    enroll: Callable,
    pipeline: Pipeline,
    samples: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    monkeypatch.setattr("facepipe.serve.routes.about.all_cards", lambda: [pipeline.backbone.card])
    page = visit(here)
    recognise(page, samples / "obama3.jpg")
    page.locator(".face[data-status=known]").click()
    page.get_by_role("dialog").wait_for()
    assert "%" not in page.locator("body").inner_text()
    page.goto(f"{here.url}/#people")
    page.get_by_text("Not calibrated").click()
    told = page.locator(".calibration").inner_text()
    assert "how sure a match is was not" in told
    assert "facepipe calibrate FOLDER" in told
    assert "nobody enrolled" not in told


def test_the_page_says_what_the_gallery_was_calibrated_on(
    site: Callable, visit: Visit, enroll: Callable, pipeline: Pipeline
) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    calibrate(here.gallery, pipeline)
    page = visit(here, "#people")
    page.get_by_text("Calibrated 23 Nov 2026").click()
    told = page.locator(".calibration")
    decides = "A face gets a name from a score of 0.400 on: 1 in 100 strangers would pass for the one who is enrolled."
    assert f"{decides} That was measured on your own photos." in told.inner_text()
    assert "measured on our photos: 500 faces of 250 people" in told.inner_text()
    assert "half of the faces shown belong to nobody enrolled" in told.inner_text()
    page.get_by_role("button", name="中文").click()
    assert "our photos: 250 人的 500 张人脸" in told.inner_text()
    words = set(re.findall(r"[A-Za-z]{3,}", told.inner_text()))
    assert words == {"our", "photos", "facepipe", "calibrate"}


def test_the_networks_own_figures_count_without_a_calibration(
    site: Callable, visit: Visit, enroll: Callable, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    own = replace(pipeline.backbone.card, evidence=EVIDENCE)
    monkeypatch.setattr(pipeline.backbone, "card", own)
    monkeypatch.setattr("facepipe.serve.routes.about.all_cards", lambda: [own])
    page = visit(here, "#people")
    page.get_by_text("Not calibrated").click()
    told = page.locator(".calibration").inner_text()
    assert "How sure a match is, and the score that a name needs, were measured on photos of other people." in told
    assert "nobody enrolled" in told
