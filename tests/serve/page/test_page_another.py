"""A tab stays open while the server is started with another gallery, where the same numbers are other people's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facepipe import Gallery, Pipeline

if TYPE_CHECKING:
    from playwright.sync_api import Page

Visit = Callable[..., "Page"]
Actions = Callable[["Page"], Callable[[], None]]
GONE = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "WebSocket connection", "412")
WORDS = {
    "en-GB": ("Another gallery is served here now", "Reload the page", "Remove person"),
    "zh-CN": ("这里现在打开的是另一个人脸库", "重新载入页面", "删除此人"),
}
NOTICE, RELOAD, _ = WORDS["en-GB"]


@pytest.fixture
def other(pipeline: Pipeline, tmp_path: Path, enroll: Callable) -> Iterator[Gallery]:
    """Barack Obama is person 1 of it."""
    with Gallery.open(tmp_path / "other.db", backbone=pipeline.backbone) as gallery:
        enroll(gallery, "Barack Obama", "obama.jpg", "obama2.jpg")
        enroll(gallery, "Eve", "astronaut.png")
        yield gallery


@pytest.fixture
def here(site: Callable, enroll: Callable) -> object:
    """Alex is person 1 of it."""
    found = site()
    enroll(found.gallery, "Alex", "biden.jpg", "obama3.jpg")
    enroll(found.gallery, "Ben", "astronaut.png")
    return found


def held(*galleries: Gallery) -> list[tuple[int, str]]:
    return [(one.id, one.person) for gallery in galleries for one in gallery.references()]


def replaced(here: object, other: Gallery) -> None:
    here.stop()  # type: ignore[attr-defined]
    here.start(other)  # type: ignore[attr-defined]


def expect_notice(page: Page) -> None:
    """It is said, and nothing is left of what was there before."""
    page.get_by_role("alert").get_by_role("heading", name=NOTICE).wait_for()
    for what in (".tabs", "dialog", ".toast", ".portrait", "#main input", ".banner"):
        assert page.locator(what).locator("visible=true").count() == 0, what
    for name in ("Alex", "Ben", "Barack Obama", "Eve"):
        assert page.get_by_text(name).count() == 0


@pytest.mark.parametrize("locale", WORDS)
def test_nobody_else_is_removed(locale: str, here: object, other: Gallery, visit: Visit) -> None:
    notice, reload, remove = WORDS[locale]
    before = held(here.gallery, other)  # type: ignore[attr-defined]
    page = visit(here, "#people/1", locale=locale, expected=GONE)
    page.get_by_role("heading", name="Alex").wait_for()
    replaced(here, other)
    page.get_by_role("button", name=remove, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=remove, exact=True).click()
    page.get_by_role("alert").get_by_role("heading", name=notice).wait_for()
    assert page.get_by_text("Alex").count() == 0
    assert held(here.gallery, other) == before  # type: ignore[attr-defined]
    page.evaluate("window.location.hash = '#enroll'")  # there is no way on but to load it anew
    assert page.get_by_role("heading", level=1).inner_text() == notice
    page.evaluate("window.location.hash = '#people'")
    page.get_by_role("button", name=reload).click()
    page.locator(".person").get_by_text("Barack Obama").wait_for()


def removing(page: Page) -> Callable[[], None]:
    page.get_by_role("button", name="Remove person").click()
    return page.get_by_role("dialog").get_by_role("button", name="Remove person").click


def removing_a_reference(page: Page) -> Callable[[], None]:
    page.get_by_role("button", name="Remove", exact=True).first.click()
    return page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click


def renaming(page: Page) -> Callable[[], None]:
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Alexander")
    return page.get_by_role("dialog").get_by_role("button", name="Rename").click


def merging(page: Page) -> Callable[[], None]:
    page.get_by_role("button", name="Merge").click()
    page.get_by_role("dialog").get_by_role("button", name="Ben").click()
    return page.get_by_role("dialog").get_by_role("button", name="Merge", exact=True).click


def taking_a_new_name_back(page: Page) -> Callable[[], None]:
    renaming(page)()
    undo = page.get_by_role("button", name="Undo")
    undo.wait_for()
    undo.hover()  # so that it stays
    return undo.click


ACTIONS = [removing, removing_a_reference, renaming, merging, taking_a_new_name_back]


@pytest.mark.parametrize("begin", ACTIONS)
def test_what_was_begun_before_is_not_done(begin: Actions, here: object, other: Gallery, visit: Visit) -> None:
    page = visit(here, "#people/1", expected=GONE)
    page.get_by_role("heading", name="Alex").wait_for()
    go_on = begin(page)
    before = held(here.gallery, other)  # type: ignore[attr-defined]
    replaced(here, other)
    go_on()
    expect_notice(page)
    assert held(here.gallery, other) == before  # type: ignore[attr-defined]
    page.get_by_role("button", name=RELOAD).click()
    page.get_by_role("navigation").get_by_role("link", name="People").wait_for()


def test_shots_are_not_enrolled_there(here: object, other: Gallery, visit: Visit, samples: Path) -> None:
    page = visit(here, "#enroll", expected=GONE)
    page.get_by_role("button", name="Pictures").click()
    page.locator("input[type=file]").set_input_files([samples / "obama3.jpg"])
    page.wait_for_function("() => document.querySelector('.picture:not(.waiting)')")
    page.get_by_label("Name").fill("Barack Obama")
    page.get_by_role("checkbox").check()
    before = held(here.gallery, other)  # type: ignore[attr-defined]
    replaced(here, other)
    page.get_by_role("button", name="Enrol", exact=True).click()
    expect_notice(page)
    assert held(here.gallery, other) == before  # type: ignore[attr-defined]


def test_live(here: object, other: Gallery, visit: Visit) -> None:
    page = visit(here, expected=GONE)
    page.get_by_text("per second").wait_for()
    replaced(here, other)
    expect_notice(page)
    assert page.evaluate("document.querySelector('video')") is None


def test_the_list_tells_it_as_soon_as_the_server_is_back(here: object, other: Gallery, visit: Visit) -> None:
    page = visit(here, "#people", expected=GONE)
    page.locator(".person").first.wait_for()
    here.stop()  # type: ignore[attr-defined]
    page.get_by_label("Search").fill("A")
    page.get_by_text("The server does not answer").wait_for()
    here.start(other)  # type: ignore[attr-defined]
    expect_notice(page)


def test_the_same_gallery_goes_on(here: object, visit: Visit) -> None:
    page = visit(here, "#people/1", expected=GONE)
    page.get_by_role("heading", name="Alex").wait_for()
    replaced(here, here.gallery)  # type: ignore[attr-defined]
    removing(page)()
    page.get_by_text("Alex was removed").wait_for()
    page.locator(".person").get_by_text("Ben").wait_for()
    assert page.get_by_text(NOTICE).count() == 0


def test_pictures_are_asked_of_the_gallery_that_is_shown(here: object, visit: Visit) -> None:
    page = visit(here, "#people/1")
    picture = page.locator(".reference .portrait").first
    picture.wait_for()
    uuid = here.gallery.uuid  # type: ignore[attr-defined]
    assert picture.get_attribute("src") == f"api/v1/references/1/picture?gallery={uuid}"
    page.wait_for_function("() => document.querySelector('.reference .portrait').naturalWidth > 0")


def test_the_first_enrolment_makes_the_gallery(site: Callable, enroll: Callable, visit: Visit) -> None:
    """A tab that was opened before goes on, whoever made it."""
    empty = site()
    page = visit(empty, "#people")
    page.get_by_role("heading", name="Nobody is enrolled yet").wait_for()
    enroll(empty.gallery, "Alex", "biden.jpg")
    page.evaluate("window.location.hash = '#people/1'")
    page.get_by_role("heading", name="Alex").wait_for()
    removing(page)()
    page.get_by_text("Alex was removed").wait_for()


@pytest.mark.parametrize("begin", ACTIONS)
def test_who_was_changed_elsewhere_meanwhile_is_looked_at_first(begin: Actions, here: object, visit: Visit) -> None:
    """In another tab, or in the shell: what was agreed to was about somebody else."""
    page = visit(here, "#people/1")
    page.get_by_role("heading", name="Alex").wait_for()
    go_on = begin(page)
    gallery = here.gallery  # type: ignore[attr-defined]
    gallery.rename(1, "Zoe")
    before = held(gallery)
    go_on()
    page.get_by_text("was changed meanwhile").wait_for()
    assert held(gallery) == before
    if begin is renaming:
        page.keyboard.press("Escape")
    else:
        page.get_by_role("heading", name="Zoe").wait_for()
