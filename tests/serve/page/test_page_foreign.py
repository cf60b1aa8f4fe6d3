"""A page of another program on this machine, which may call: what a browser lets it send, and that nothing is done."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HELPERS = """
window.call = (url, options) => fetch(url, options).then((answer) => answer.status, () => "unreadable");
window.picture = (url) => new Promise((done) => {
  const image = new Image();
  image.onload = () => done("shown");
  image.onerror = () => done("nothing");
  image.src = url;
});
window.socket = (url) => new Promise((done) => {
  const socket = new WebSocket(url.replace("http", "ws"));
  socket.onmessage = () => done("heard");
  socket.onclose = () => done("closed");
});
window.face = async (url) => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 99, 99);
  const form = new FormData();
  form.append("name", "Eve");
  form.append("gate", "false");
  form.append("images", await new Promise((done) => canvas.toBlob(done)), "eve.png");
  return form;
};
"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another program</title>")

    def log_message(self, *about: object) -> None:
        pass


@pytest.fixture
def another() -> Iterator[str]:
    """The origin of another program's page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://localhost:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture
def foreign(browser: Browser, another: str) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(another)
    page.evaluate(HELPERS)
    yield page
    context.close()


def logged(caplog: pytest.LogCaptureFixture, begin: str) -> list[str]:
    """The statuses in the log's lines that ``begin`` so: it is written after the browser has its answer, and the rest
    of a body that was refused is read before."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if found := [line.split()[2] for line in caplog.messages if line.startswith(begin)]:
            return found
        time.sleep(0.02)
    return []


def test_without_a_key_it_does_nothing(site: Callable, enroll: Callable, foreign: Page, another: str) -> None:
    here = site(origins=(another,))  # a server that asks nobody at this machine for a key
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    api = f"{here.url}/api/v1"
    assert foreign.evaluate("url => call(`${url}/people/1`, { method: 'DELETE' })", api) == 401
    assert foreign.evaluate("async url => call(`${url}/enroll`, { method: 'POST', body: await face() })", api) == 401
    assert foreign.evaluate("url => call(`${url}/people`)", api) == 401
    assert foreign.evaluate("url => picture(`${url}/references/1/picture`)", api) == "nothing"
    assert foreign.evaluate("url => socket(`${url}/live`)", api) == "closed"
    assert [person.name for person in here.gallery.people()] == ["Barack Obama"]


def test_with_one_it_does_what_the_key_may(site: Callable, enroll: Callable, foreign: Page, another: str) -> None:
    here = site("admin", origins=(another,))
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    call = "([url, key]) => call(url, { method: 'DELETE', headers: { Authorization: `Bearer ${key}` } })"
    assert foreign.evaluate(call, [f"{here.url}/api/v1/people/1", here.key]) == 204
    assert here.gallery.people() == []


def test_it_does_not_ride_the_cookie(
    site: Callable, enroll: Callable, foreign: Page, another: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For cookies all ports of a host are one site: the browser sends it along."""
    here = site("admin", origins=(another,))
    enroll(here.gallery, "Barack Obama", "obama.jpg")
    url = here.url.replace("127.0.0.1", "localhost")
    page = foreign.context.new_page()
    page.goto(url)
    page.get_by_label("Key").fill(here.key)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    post = "async url => call(url, { method: 'POST', body: await face(), credentials: 'include' })"
    out = "url => call(url, { method: 'DELETE', credentials: 'include' })"
    with caplog.at_level(logging.INFO, "facepipe.access"):
        assert foreign.evaluate(post, f"{url}/api/v1/enroll") == "unreadable"
        assert logged(caplog, "POST -") == ["401"]
    assert foreign.evaluate("url => socket(url)", f"{url}/api/v1/live") == "closed"
    assert foreign.evaluate(out, f"{url}/api/v1/session") == "unreadable"
    page.reload()
    page.get_by_role("button", name="Sign out").wait_for()
    assert [person.name for person in here.gallery.people()] == ["Barack Obama"]
