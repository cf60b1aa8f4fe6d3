"""Enrolment that does not go straight on: groups, doubts of the server, and who cannot turn at the camera."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

Visit = Callable[..., "Page"]


def choose(page: Page, *pictures: Path) -> None:
    page.get_by_role("button", name="Pictures").click()
    page.locator("input[type=file]").set_input_files(pictures)
    page.wait_for_function("() => !document.querySelector('.picture.waiting')")


def enroll_as(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Enrol", exact=True).click()


def test_the_face_in_a_group_is_clicked(
    site: Callable, visit: Visit, group: Callable[[int], Path], samples: Path, pipeline: Any
) -> None:
    here = site()
    page = visit(here, "#enroll")
    choose(page, group(6), samples / "biden.jpg")
    assert "6 faces" in page.locator(".picture.several").inner_text()
    found = pipeline.detect(group(6))
    biden = next(number for number, face in enumerate(found, 1) if 400 < face.box[0] < face.box[2] < 800)
    page.get_by_role("button", name="Which face?").click()
    dialog = page.get_by_role("dialog", name="Which face?")
    dialog.wait_for()
    assert dialog.get_by_role("button", name="Face").count() == 6
    dialog.get_by_role("button", name=f"Face {biden}").press("Enter")
    page.get_by_text(f"Ready: face {biden}").wait_for()
    assert page.get_by_role("button", name="Another face").is_visible()
    enroll_as(page, "Joe Biden")
    page.get_by_role("heading", name="Joe Biden is enrolled").wait_for()
    assert here.gallery.people()[0].references == 2
    one, other = (reference.template for reference in here.gallery.references("Joe Biden"))
    assert one.cosine(other) > 0.95


def test_a_group_without_a_choice_is_left_out_and_said(
    site: Callable, visit: Visit, group: Callable[[int], Path], samples: Path
) -> None:
    here = site()
    page = visit(here, "#enroll")
    choose(page, group(2), samples / "biden.jpg")
    enroll_as(page, "Joe Biden")
    page.get_by_text("1 picture was left out.").wait_for()
    assert here.gallery.people()[0].references == 1


def refuse(page: Page, status: int, **error: object) -> list[str]:
    """Have the next enrolment refused; what is asked from then on."""
    asked: list[str] = []

    def stub(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=json.dumps({"error": error}))

    page.route("**/api/v1/enroll", stub, times=1)
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/enroll") else None)
    return asked


def detail(image: int) -> dict[str, Any]:
    return {"image": image, "source": "x.jpg", "code": "several-people", "message": "unlike", "problems": []}


@pytest.fixture
def doubted(site: Callable, visit: Visit, samples: Path) -> Any:
    """A page with two pictures of one person and one of another, that the server has doubts about."""
    here = site()
    page = visit(here, "#enroll", expected=("422",))
    choose(page, samples / "obama.jpg", samples / "obama2.jpg", samples / "biden.jpg")
    asked = refuse(page, 422, code="several-people", message="not of one person", details=[detail(2)])
    enroll_as(page, "Barack")
    dialog = page.get_by_role("dialog", name="Is this one person?")
    dialog.wait_for()
    assert dialog.locator(".face-picture").count() == 1
    assert "looks like somebody else" in dialog.inner_text()
    return here, page, dialog, asked


def test_the_picture_of_somebody_else_is_left_out(doubted: Any) -> None:
    here, page, dialog, _ = doubted
    dialog.get_by_role("button", name="Leave this picture out").click()
    page.get_by_role("heading", name="Barack is enrolled").wait_for()
    assert here.gallery.people()[0].references == 2
    assert page.get_by_text("1 picture was left out.").is_visible()
    assert "Looks like somebody else" in page.locator(".picture").inner_text()


def test_pictures_of_two_people_are_asked_about(site: Callable, visit: Visit, samples: Path) -> None:
    here = site()
    page = visit(here, "#enroll", expected=("422",))
    choose(page, samples / "obama.jpg", samples / "obama2.jpg", samples / "biden.jpg")
    enroll_as(page, "Barack")
    dialog = page.get_by_role("dialog", name="Is this one person?")
    dialog.wait_for()
    assert dialog.locator(".face-picture").count() == 1
    dialog.get_by_role("button", name="Leave this picture out").click()
    page.get_by_role("heading", name="Barack is enrolled").wait_for()
    assert "biden.jpg" in page.locator(".picture").inner_text()
    assert here.gallery.people()[0].references == 2


def test_of_two_pictures_neither_is_said_to_be_the_odd_one(site: Callable, visit: Visit, samples: Path) -> None:
    page = visit(site(), "#enroll", expected=("422",))
    choose(page, samples / "obama.jpg", samples / "biden.jpg")
    enroll_as(page, "Barack")
    dialog = page.get_by_role("dialog", name="Is this one person?")
    dialog.get_by_role("button", name="Leave this picture out").wait_for()
    assert "The pictures do not look like one person" in dialog.inner_text()


def test_all_are_enrolled_all_the_same(doubted: Any) -> None:
    here, page, dialog, _ = doubted
    dialog.get_by_role("button", name="Enrol Barack all the same").click()
    page.get_by_role("heading", name="Barack is enrolled").wait_for()
    assert here.gallery.people()[0].references == 3


def test_nobody_is_enrolled_when_it_is_left(doubted: Any) -> None:
    here, page, dialog, asked = doubted
    dialog.get_by_role("button", name="Cancel").click()
    page.wait_for_function("() => !document.querySelector('[aria-busy]')")
    assert len(asked) == 1
    assert here.gallery.people() == []
    assert page.locator(".picture.fine").count() == 3  # they are all still there


def test_none_of_the_pictures_fits_the_name(site: Callable, visit: Visit, samples: Path) -> None:
    here = site()
    page = visit(here, "#enroll", expected=("422",))
    choose(page, samples / "biden.jpg")
    refuse(page, 422, code="several-people", message="not of one person", details=[detail(0)])
    enroll_as(page, "Barack")
    dialog = page.get_by_role("dialog", name="Is this one person?")
    assert "not like Barack as enrolled" in dialog.inner_text()
    assert dialog.get_by_role("button", name="Leave").count() == 0  # nothing would be left
    dialog.get_by_role("button", name="Enrol Barack all the same").click()
    page.get_by_role("heading", name="Barack is enrolled").wait_for()


def test_pictures_of_somebody_with_another_name(site: Callable, visit: Visit, enroll: Callable, samples: Path) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, "#enroll", expected=("409",))
    choose(page, samples / "obama2.jpg", samples / "obama3.jpg")
    enroll_as(page, "Somebody Else")
    dialog = page.get_by_role("dialog", name="This looks like Barack Obama")
    dialog.get_by_role("button", name="Add these shots to Barack Obama").click()
    page.get_by_role("heading", name="Barack Obama is enrolled").wait_for()
    assert [(p.name, p.references) for p in here.gallery.people()] == [("Barack Obama", 3)]


def test_who_cannot_turn_is_taken_as_they_are(
    site: Callable, visit: Visit, launch: Callable[..., Browser], facing: Path
) -> None:
    here = site()
    page = visit(here, "#enroll", within=launch(film=facing))
    page.get_by_text("Turn a little to your left").wait_for()
    offers: Locator = page.locator(".offers")
    assert offers.is_hidden()
    offers.wait_for()
    page.get_by_role("button", name="Take it as it is").click()
    page.locator(".shot.taken").nth(1).wait_for()
    page.get_by_role("button", name="That is enough").click()
    page.get_by_text("All shots are taken").wait_for()
    assert offers.is_hidden()
    enroll_as(page, "Barack Obama")
    page.get_by_role("heading", name="Barack Obama is enrolled").wait_for()
    assert [person.name for person in here.gallery.people()] == ["Barack Obama"]


def test_who_is_outside_the_oval_is_not_taken(
    site: Callable, visit: Visit, launch: Callable[..., Browser], aside: Path
) -> None:
    page = visit(site(), "#enroll", within=launch(film=aside))
    page.get_by_text("Move into the oval").wait_for()
    page.locator(".offers").wait_for()
    assert page.get_by_role("button", name="That is enough").is_hidden()  # there is none yet
    page.get_by_role("button", name="Take it as it is").click()
    page.wait_for_timeout(1000)
    assert page.locator(".shot.taken").count() == 0
