"""People and references over HTTP; two servers on one gallery."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.records import Consent
from facepipe.serve.app import create_app
from facepipe.serve.settings import Settings


@pytest.fixture
def client(start: Any) -> Any:
    with start().client() as client:
        yield client


@pytest.fixture
def people(pipeline: Pipeline, gallery: Gallery, samples: Path) -> Gallery:
    """Barack (1) with two references (1, 2), Joe (2) with one (3), Eileen (3) with one (4)."""
    pipeline.enroll("Barack", [samples / "obama.jpg", samples / "obama2.jpg"], gallery)
    pipeline.enroll("Joe", [samples / "biden.jpg"], gallery)
    pipeline.enroll("Eileen", [samples / "astronaut.png"], gallery)
    return gallery


def names(client: httpx.Client, **query: Any) -> list[str]:
    return [person["name"] for person in client.get("/api/v1/people", params=query).json()["people"]]


@pytest.mark.usefixtures("people")
def test_people_are_listed_searched_and_paged(client: httpx.Client) -> None:
    assert names(client) == ["Barack", "Joe", "Eileen"]
    assert names(client, search="E") == ["Joe", "Eileen"]
    assert names(client, search="  ARA ") == ["Barack"]
    assert names(client, offset=1, limit=1) == ["Joe"]
    page = client.get("/api/v1/people", params={"search": "e", "limit": 1}).json()
    assert page["total"] == 2
    assert names(client, offset=9) == []
    for query in ({"limit": 0}, {"limit": 10_000}, {"offset": -1}, {"limit": "many"}):
        answer = client.get("/api/v1/people", params=query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "usage")


@pytest.mark.usefixtures("people")
def test_a_person_is_shown_with_their_references(client: httpx.Client) -> None:
    barack = client.get("/api/v1/people/1").json()
    assert (barack["id"], barack["name"], barack["references"], barack["picture"]) == (1, "Barack", 2, 1)
    first, second = client.get("/api/v1/people/1/references").json()["references"]
    assert (first["id"], second["id"]) == (1, 2)
    assert first["source"].endswith("obama.jpg")
    assert first["quality"]["size"] == pytest.approx(225.8, abs=0.5)
    assert client.get("/api/v1/references/2").json() == second
    assert "vector" not in first


def test_what_a_person_agreed_to_is_told(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    agreed = Consent("At the door, until I say no", datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc))
    pipeline.enroll("Ada", [samples / "astronaut.png"], gallery, consent=agreed)
    told = client.get("/api/v1/references/1").json()["consent"]
    assert told["wording"] == "At the door, until I say no"
    assert datetime.fromisoformat(told["given_at"].replace("Z", "+00:00")) == agreed.given_at


def test_a_reference_has_its_picture(client: httpx.Client, people: Gallery) -> None:
    answer = client.get("/api/v1/references/3/picture")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == people.thumbnail(3)
    assert "no-cache" in answer.headers["cache-control"]
    again = client.get("/api/v1/references/3/picture", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get("/api/v1/references/1/picture", headers={"If-None-Match": answer.headers["etag"]})
    assert other.status_code == 200


def test_renaming(client: httpx.Client, people: Gallery) -> None:
    renamed = client.patch("/api/v1/people/2", json={"name": "  Joe Biden "}).json()
    assert (renamed["id"], renamed["name"]) == (2, "Joe Biden")
    assert [person.name for person in people.people()] == ["Barack", "Joe Biden", "Eileen"]
    taken = client.patch("/api/v1/people/2", json={"name": "Barack"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "person-exists")
    odd = client.patch("/api/v1/people/2", json={"name": "a\u0000b"})
    assert (odd.status_code, odd.json()["error"]["code"]) == (422, "name-invalid")
    assert client.patch("/api/v1/people/2", json={"name": "../../etc 🙂"}).json()["name"] == "../../etc 🙂"


def test_merging(client: httpx.Client, people: Gallery) -> None:
    merged = client.post("/api/v1/people/1/merge", json={"sources": [2, 3]}).json()
    assert (merged["id"], merged["references"]) == (1, 4)
    assert [person.name for person in people.people()] == ["Barack"]
    itself = client.post("/api/v1/people/1/merge", json={"sources": [1]})
    assert (itself.status_code, itself.json()["error"]["code"]) == (422, "usage")
    gone = client.post("/api/v1/people/1/merge", json={"sources": [2]})
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "person-not-found")


def test_removing_a_person_and_a_reference(client: httpx.Client, people: Gallery) -> None:
    assert client.delete("/api/v1/references/1").status_code == 204
    assert client.get("/api/v1/people/1").json()["references"] == 1
    assert client.delete("/api/v1/references/3").status_code == 204  # Joe's last one: he goes with it
    assert client.get("/api/v1/people/2").status_code == 404
    removed = client.delete("/api/v1/people/3")
    assert (removed.status_code, removed.content) == (204, b"")
    assert [person.name for person in people.people()] == ["Barack"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "people/7", "person-not-found"),
        ("PATCH", "people/7", "person-not-found"),
        ("DELETE", "people/7", "person-not-found"),
        ("POST", "people/7/merge", "person-not-found"),
        ("GET", "people/7/references", "person-not-found"),
        ("GET", "references/7", "reference-not-found"),
        ("DELETE", "references/7", "reference-not-found"),
        ("GET", "references/7/picture", "reference-not-found"),
    ],
)
def test_who_is_not_there_is_not_found(
    client: httpx.Client, people: Gallery, method: str, path: str, code: str
) -> None:
    body = {"PATCH": {"name": "Ada"}, "POST": {"sources": [1]}}.get(method)
    answer = client.request(method, f"/api/v1/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)
    assert len(people) == 4


@pytest.mark.usefixtures("people")
def test_a_number_that_is_none_is_usage(client: httpx.Client) -> None:
    for number in ("0", "-1", "ada", "1.5", str(2**70)):
        answer = client.get(f"/api/v1/people/{number}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "usage")


@pytest.mark.usefixtures("people")
def test_what_the_server_is(client: httpx.Client, pipeline: Pipeline) -> None:
    assert client.get("/api/v1/health").json()["ok"] is True
    facts = client.get("/api/v1/gallery").json()
    assert (facts["people"], facts["references"], facts["backbone"]) == (3, 4, pipeline.backbone.id)
    assert "path" not in facts
    used = {model["name"] for model in client.get("/api/v1/models").json()["models"] if model["used"]}
    assert used == {"yunet", "sface"}


def test_while_somebody_else_writes_the_answer_is_busy(
    pipeline: Pipeline, serve: Any, tmp_path: Path, samples: Path
) -> None:
    with Gallery.open(tmp_path / "held.db", backbone=pipeline.backbone, busy_timeout=0.05) as held:
        pipeline.enroll("Ada", [samples / "astronaut.png"], held)
        with serve(create_app(Settings(), pipeline, held)).client() as client:
            other = sqlite3.connect(held.path, isolation_level=None)
            other.execute("BEGIN EXCLUSIVE")
            answer = client.patch("/api/v1/people/1", json={"name": "Bob"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "gallery-busy")
            assert answer.headers["Retry-After"] == "1"
            assert str(tmp_path) not in answer.text
            other.close()
            assert client.patch("/api/v1/people/1", json={"name": "Bob"}).status_code == 200


@pytest.fixture
def other_process(tmp_path: Path) -> Any:
    """The URL of a server that is a process of its own, on the same gallery."""
    command = [sys.executable, "-m", "facepipe", "serve", "--port", "0", "--gallery", str(tmp_path / "people.db")]
    repository = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": repository}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://\S+/", line)
    assert found is not None, line
    yield found[0].rstrip("/")
    process.terminate()
    process.communicate(timeout=30)


def test_two_processes_agree(client: httpx.Client, other_process: str, samples: Path) -> None:
    def ask(name: str) -> list[str | None]:
        image = {"image": (samples / name).read_bytes()}
        return [face["name"] for face in other.post("/api/v1/identify", files=image).json()["faces"]]

    with httpx.Client(base_url=other_process, timeout=60, trust_env=False) as other:
        until = time.monotonic() + 60
        while True:  # it loads its networks first
            try:
                assert other.get("/api/v1/health").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < until
                time.sleep(0.05)
        assert ask("obama3.jpg") == [None]
        enrolled = client.post(
            "/api/v1/enroll", data={"name": "Barack"}, files={"images": (samples / "obama.jpg").read_bytes()}
        )
        assert enrolled.status_code == 200
        assert ask("obama3.jpg") == ["Barack"]
        assert other.patch("/api/v1/people/1", json={"name": "Barack Obama"}).status_code == 200
        assert names(client) == ["Barack Obama"]
        assert client.delete("/api/v1/people/1").status_code == 204
        assert ask("obama3.jpg") == [None]
