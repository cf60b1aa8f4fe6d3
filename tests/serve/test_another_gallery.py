"""Calls that are meant for another gallery than the one that is served, where the same numbers mean other people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from facepipe import read_image
from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.serve.app import create_api
from facepipe.serve.keys import Keyring
from facepipe.serve.needs import HEADER
from facepipe.serve.settings import Settings
from tests.serve.serving import Served, connect
from tests.serve.test_who_may import OPEN, walked

OTHER = "f" * 32
CHANGING: dict[str, dict[str, Any]] = {  # each of the routes that change something, so that it can
    "PATCH /api/v1/people/{id}": {"json": {"name": "Ann"}},
    "POST /api/v1/people/{id}/merge": {"json": {"sources": [2]}},
    "DELETE /api/v1/references/{id}": {},
    "POST /api/v1/gallery/upgrade": {"json": {"backbone": "sface", "apply": True}},
    "POST /api/v1/gallery/upgrade/commit": {},
    "POST /api/v1/gallery/upgrade/back": {"json": {}},
    "DELETE /api/v1/people/{id}": {},
    "POST /api/v1/enroll": {"data": {"name": "Barack Obama"}},
}
REFUSED = {  # for what they are about: the gallery has this network already, and nothing was changed
    "POST /api/v1/gallery/upgrade": "usage",
    "POST /api/v1/gallery/upgrade/commit": "change-refused",
    "POST /api/v1/gallery/upgrade/back": "change-refused",
}


@pytest.fixture
def people(gallery: Gallery, pipeline: Pipeline, samples: Path) -> Gallery:
    for name, photo in (("Barack Obama", "obama.jpg"), ("Barack Obama", "obama2.jpg"), ("Joe Biden", "biden.jpg")):
        pipeline.enroll(name, [read_image(samples / photo)], gallery)
    return gallery


@pytest.fixture
def routes(pipeline: Pipeline, people: Gallery) -> list[str]:
    """All that take a key."""
    return [route for route in walked(create_api(Settings(), pipeline, people).routes) if route not in OPEN]


def held(gallery: Gallery) -> list[tuple[int, str]]:
    return [(reference.id, reference.person) for reference in gallery.references()]


def ask(client: httpx.Client, route: str, samples: Path, **more: Any) -> httpx.Response:
    method, path = re.sub(r"\{.*?\}", "1", route).split()
    if route == "POST /api/v1/enroll":
        more["files"] = {"images": (samples / "obama3.jpg").read_bytes()}
    return client.request(method, path, timeout=60, **CHANGING.get(route, {}), **more)


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"])


def test_the_walk_meets_all_that_change_something(routes: list[str]) -> None:
    reading = re.compile(r"GET |WS |POST /api/v1/(detect|identify|verify|preview|inspect|dump)$")
    assert {route for route in routes if not reading.match(route)} == {*CHANGING}


def test_every_route_refuses_them(start: Any, routes: list[str], people: Gallery, samples: Path) -> None:
    before = held(people)
    with start().client() as client:
        for route in routes:
            if route.startswith("WS"):
                continue
            for how in ({"headers": {HEADER: OTHER}}, {"params": {"gallery": OTHER}}):
                refused = ask(client, route, samples, **how)
                assert (refused.status_code, code(refused)) == (412, "another-gallery"), route
    assert held(people) == before


@pytest.mark.parametrize("says", [True, False])
def test_those_that_are_meant_for_it_are_done_and_so_are_those_that_say_nothing(
    says: bool, start: Any, people: Gallery, samples: Path
) -> None:
    with start().client() as client:
        headers = {HEADER: client.get("/api/v1/gallery").json()["uuid"]} if says else {}
        for route in CHANGING:
            answer = ask(client, route, samples, headers=headers)
            found = code(answer) if answer.status_code >= 300 else None
            assert found == REFUSED.get(route), (route, answer.text)
        assert [person.name for person in people.people()] == ["Barack Obama"]  # who was enrolled last


def test_both_ways_of_saying_it_count(start: Any, people: Gallery) -> None:
    with start().client() as client:
        own = str(people.uuid)
        assert client.get("/api/v1/people", headers={HEADER: own}, params={"gallery": own}).status_code == 200
        for header, parameter in ((own, OTHER), (OTHER, own)):
            answer = client.get("/api/v1/people", headers={HEADER: header}, params={"gallery": parameter})
            assert code(answer) == "another-gallery"
        twice = client.delete("/api/v1/people/1", headers=[(HEADER, own), (HEADER, OTHER)])
        assert code(twice) == "another-gallery"
        assert code(client.get("/api/v1/people", headers={HEADER: "the other one"})) == "usage"


def test_nobody_was_ever_enrolled(start: Any, gallery: Gallery) -> None:
    with start().client() as client:
        assert client.get("/api/v1/gallery").json()["uuid"] is None
        assert code(client.get("/api/v1/people", headers={HEADER: OTHER})) == "another-gallery"


def test_who_has_no_key_is_not_told(start: Any, people: Gallery, tmp_path: Path) -> None:
    Keyring(tmp_path / "keys.json").add("door", "read")
    with start(require_key=True, keys=tmp_path / "keys.json").client() as client:
        for uuid in (OTHER, str(people.uuid)):
            assert code(client.get("/api/v1/people", headers={HEADER: uuid})) == "key-missing"
            assert client.get("/api/v1/health", headers={HEADER: uuid}).status_code == 200
            assert client.get("/api/v1/session", headers={HEADER: uuid}).status_code == 200


def test_a_named_site_may_say_it(start: Any) -> None:
    site = "https://door.example.org"
    asked = {"Origin": site, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": HEADER}
    with start(origins=(site,)).client() as client:
        assert HEADER in client.options("/api/v1/people", headers=asked).headers["access-control-allow-headers"]


def test_the_file_is_replaced_while_the_server_runs(
    start: Any, people: Gallery, pipeline: Pipeline, samples: Path, tmp_path: Path
) -> None:
    """By an import into a new file, put in the place of the old one: the same people with other numbers."""
    before, archive, new = str(people.uuid), tmp_path / "people.zip", tmp_path / "new.db"
    people.remove("Barack Obama")
    people.export(archive)
    with start().client() as client:
        with Gallery.open(new, backbone=pipeline.backbone) as made:
            made.import_(archive)
            assert made.person(1).name == "Joe Biden"
        new.replace(people.path)
        assert code(client.delete("/api/v1/people/1", headers={HEADER: before})) == "another-gallery"
        assert client.get("/api/v1/gallery").json()["uuid"] not in (None, before)
    assert [person.name for person in people.people()] == ["Joe Biden"]


# Live


def first(served: Served, uuid: str) -> dict[str, Any]:
    with connect(f"{served.url}/api/v1/live?gallery={uuid}".replace("http", "ws", 1)) as socket:
        return dict(json.loads(socket.recv(timeout=20)))


def test_live(start: Callable[..., Served], people: Gallery) -> None:
    served = start()
    assert first(served, str(people.uuid))["type"] == "hello"
    refused = first(served, OTHER)
    assert (refused["type"], refused["error"]["code"]) == ("error", "another-gallery")
    assert first(served, "x")["error"]["code"] == "usage"


@pytest.mark.parametrize("message", ["a frame", json.dumps({"type": "enroll", "name": "Ann"})])
def test_live_ends_when_the_file_is_replaced(
    message: str, start: Callable[..., Served], people: Gallery, pipeline: Pipeline, samples: Path, tmp_path: Path
) -> None:
    address = f"{start().url}/api/v1/live?gallery={people.uuid}".replace("http", "ws", 1)
    with connect(address) as socket:
        assert json.loads(socket.recv(timeout=20))["type"] == "hello"
        socket.send(json.dumps({"type": "mode", "mode": "enroll"}))
        assert json.loads(socket.recv(timeout=20))["mode"] == "enroll"
        with Gallery.open(tmp_path / "new.db", backbone=pipeline.backbone) as made:
            pipeline.enroll("Joe Biden", [read_image(samples / "biden.jpg")], made)
        (tmp_path / "new.db").replace(people.path)
        socket.send((samples / "obama.jpg").read_bytes() if message == "a frame" else message)
        told = json.loads(socket.recv(timeout=20))
        assert (told["type"], told["error"]["code"]) == ("error", "another-gallery")
        with pytest.raises(Exception, match="1008"):
            socket.recv(timeout=20)
    assert [person.name for person in people.people()] == ["Joe Biden"]
