"""The gallery's network is changed over HTTP, and the server goes on with it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
from websockets.sync.client import connect

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.upgrade import Upgrade
from tests.toy_networks import add_grid

URL = "/api/v1/gallery/upgrade"


@pytest.fixture
def small(samples: Path) -> dict[str, bytes]:
    """Portraits, small enough to be quick."""
    found = {}
    for path in samples.glob("*.*g"):
        picture = PIL.Image.open(path).convert("RGB")
        picture.thumbnail((360, 360))
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=95)
        found[path.stem] = data.getvalue()
    return found


@pytest.fixture
def people(pipeline: Pipeline, gallery: Gallery, small: dict[str, bytes], tmp_path: Path) -> Gallery:
    """Barack with two references, Joe with one; the network ``grid`` is there too."""
    add_grid(tmp_path)
    pipeline.enroll("Barack", [small["obama"], small["obama2"]], gallery)
    pipeline.enroll("Joe", [small["biden"]], gallery)
    return gallery


@pytest.fixture
def client(people: Gallery, start: Any) -> Any:
    with start().client() as client:
        client.timeout = 60
        yield client


def used(client: httpx.Client) -> set[str]:
    return {model["name"] for model in client.get("/api/v1/models").json()["models"] if model["used"]}


def who(client: httpx.Client, picture: bytes) -> str | None:
    asked = client.post("/api/v1/identify", files={"image": ("a.jpg", picture)}, data={"threshold": "0.9"})
    assert asked.status_code == 200, asked.text
    return asked.json()["faces"][0]["name"]


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_it_says_what_would_change_and_changes_nothing(client: httpx.Client, people: Gallery) -> None:
    before = people.path.read_bytes()
    found = client.post(URL, json={"backbone": "grid"}).json()
    assert (found["people"], found["references"], found["made"], found["changed"]) == (2, 3, 3, None)
    assert found["before"] == people.backbone
    assert people.path.read_bytes() == before


def test_it_is_changed_used_and_taken_back(
    client: httpx.Client, people: Gallery, pipeline: Pipeline, small: dict[str, bytes]
) -> None:
    networks = used(client)
    assert client.post(URL, json={"backbone": "grid", "apply": True}).json()["changed"] == 3
    facts = client.get("/api/v1/gallery").json()
    assert facts["backbone"].startswith("grid@")
    assert (facts["changed_from"], facts["left_out"]) == (pipeline.backbone.id, 0)
    assert used(client) == networks - {pipeline.backbone.card.name} | {"grid"}
    assert who(client, small["biden"]) == "Joe"
    ask = {"name": "Eileen", "gate": "false"}
    enrolled = client.post("/api/v1/enroll", files={"images": ("e.jpg", small["astronaut"])}, data=ask)
    assert enrolled.status_code == 200, enrolled.text
    assert who(client, small["astronaut"]) == "Eileen"
    assert client.post(f"{URL}/back", json={}).json() == {"references": 3, "made": 1}
    assert used(client) == networks
    assert client.get("/api/v1/gallery").json()["changed_from"] is None
    assert (who(client, small["biden"]), who(client, small["astronaut"])) == ("Joe", "Eileen")


def test_it_is_kept(client: httpx.Client, small: dict[str, bytes]) -> None:
    client.post(URL, json={"backbone": "grid", "apply": True})
    assert client.post(f"{URL}/commit").json() == {"deleted": 0}
    assert refused(client.post(f"{URL}/commit")) == (409, "change-refused")
    assert refused(client.post(f"{URL}/back", json={})) == (409, "change-refused")
    assert who(client, small["biden"]) == "Joe"


def test_what_cannot_be_is_refused(client: httpx.Client, people: Gallery, pipeline: Pipeline) -> None:
    own = pipeline.backbone.card.name
    assert refused(client.post(URL, json={"backbone": own})) == (422, "usage")
    assert refused(client.post(URL, json={"backbone": "nobody"})) == (404, "model-not-found")
    assert refused(client.post(URL, json={})) == (422, "usage")
    with people._hold.writing() as (record, _):
        record.sql.execute("DELETE FROM thumbnail WHERE reference_id = 3")
    asked = client.post(URL, json={"backbone": "grid", "apply": True})
    assert refused(asked) == (409, "change-refused")
    assert asked.json()["error"]["details"] == [{"person": "Joe", "references": 1}]
    assert client.post(URL, json={"backbone": "grid"}).json()["unmade"] == [{"person": "Joe", "references": [3]}]
    changed = client.post(URL, json={"backbone": "grid", "apply": True, "leave_out": True}).json()["changed"]
    assert changed == 2
    assert client.get("/api/v1/gallery").json()["left_out"] == 1
    assert refused(client.post(URL, json={"backbone": own, "apply": True})) == (409, "change-refused")


def test_changed_by_somebody_else_it_says_so(client: httpx.Client, people: Gallery, small: dict[str, bytes]) -> None:
    with Gallery.open(people.path) as other:
        Upgrade(other, Pipeline("grid")).apply()
    asked = client.post("/api/v1/identify", files={"image": ("a.jpg", small["biden"])})
    assert refused(asked) == (409, "gallery-mismatch")
    assert "holds templates of grid@" in asked.json()["error"]["message"]
    assert [person["name"] for person in client.get("/api/v1/people").json()["people"]] == ["Barack", "Joe"]


def test_who_is_seen_live_is_seen_with_it(people: Gallery, start: Any, small: dict[str, bytes]) -> None:
    served = start()
    url = served.url.replace("http", "ws") + "/api/v1/live"
    with served.client() as client, connect(url, origin=served.url) as live:
        client.timeout = 60
        assert json.loads(live.recv())["type"] == "hello"
        live.send(small["biden"])
        assert json.loads(live.recv())["type"] == "frame"
        assert client.post(URL, json={"backbone": "dlib_resnet", "apply": True}).status_code == 200
        for _ in range(2):
            live.send(small["biden"])
            assert json.loads(live.recv())["type"] == "frame"
