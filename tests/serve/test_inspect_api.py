"""inspect and dump over HTTP."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy

from facepipe.errors import PathNotFound
from facepipe.gallery import Gallery
from facepipe.inspect import chosen_views as views
from facepipe.pipeline import Pipeline
from facepipe.serve.inspections import KEPT, MOST, MOST_BYTES, Inspections, policy_of
from facepipe.serve.routes import inspect


@pytest.fixture
def client(start: Any) -> Any:
    with start().client() as client:
        client.timeout = 60
        yield client


@pytest.fixture
def obama(samples: Path) -> bytes:
    return (samples / "obama.jpg").read_bytes()


def look(client: httpx.Client, files: dict[str, bytes], **fields: str) -> httpx.Response:
    asked = client.post("/api/v1/inspect", files=files or {"": b""}, data={"views": "kernel", **fields})
    assert asked.status_code == 200, asked.text
    page = client.get(asked.json()["page"])
    assert page.status_code == 200
    return page


def test_the_page_of_a_picture_may_run_its_own_blocks_and_nothing_else(client: httpx.Client, obama: bytes) -> None:
    page = look(client, {"image": obama})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    for kind in ("script", "style"):
        blocks = re.findall(rf"<{kind}[^>]*>(.*?)</{kind}>", page.text, re.DOTALL)
        hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'" for block in blocks}
        assert blocks
        assert set(policy[f"{kind}-src"].split()) == hashes
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'self'"
    assert not re.search(r"""\son\w+=|\sstyle=|javascript:|https?://(?!www\.w3\.org)""", page.text)
    assert page.headers["cache-control"] == "no-store"


def test_references_and_pictures_are_compared(
    client: httpx.Client, pipeline: Pipeline, gallery: Gallery, samples: Path, obama: bytes
) -> None:
    pipeline.enroll("Barack <b>", [samples / "obama2.jpg", samples / "obama3.jpg"], gallery)
    asked = client.post("/api/v1/inspect", json={"reference": 1, "other_reference": 2, "views": "kernel"})
    both = client.get(asked.json()["page"]).text
    assert "match" in both
    other = look(client, {"image": obama}, other_reference="2", at="496,260").text
    assert "<b>" not in re.sub(r"<b aria-hidden[^>]*>", "", other)  # the name is text
    missing = client.post("/api/v1/inspect", json={"reference": 9})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "reference-not-found")
    client.delete("/api/v1/references/1")  # and no page of it is left
    assert client.get(asked.json()["page"]).status_code == 404


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "usage"),
        ({"reference": "1"}, "usage"),
        ({"at": "1,1"}, "no-face"),
        ({"pick": "2"}, "no-face"),
        ({"views": "everything"}, "usage"),
        ({"views": "match"}, "usage"),  # needs two
        ({"other_pick": "1"}, "usage"),
    ],
)
def test_what_cannot_be_shown(client: httpx.Client, obama: bytes, fields: dict[str, str], code: str) -> None:
    files = {"image": obama} if fields else {"other": obama}
    answer = client.post("/api/v1/inspect", files=files, data=fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_the_views_are_those_there_are() -> None:
    assert tuple(views.VIEWS) == inspect.VIEWS


def test_dumps_hold_the_layers(client: httpx.Client, obama: bytes) -> None:
    asked = {"layers": "blocks.0.*wise", "format": "safetensors"}
    answer = client.post("/api/v1/dump", files={"image": ("ada.jpg", obama)}, data=asked)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="layers.safetensors"'
    tensors = safetensors.numpy.load(answer.content)
    assert any(name.startswith("blocks.0") for name in tensors)
    assert tensors["face/box"].shape == (1, 4)
    numpy_file = client.post("/api/v1/dump", files={"image": ("ada.jpg", obama)}, data={"layers": "blocks.0.*wise"})
    with np.load(io.BytesIO(numpy_file.content)) as arrays:
        assert json.loads(arrays["metadata"].item())["images"] == '["ada.jpg"]'
        for name, values in tensors.items():
            np.testing.assert_array_equal(arrays[name], values)


def test_a_dump_of_nothing(client: httpx.Client, obama: bytes) -> None:
    answer = client.post("/api/v1/dump", files={"image": obama}, data={"layers": "no-such-layer"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "usage")
    none = client.post("/api/v1/dump", files={"image": obama}, data={"at": "2,2"})
    assert (none.status_code, none.json()["error"]["code"]) == (422, "no-face")


def test_an_inspection_that_is_not_there(client: httpx.Client) -> None:
    answer = client.get("/api/v1/inspections/abc")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")


def test_pages_are_kept_a_while_and_only_so_many() -> None:
    now = [0.0]
    kept = Inspections(clock=lambda: now[0])
    first = kept.keep("<p>first</p>")
    assert kept.find(first).html == b"<p>first</p>"
    now[0] = KEPT
    with pytest.raises(PathNotFound):
        kept.find(first)
    ids = [kept.keep(f"<p>{number}</p>") for number in range(MOST + 1)]
    with pytest.raises(PathNotFound):
        kept.find(ids[0])
    assert kept.find(ids[1]).html == b"<p>1</p>"
    large = kept.keep("x" * MOST_BYTES)  # all others go, and it stays: it was asked for
    assert len(kept.find(large).html) == MOST_BYTES
    with pytest.raises(PathNotFound):
        kept.find(ids[-1])


def test_a_page_without_blocks_may_run_none() -> None:
    assert "script-src 'none'; style-src 'none';" in policy_of(b"<p>text</p>")
