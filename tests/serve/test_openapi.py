"""The OpenAPI is complete, its examples run, and the server does what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.serve.app import create_api
from facepipe.serve.keys import Keyring
from facepipe.serve.settings import Settings
from tests.serve.calibrating import calibrate
from tests.serve.serving import Served

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def schema(pipeline: Pipeline, gallery: Gallery) -> dict[str, Any]:
    return create_api(Settings(), pipeline, gallery).openapi()


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, about) for path, both in schema["paths"].items() for method, about in both.items()]


def test_every_verb_is_there(schema: dict[str, Any]) -> None:
    found = {f"{method.upper()} {path.removeprefix('/api/v1/')}" for path, method, _ in operations(schema)}
    assert found == {
        *("POST detect", "POST preview", "POST identify", "POST verify", "POST enroll", "POST inspect", "POST dump"),
        *("GET people", "GET people/{id}", "PATCH people/{id}", "DELETE people/{id}", "POST people/{id}/merge"),
        *("GET people/{id}/references", "GET references/{id}", "DELETE references/{id}", "GET references/{id}/picture"),
        *("POST gallery/upgrade", "POST gallery/upgrade/commit", "POST gallery/upgrade/back"),
        *("GET inspections/{id}", "GET health", "GET models", "GET gallery"),
        *("GET session", "POST session", "DELETE session"),
    }


def test_every_operation_is_described_with_its_errors(schema: dict[str, Any]) -> None:
    for path, method, about in operations(schema):
        where = f"{method} {path}"
        assert about["summary"], where
        assert about["description"], where
        assert {"401", "403", "422", "429", "500"} <= set(about["responses"]), where
        for status, response in about["responses"].items():
            assert response["description"], where
            if int(status) >= 400:
                body = response["content"]["application/json"]["schema"]
                assert body == {"$ref": "#/components/schemas/ErrorBody"}, (where, status)
        if "requestBody" in about:
            assert {"413", "415"} <= set(about["responses"]), where


def test_every_answer_and_every_body_has_an_example(schema: dict[str, Any]) -> None:
    models = schema["components"]["schemas"]
    for path, method, about in operations(schema):
        answer = about["responses"].get("200", {}).get("content", {}).get("application/json")
        if answer is not None:
            name = answer["schema"]["$ref"].rpartition("/")[2]
            assert models[name].get("examples"), (method, path)
        for kind, body in about.get("requestBody", {}).get("content", {}).items():
            if kind == "application/json":
                told = body.get("examples") or models[body["schema"]["$ref"].rpartition("/")[2]].get("examples")
                assert told, (method, path)


def test_the_examples_run(
    schema: dict[str, Any], start: Any, pipeline: Pipeline, gallery: Gallery, samples: Path
) -> None:
    for name in ("obama", "biden", "astronaut"):
        (photo,) = samples.glob(f"{name}.*")
        pipeline.enroll(name, [photo], gallery)
    ran = 0
    with start().client() as client:
        client.timeout = 60
        for path, method, about in operations(schema):
            for example in (
                about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
            ):
                body = about["requestBody"]["content"]["application/json"]["examples"][example]["value"]
                asked = client.request(method, path.replace("{id}", "1"), json=body)
                # the example is the astronaut; nothing was changed
                allowed = {"/enroll": {"enrolled-already"}, "/back": {"change-refused"}}.get(
                    path[path.rindex("/") :], ()
                )
                assert asked.status_code == 200 or asked.json()["error"]["code"] in allowed, (path, asked.text)
                ran += 1
    assert ran >= 8


def test_a_server_that_asks_for_keys_says_so(pipeline: Pipeline, gallery: Gallery, schema: dict[str, Any]) -> None:
    asking = create_api(Settings(require_key=True), pipeline, gallery).openapi()
    assert asking["paths"]["/api/v1/detect"]["post"]["security"] == [{"key": []}, {"session": []}]
    assert schema["paths"]["/api/v1/detect"]["post"]["security"] == [{}, {"key": []}, {"session": []}]
    assert asking["paths"]["/api/v1/health"]["get"]["security"] == []


def test_no_page_from_elsewhere_shows_it(start: Any) -> None:
    with start().client() as client:
        assert client.get("/api/v1/openapi.json").status_code == 200
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert client.get(path).status_code == 404


def test_schemathesis_finds_nothing(
    start: Any, pipeline: Pipeline, gallery: Gallery, samples: Path, tmp_path: Path
) -> None:
    """A few examples for each operation; scripts/check_openapi.py tries a hundred, and all phases."""
    keys = tmp_path / "keys.json"
    key = Keyring(keys).add("check", "admin")
    pipeline.enroll("Eve", [samples / "obama.jpg"], gallery)
    pipeline.enroll("Ben", [samples / "biden.jpg"], gallery)
    calibrate(gallery, pipeline, fpir={"1e-1": 0.34, "1e-2": 0.4, "1e-3": 0.45})
    served: Served = start(keys=keys, require_key=True, wrong_keys=10_000)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{served.url}/api/v1/openapi.json"),
        *("--checks", "all", "--phases", "examples,fuzzing,stateful", "--max-examples", "5", "--seed", "1"),
        *("--header", f"Authorization: Bearer {key}", "--suppress-health-check", "all"),
        *("--request-timeout", "120", "--max-response-time", "60"),  # seconds: an inspection takes some
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "openapi_hooks",  # a module: only newer versions take a path
        "PYTHONPATH": os.pathsep.join(map(str, (SCRIPTS, SCRIPTS.parent))),
        "NO_COLOR": "1",
    }
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "Tested: 26" in run.stdout
