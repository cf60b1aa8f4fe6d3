"""The page under a path that a proxy has put it under, and takes off or passes on: all is found, nothing beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from facepipe.serve.sessions import COOKIE
from tests.serve.page.sub_path import proxy

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.serve.page.conftest import Site

PATH = "/my.apps/facepipe"
Visit = Callable[..., "Page"]
INSPECT = """async () => {
  const api = await import(new URL("page/js/api.js", document.baseURI));
  const answer = await fetch(await api.inspect({ reference: 1, views: "kernel" }));
  return [answer.status, new URL(answer.url).pathname.split("/").slice(0, -1).join("/")];
}"""


@pytest.fixture(params=["takes it off", "passes it on", "takes it off, and the server knows"])
def proxied(request: pytest.FixtureRequest, site: Callable[..., Site]) -> Iterator[tuple[Site, str]]:
    """A server that asks for keys, and its address."""
    knows = request.param != "takes it off"
    here = site("admin", root_path=PATH if knows else "")
    with proxy(int(here.url.rpartition(":")[2]), PATH, strips=request.param != "passes it on") as address:
        yield here, address


def test_all_of_the_page_works(proxied: tuple[Site, str], visit: Visit, enroll: Callable) -> None:
    here, address = proxied
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    page = visit(here, "#people", url=address)
    page.get_by_label("Key").fill(here.key or "")
    page.keyboard.press("Enter")
    portrait = page.locator("img.portrait")
    portrait.wait_for()
    page.wait_for_function("() => document.querySelector('img.portrait').naturalWidth > 0")
    assert [(cookie["name"], cookie["path"]) for cookie in page.context.cookies()] == [(COOKIE, f"{PATH}/api/v1")]
    assert page.evaluate(INSPECT) == [200, f"{PATH}/api/v1/inspections"]
    page.get_by_role("link", name="Recognise", exact=True).click()
    page.get_by_text("per second").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Key").wait_for()
    assert page.context.cookies() == []


def test_without_its_slash_the_address_leads_there_too(proxied: tuple[Site, str], visit: Visit) -> None:
    here, address = proxied
    page = visit(here, url=address)
    page.goto(address)
    page.get_by_label("Key").wait_for()
    assert page.url == f"{address}/"
