"""What a person does with the page, from the first visit on: a real camera picture, a real server, a real gallery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import PIL.Image

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

Visit = Callable[..., "Page"]


def test_enrolled_by_webcam_recognised_listed_looked_into_and_removed(site: Callable, visit: Visit) -> None:
    here = site()
    page = visit(here)
    page.get_by_role("link", name="Enrol the first person").click()  # the gallery is empty: the page says so

    page.get_by_label("Name").fill("Barack <b>Obama</b>")
    consent = page.get_by_role("checkbox")
    consent.check()
    page.get_by_text("All shots are taken").wait_for()
    wording = page.locator(".consent label").inner_text()
    page.get_by_role("button", name="Enrol", exact=True).click()
    page.get_by_role("heading", name="Barack <b>Obama</b> is enrolled").wait_for()
    (person,) = here.gallery.people()
    assert (person.name, person.references) == ("Barack <b>Obama</b>", 5)
    assert {r.consent.wording for r in here.gallery.references(person.name) if r.consent} == {wording}

    page.get_by_role("link", name="Try it").click()
    face = page.locator(".face[data-status=known]")
    face.wait_for()
    assert "Barack <b>Obama</b>" in face.inner_text()
    assert "%" in face.inner_text()
    assert "≥" not in face.inner_text()  # scores are for who looks closer

    page.get_by_role("link", name="People", exact=True).click()
    card = page.locator(".person")
    assert "5 references" in card.inner_text()
    page.wait_for_function("() => document.querySelector('.portrait').naturalWidth > 0")
    card.click()
    ask_for_views(page, "kernel")
    page.get_by_role("button", name="Look inside").first.click()
    inside = page.frame_locator("iframe")
    inside.get_by_role("heading", level=1).wait_for()

    page.get_by_role("link", name="People", exact=True).click()
    page.locator(".person").click()
    page.get_by_role("button", name="Remove person").click()
    dialog = page.get_by_role("dialog")
    assert "5 references" in dialog.inner_text()
    dialog.get_by_role("button", name="Remove person").click()
    page.get_by_role("heading", name="Nobody is enrolled yet").wait_for()
    assert here.gallery.people() == []


def test_a_stranger_stays_unknown_and_can_be_enrolled_from_the_picture(
    site: Callable, visit: Visit, enroll: Callable, launch: Callable, facing: Path
) -> None:
    here = site()
    enroll(here.gallery, "Eileen Collins", "astronaut.png")
    page = visit(here, within=launch(film=facing))
    face = page.locator(".face[data-status=unknown]")
    face.wait_for()
    assert face.inner_text().startswith("Unknown")
    face.click()
    dialog = page.get_by_role("dialog")
    assert "Not recognised" in dialog.inner_text()
    dialog.get_by_role("button", name="Enrol this person").click()  # a stranger's 1 % is nobody's name
    dialog.get_by_label("Name").fill("Barack Obama")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Enrol", exact=True).click()
    page.get_by_text("Barack Obama is enrolled").wait_for()
    page.locator(".face[data-status=known]").wait_for()
    assert [person.name for person in here.gallery.people()] == ["Eileen Collins", "Barack Obama"]


def test_a_slow_click_on_the_invitation_counts_whatever_comes_and_goes_meanwhile(
    site: Callable, visit: Visit, launch: Callable, facing: Path
) -> None:
    page = visit(site(), within=launch(film=facing))
    page.locator(".face").wait_for()
    link = page.get_by_role("link", name="Enrol the first person")
    link.hover()
    page.mouse.down()
    figures = page.locator(".figures").inner_text()
    page.wait_for_function("(before) => document.querySelector('.figures').innerText !== before", arg=figures)
    page.mouse.up()
    page.get_by_label("Name").wait_for()


def test_somebody_enrolled_already_is_said_and_the_shots_added_to_them(
    site: Callable, visit: Visit, enroll: Callable
) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg", "obama2.jpg")
    page = visit(here, "#enroll")
    page.get_by_label("Name").fill("Somebody Else")
    page.get_by_role("checkbox").check()
    page.get_by_text("All shots are taken").wait_for()
    page.get_by_role("button", name="Enrol", exact=True).click()
    page.get_by_role("dialog", name="This looks like Barack Obama").wait_for()
    page.get_by_role("button", name="Add these shots to Barack Obama").click()
    page.get_by_role("heading", name="Barack Obama is enrolled").wait_for()
    (person,) = here.gallery.people()
    assert person.references == 7


def test_pictures_are_enrolled_but_those_that_are_not_good(
    site: Callable, visit: Visit, samples: Path, tmp_path: Path
) -> None:
    dark = tmp_path / "dark.jpg"
    PIL.Image.open(samples / "obama3.jpg").point(lambda value: value // 8).save(dark)
    here = site()
    page = visit(here, "#enroll", expected=("415",))
    page.get_by_role("button", name="Pictures").click()
    assert "Choose a picture" in page.locator(".missing").inner_text()
    files = [samples / "obama.jpg", samples / "obama2.jpg", samples / "README.md", dark]
    page.locator("input[type=file]").set_input_files(files)
    page.locator(".picture.fine").nth(2).wait_for()
    assert "not a picture" in page.locator(".picture.refused").inner_text()
    page.get_by_label("Name").fill("Barack Obama")
    assert page.get_by_role("button", name="Enrol", exact=True).is_disabled()  # no consent yet
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Enrol", exact=True).click()
    page.get_by_role("heading", name="Barack Obama is enrolled").wait_for()
    assert page.get_by_text("2 pictures were left out.").is_visible()
    assert ["not a picture" in text for text in page.locator(".picture.refused").all_inner_texts()] == [True, False]
    assert "It is too dark" in page.locator(".picture.refused").last.inner_text()
    assert here.gallery.people()[0].references == 2


def test_a_picture_is_recognised_too(site: Callable, visit: Visit, enroll: Callable, samples: Path) -> None:
    here = site()
    enroll(here.gallery, "Eileen Collins", "astronaut.png")
    page = visit(here)
    page.locator("input[type=file]").set_input_files(samples / "astronaut.png")
    face = page.locator(".face[data-status=known]")
    face.wait_for()
    assert "Eileen Collins" in face.inner_text()
    assert page.evaluate("document.querySelector('video').srcObject") is None  # the camera went off
    page.get_by_role("button", name="Back to the camera").click()
    page.locator(".face[data-status=unknown]").wait_for()


def test_a_face_enrolled_from_a_picture_has_its_name_at_once(site: Callable, visit: Visit, samples: Path) -> None:
    here = site()
    page = visit(here)
    page.locator("input[type=file]").set_input_files(samples / "astronaut.png")
    page.get_by_role("button", name="Back to the camera").wait_for()
    page.locator(".face[data-status=unknown]").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Enrol this person").click()
    dialog.get_by_label("Name").fill("Eileen Collins")
    dialog.get_by_role("checkbox").check()
    dialog.get_by_role("button", name="Enrol", exact=True).click()
    face = page.locator(".face[data-status=known]")
    face.wait_for()
    assert "Eileen Collins" in face.inner_text()
    assert page.locator(".face").count() == 1
    assert page.locator(".invite").is_hidden()  # nor does the page say any longer that nobody is enrolled
    page.get_by_role("link", name="People", exact=True).click()
    page.locator(".person").click()
    page.get_by_role("heading", name="References").wait_for()


def test_a_picture_that_the_browser_cannot_show(site: Callable, visit: Visit, samples: Path, tmp_path: Path) -> None:
    PIL.Image.open(samples / "astronaut.png").convert("RGB").save(tmp_path / "scan.tif")
    page = visit(site())
    page.locator("input[type=file]").set_input_files(tmp_path / "scan.tif")
    page.locator(".still").wait_for()
    page.locator(".face").wait_for()


def test_a_file_that_is_no_picture_takes_the_place_of_the_one_before(
    site: Callable, visit: Visit, samples: Path
) -> None:
    page = visit(site(), expected=("415",))
    chosen = page.locator("input[type=file]")
    chosen.set_input_files(samples / "astronaut.png")
    page.locator(".still").wait_for()
    page.locator(".face").wait_for()
    chosen.set_input_files(samples / "README.md")
    cover = page.locator(".cover")
    cover.get_by_role("alert").wait_for()
    assert cover.get_by_role("heading", name="README.md").is_visible()
    assert "not a picture" in cover.inner_text()
    assert page.locator(".face").count() == 0
    assert page.get_by_role("button", name="Look inside").count() == 0
    chosen.set_input_files(samples / "astronaut.png")
    page.locator(".face").wait_for()
    assert cover.is_hidden()


def test_people_are_found_renamed_and_merged(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack", "obama.jpg")
    enroll(here.gallery, "Obama", "obama2.jpg")
    enroll(here.gallery, "Eileen", "astronaut.png")
    page = visit(here, "#people", expected=("409",))
    page.locator(".person").nth(2).wait_for()
    page.get_by_label("Search by name").fill("bar")
    page.get_by_text("1 person found").wait_for()
    page.locator(".person").click()

    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Eileen")
    page.keyboard.press("Enter")
    page.get_by_text("Somebody is called so already").wait_for()
    page.get_by_role("dialog").get_by_label("Name").fill("Mr President")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Mr President").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", level=1, name="Barack").wait_for()
    assert here.gallery.people()[0].name == "Barack"

    page.get_by_role("button", name="Merge").click()
    page.get_by_role("button", name="Obama 1 reference").click()
    page.get_by_role("dialog", name="Merge Barack into Obama?").get_by_role("button", name="Merge").click()
    page.get_by_role("heading", level=1, name="Obama").wait_for()
    assert {(p.name, p.references) for p in here.gallery.people()} == {("Obama", 2), ("Eileen", 1)}

    page.get_by_role("button", name="Remove", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("The reference was removed.").wait_for()
    assert here.gallery.people()[0].references == 1


def test_a_new_name_that_differs_from_anothers_in_case_only(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack", "obama.jpg")
    enroll(here.gallery, "Obama", "obama2.jpg")
    page = visit(here, "#people/1")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill("obama")
    page.keyboard.press("Enter")
    page.get_by_text("obama and Obama are two people; merge them if they are one.").wait_for()


def test_two_faces_are_compared(site: Callable, visit: Visit, enroll: Callable, samples: Path) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    enroll(here.gallery, "Eileen Collins", "astronaut.png")
    page = visit(here, "#inspect")
    ask_for_views(page, "match")
    page.get_by_role("button", name="Person").first.click()
    page.get_by_role("button", name="Barack Obama").click()
    page.locator("input[type=file]").last.set_input_files(samples / "biden.jpg")
    page.get_by_role("button", name="Compare inside").click(trial=True)  # with the face of a picture it could be done
    page.get_by_role("button", name="Change").last.click()
    page.get_by_role("button", name="Person").click()
    page.get_by_role("button", name="Eileen Collins").click()
    page.get_by_role("button", name="Compare inside").click()
    page.get_by_text("Taking the network apart").wait_for()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()


def ask_for_views(page: Page, views: str) -> None:
    """Have inspections of references show these only: all of them take ten seconds, and are tried elsewhere."""

    def add(route: Route) -> None:
        boundary = route.request.headers["content-type"].partition("boundary=")[2]
        field = f'--{boundary}\r\nContent-Disposition: form-data; name="views"\r\n\r\n{views}\r\n'
        route.continue_(post_data=field + (route.request.post_data or ""))

    page.route("**/api/v1/inspect", add)
