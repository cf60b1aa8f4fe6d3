"""What is served at / and under /page/: types, tags, and nothing besides."""

import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from facepipe.serve import page

FOLDER = Path(page.__file__).parent / "page"


@pytest.fixture
def client(serve: Callable) -> Iterator[httpx.Client]:
    app = Starlette()
    page.mount(app)
    with serve(app).client() as client:
        yield client


def test_the_page_is_at_the_root(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == (FOLDER / "index.html").read_bytes()


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("js/main.js", "text/javascript; charset=utf-8"),
        ("css/base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_every_file_has_its_type(client: httpx.Client, path: str, type_: str) -> None:
    answer = client.get(f"/page/{path}")
    assert answer.headers["content-type"] == type_
    assert answer.content == (FOLDER / path).read_bytes()


def test_every_file_of_the_folder_is_served() -> None:
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert {name for name, _ in page.page_files()} == there


def test_a_file_that_the_browser_has_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/page/js/main.js")
    again = client.get("/page/js/main.js", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/page/js/main.js", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    "path", ["nothing.js", "", "js", "../page.py", "%2e%2e/page.py", "js/../../page.py", "..%2fpage.py", "/etc/passwd"]
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    connection = HTTPConnection("127.0.0.1", client.base_url.port, timeout=10)  # sends the path as it is
    connection.request("GET", f"/page/{path}")
    assert connection.getresponse().status == 404
    connection.close()


def test_the_html_has_nothing_that_the_policy_forbids() -> None:
    html = (FOLDER / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    assert not re.search(r"(?:src|href)=\"(?!page/|#)", html)


FORBIDDEN = [
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
    r"[\"'`]https?://(?!www\.w3\.org/)",
    r"[\"'`]/\w",  # a proxy may have the page under a path of its own
]


def test_scripts_make_no_html_of_text_and_stay_small() -> None:
    scripts = {str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*.js")}
    assert len(scripts) > 20
    found = {
        name: [match[0] for rule in FORBIDDEN for match in re.finditer(rule, text)] for name, text in scripts.items()
    }
    assert {name: parts for name, parts in found.items() if parts} == {}
    assert {name for name, text in scripts.items() if len(text.splitlines()) > 300} == set()
