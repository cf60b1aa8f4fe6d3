"""Every state but the usual one: no camera, refused, a key needed, the server gone or busy, Chinese, a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facepipe import Pipeline, read_image
from facepipe.serve.live import SOURCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

Visit = Callable[..., "Page"]
VIEWS = ["#recognise", "#enroll", "#people", "#inspect"]
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def bare(launch: Callable[..., Browser]) -> Browser:
    """A browser without a camera."""
    return launch(camera=False)


@pytest.fixture(scope="module")
def refusing(launch: Callable[..., Browser]) -> Browser:
    """A browser whose user does not allow the camera."""
    return launch(allowed=False)


def test_no_camera(site: Callable, visit: Visit, bare: Browser) -> None:
    page = visit(site(), within=bare)
    page.get_by_role("heading", name="No camera found").wait_for()
    assert page.get_by_role("button", name="Choose pictures").is_visible()
    page.get_by_role("link", name="Enrol", exact=True).click()
    page.get_by_role("button", name="Use pictures").click()
    page.get_by_role("heading", name="Drop pictures of one person here").wait_for()


def test_a_bookmark_from_before_is_found(site: Callable, visit: Visit, bare: Browser) -> None:
    page = visit(site(), "#enrol", within=bare)
    page.get_by_role("heading", name="Enrol a person").wait_for()
    assert page.locator(".tabs a[aria-current]").inner_text() == "Enrol"


def test_permission_refused(site: Callable, visit: Visit, refusing: Browser) -> None:
    page = visit(site(), within=refusing)
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("heading", name="The camera is not allowed").wait_for()
    assert page.get_by_role("button", name="Try again").is_visible()


def test_an_address_that_is_not_secure(site: Callable, visit: Visit) -> None:
    here = site("read", names=("facepipe.test",))
    page = visit(here, url=here.url.replace("127.0.0.1", "facepipe.test"), expected=("Cross-Origin-Opener-Policy",))
    page.get_by_label("Key").fill(here.key)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Start the camera").click()
    page.get_by_role("heading", name="The camera needs a secure address").wait_for()


def test_the_camera_goes_off_when_it_is_not_looked_at(site: Callable, visit: Visit) -> None:
    page = visit(site())
    track = "document.querySelector('video')?.srcObject?.getTracks()[0]"
    page.wait_for_function(f"() => {track}?.readyState === 'live'")
    page.evaluate(f"window.first = {track}")
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true, writable: true })")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("() => first.readyState === 'ended'")
    page.evaluate("document.hidden = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function(f"() => {track}?.readyState === 'live'")
    page.evaluate(f"window.second = {track}")
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("heading", name="People").wait_for()
    page.wait_for_function("() => second.readyState === 'ended'")


def test_a_key_is_asked_for(site: Callable, visit: Visit) -> None:
    here = site("enroll")
    page = visit(here, "#people", expected=("401",))
    page.get_by_label("Key").wait_for()
    page.wait_for_function("() => document.activeElement.id === 'key'")
    page.keyboard.type("fp_wrong")
    page.keyboard.press("Enter")
    page.get_by_text("This key is not valid.").wait_for()
    assert page.get_by_role("navigation").count() == 0
    page.get_by_label("Key").fill(here.key)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Nobody is enrolled yet").wait_for()
    page.reload()  # the cookie lasts
    page.get_by_role("link", name="Recognise", exact=True).click()
    page.get_by_text("per second").wait_for()  # the live connection has it too
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key").wait_for()


def test_what_the_key_does_not_allow_is_not_offered(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site("read")
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, "#people/1")
    page.get_by_label("Key").fill(here.key)
    page.keyboard.press("Enter")
    page.get_by_text("need a key with the scope admin").wait_for()
    assert page.get_by_role("button", name=re.compile("Rename|Merge|Remove")).count() == 0
    page.get_by_role("link", name="Enrol", exact=True).click()
    page.get_by_text("Your key may recognise, not enrol").wait_for()


def test_the_connection_is_lost_and_comes_back(site: Callable, visit: Visit) -> None:
    here = site()
    page = visit(here, expected=("ERR_CONNECTION_REFUSED", "WebSocket connection"))
    page.get_by_text("per second").wait_for()
    here.stop()
    page.get_by_text("The connection is lost").wait_for()
    assert page.locator(".face").count() == 0
    assert page.locator(".figures").inner_text() == ""
    assert page.locator(".side [aria-live]").inner_text() == ""
    assert page.get_by_role("button", name="Look inside").count() == 0
    page.evaluate("window.location.hash = '#people'")
    page.get_by_text("The server does not answer").wait_for()
    assert page.locator(".count").inner_text() == ""
    page.evaluate("window.location.hash = '#recognise'")
    page.get_by_text("The connection is lost").wait_for()
    here.start()
    page.get_by_role("button", name="Try now").click()
    page.locator(".face").wait_for()
    assert page.get_by_text("The connection is lost").count() == 0


def test_people_are_listed_when_the_server_is_back(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, "#inspect", expected=("ERR_CONNECTION_REFUSED",))
    page.get_by_role("heading", level=1).wait_for()
    here.stop()
    page.evaluate("window.location.hash = '#people'")
    page.get_by_role("alert").wait_for()
    here.start()
    page.locator(".person").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_who_was_in_view_is_not_said_when_the_camera_is_off(site: Callable, visit: Visit) -> None:
    page = visit(site())
    spoken = page.locator(".side [aria-live]")
    spoken.get_by_text("Unknown").wait_for(state="attached")
    page.get_by_role("button", name="Stop the camera").click()
    page.get_by_role("button", name="Start the camera").wait_for()
    assert spoken.inner_text() == ""
    assert page.locator(".figures").inner_text() == ""


def test_a_busy_server_is_waited_for(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, "#inspect", expected=("503",))
    body = '{"error": {"code": "server-busy", "message": "too much to do", "retry_after": 1}}'

    def once(route: Route) -> None:
        route.fulfill(status=503, content_type="application/json", body=body)

    page.route("**/api/v1/people?*", once, times=1)
    page.evaluate("window.location.hash = '#people'")
    page.get_by_text("The server is busy. Trying again in 1 s.").wait_for()
    page.locator(".person").wait_for()
    assert page.get_by_text("The server is busy").count() == 0


def test_chinese_says_everything_in_chinese(
    site: Callable, visit: Visit, enroll: Callable, pipeline: Pipeline, samples: Path
) -> None:
    here = site()
    enroll(here.gallery, "李雷", "obama.jpg")
    pipeline.enroll("李雷", [read_image((samples / "obama2.jpg").read_bytes(), SOURCE)], here.gallery)
    page = visit(here, locale="zh-CN")
    page.locator(".face").wait_for()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    for view, title in zip([*VIEWS, "#people/1"], ["识别", "登记", "人员", "查看内部", "人员"], strict=True):
        page.evaluate(f"window.location.hash = '{view}'")
        page.wait_for_function(f"() => document.title === '{title} · facepipe'")
        page.locator("h1").wait_for()
        page.wait_for_function("() => !document.body.innerText.includes('请稍候')")
        words = page.locator("body").inner_text()
        assert set(re.findall(r"[A-Za-z.]{3,}", words)) - {"facepipe", "English", "obama.jpg"} == set()


def test_the_language_is_remembered(site: Callable, visit: Visit) -> None:
    page = visit(site(), "#people")
    page.get_by_role("heading", name="Nobody is enrolled yet").wait_for()
    page.get_by_role("button", name="中文").press("Enter")
    page.get_by_role("heading", name="还没有登记任何人").wait_for()
    page.reload()
    page.get_by_role("heading", name="还没有登记任何人").wait_for()


def test_nothing_is_wider_than_a_phone(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff Senior", "obama.jpg", "obama2.jpg")
    page = visit(here, **PHONE)
    page.locator(".face").wait_for()
    for view in [*VIEWS, "#people/1"]:
        page.evaluate(f"window.location.hash = '{view}'")
        page.locator("h1").wait_for()
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        bar = page.get_by_role("navigation").bounding_box()
        assert bar is not None
        assert bar["y"] + bar["height"] == 844  # within reach of the thumb


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_what_is_behind_them(site: Callable, visit: Visit, scheme: str) -> None:
    page = visit(site(), "#people", color_scheme=scheme)
    page.get_by_role("heading", name="Nobody is enrolled yet").wait_for()
    colours = page.evaluate(
        """(names) => Object.fromEntries(names.split(" ").map((name) =>
        [name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)]))""",
        "ink soft accent accent-deep bad bad-deep on-accent on-bad paper card sunk accent-wash bad-wash",
    )
    pairs = [(word, behind) for word in ("ink", "soft", "accent", "bad") for behind in ("paper", "card", "sunk")]
    pairs += [("ink", "accent-wash"), ("accent-deep", "accent-wash"), ("bad-deep", "bad-wash"), ("ink", "bad-wash")]
    pairs += [("on-accent", "accent"), ("on-accent", "accent-deep"), ("on-bad", "bad"), ("on-bad", "bad-deep")]
    too_low = {pair: c for pair in pairs if (c := contrast(colours[pair[0]], colours[pair[1]])) < 4.5}  # WCAG AA
    assert too_low == {}
    dark = luminance(page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')")) < 0.2
    assert dark == (scheme == "dark")


def luminance(colour: str) -> float:
    """Of #rgb or #rrggbb, as WCAG defines it."""
    digits = colour.strip().lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_keyboard_is_enough(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg", "obama2.jpg")
    page = visit(here, "#people")
    page.locator(".person").wait_for()
    focused = "document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.innerText") == "Skip to the content"
    assert page.evaluate(f"getComputedStyle({focused}).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    tab_to(page, ".person")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Barack Obama").wait_for()
    tab_to(page, ".actions button")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    assert page.evaluate(f"{focused}.value") == "Barack Obama"
    page.keyboard.press("Escape")
    page.wait_for_function(f"() => {focused}.textContent === 'Rename'")  # the focus is where it was
    page.keyboard.press("Enter")
    page.keyboard.type("Mr President")
    page.keyboard.press("Enter")
    page.get_by_text("Barack Obama is now called Mr President.").wait_for()
    assert here.gallery.people()[0].name == "Mr President"


def test_a_face_is_opened_by_keyboard(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here)
    page.locator(".face[data-status=known]").wait_for()
    tab_to(page, ".face")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Barack Obama").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "See Barack Obama"
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Barack Obama").wait_for()


def test_a_name_that_is_known_is_suggested(site: Callable, visit: Visit, enroll: Callable) -> None:
    here = site()
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, "#enroll")
    name = page.get_by_role("combobox", name="Name")
    name.focus()
    page.keyboard.type("bar")
    page.get_by_role("option", name="Barack Obama").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert name.input_value() == "Barack Obama"
    assert name.get_attribute("aria-expanded") == "false"


def tab_to(page: Page, selector: str, most: int = 15) -> None:
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached with {most} tabs")
