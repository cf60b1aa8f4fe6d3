"""Bodies: what requests may hold, and how the server says that they do not."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from facepipe.serve.example import FACE
from facepipe.serve.routes import enroll, faces


@pytest.fixture
def client(start: Any) -> Any:
    with start().client() as client:
        yield client


OPENING = ("open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen")
_watched: list[tuple[str, str]] | None = None
_tester: int | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is None or event not in OPENING or threading.get_ident() == _tester:
        return
    what = str(arguments[0] if event == "open" else arguments[-1])
    if what != faces.__file__ and what != enroll.__file__:  # FastAPI looks up the line of the route that failed
        _watched.append((event, what))


@contextmanager
def what_the_server_opens() -> Iterator[list[tuple[str, str]]]:
    """Every file, socket and process that threads other than the test's own open. Python calls the hook for each."""
    global _watched, _tester
    if not getattr(_watch, "added", False):
        sys.addaudithook(_watch)
        _watch.added = True  # type: ignore[attr-defined]
    _watched, _tester = [], threading.get_ident()
    try:
        yield _watched
    finally:
        _watched = None


@pytest.mark.parametrize(
    "text", ["http://127.0.0.1:9/x.jpg", "file:///etc/passwd", "/etc/passwd", "/etc/host123", "../x", "data:image/png;"]
)
def test_a_url_or_a_path_is_never_followed(client: httpx.Client, text: str) -> None:
    assert client.get("/api/v1/health").status_code == 200  # the connection is open
    with what_the_server_opens() as opened:
        for answer in (
            client.post("/api/v1/detect", json={"image": text}),
            client.post("/api/v1/detect", data={"image": text}, files={"x": b""}),
            client.post("/api/v1/enroll", json={"name": "Ada", "images": [text]}),
        ):
            assert answer.status_code == 422
            assert answer.json()["error"]["code"] == "usage"
    assert opened == []


def test_opening_a_file_would_have_been_noticed() -> None:
    with what_the_server_opens() as opened:
        thread = threading.Thread(target=lambda: Path(__file__).open().close())
        thread.start()
        thread.join()
    assert ("open", __file__) in opened


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "image: Field required"),
        ({"image": FACE, "colour": "red"}, "colour: Extra inputs are not permitted"),
        ({"image": FACE, "top": 0}, "top: Input should be greater than or equal to 1"),
        ({"image": FACE, "top": "3"}, "top: Input should be a valid integer"),
        ({"image": FACE, "fmr": "1e-9"}, "fmr: "),
        ({"image": FACE, "threshold": None}, "threshold: expected a value, got null"),
        ([], "body: "),
    ],
)
def test_json_is_told_what_is_wrong_with_it(client: httpx.Client, body: object, told: str) -> None:
    answer = client.post("/api/v1/identify", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "usage"
    assert error["message"].startswith(told)


def test_a_form_is_told_what_is_wrong_with_it(client: httpx.Client) -> None:
    image = {"image": base64.b64decode(FACE)}
    for fields, told in (
        ({"top": "many"}, "top: "),
        ({"image": "text"}, "image: expected once, given several times"),
        ({"colour": "red"}, "colour: Extra inputs"),
    ):
        answer = client.post("/api/v1/identify", files=image, data=fields)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].startswith(told)


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"top": "2"}, True),
        ({"top": "2.0"}, True),
        ({"threshold": "-1e-1"}, True),
        *(({"top": wrong}, False) for wrong in ("1_0", "0x1", "two", "2.5", "true", "", "[2]", "null")),
        *(({"threshold": wrong}, False) for wrong in ("NaN", "Infinity", "1e999", "true", "null", '"0.5"')),
    ],
)
def test_numbers_in_a_form_are_written_as_in_json(client: httpx.Client, fields: dict[str, str], right: bool) -> None:
    answer = client.post("/api/v1/identify", files={"image": base64.b64decode(FACE)}, data=fields)
    assert answer.status_code == (200 if right else 422)


def test_switches_in_a_form_are_true_or_false(client: httpx.Client) -> None:
    for number, (text, status) in enumerate([("true", 200), ("false", 200), ("1", 422), ("yes", 422), ("", 422)]):
        fields = {"name": f"Ada {number}", "anyway": "true", "gate": text}
        answer = client.post("/api/v1/enroll", files={"images": base64.b64decode(FACE)}, data=fields)
        assert answer.status_code == status, text


def test_too_many_files_and_fields_are_refused(client: httpx.Client) -> None:
    data = base64.b64decode(FACE)
    many = client.post("/api/v1/enroll", data={"name": "Ada"}, files=[("images", data)] * 21)
    assert (many.status_code, many.json()["error"]["code"]) == (422, "usage")
    crowded = client.post("/api/v1/detect", files={"image": data}, data={f"field{n}": "" for n in range(30)})
    assert (crowded.status_code, crowded.json()["error"]["code"]) == (422, "usage")


@pytest.mark.parametrize(
    ("kind", "body"),
    [("text/plain", b"x"), ("application/x-www-form-urlencoded", b"image=x"), ("", b"")],
)
def test_other_bodies_are_refused(client: httpx.Client, kind: str, body: bytes) -> None:
    answer = client.post("/api/v1/detect", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "body-format")


def test_a_damaged_body_is_refused(client: httpx.Client) -> None:
    for kind, body in (
        ("application/json", b'{"image": '),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 100_000),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: nothing\r\n\r\n"),
    ):
        answer = client.post("/api/v1/detect", content=body, headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "usage"), body[:20]


def test_a_picture_without_a_file_name_is_taken(client: httpx.Client) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + base64.b64decode(FACE) + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/v1/detect", content=part, headers=headers)
    assert answer.status_code == 200
    assert len(answer.json()["faces"]) == 1


def test_unknown_paths_and_methods_have_the_same_body(client: httpx.Client) -> None:
    missing = client.get("/api/v1/nowhere")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not-found")
    refused = client.put("/api/v1/people/1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (405, "method-not-allowed")
    assert refused.headers["Allow"] == "GET, HEAD, PATCH, DELETE"


def test_whole_numbers_in_json_may_have_a_point(client: httpx.Client) -> None:
    body = json.dumps({"image": FACE, "top": 2.0})
    assert (
        client.post("/api/v1/identify", content=body, headers={"Content-Type": "application/json"}).status_code == 200
    )


def test_an_unexpected_error_says_nothing_of_itself(start: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(image: object) -> None:
        raise RuntimeError("the secret of /home/ada")

    monkeypatch.setattr(pipeline, "detect", fail)
    with start().client() as client:
        answer = client.post("/api/v1/detect", json={"image": FACE})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "error"
    assert "secret" not in answer.text
