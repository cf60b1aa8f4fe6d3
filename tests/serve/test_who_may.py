"""Every route of the application, asked by everybody: who is let in, and with what the others are refused.

The routes are walked, so a new one is covered: it takes a key with the scope read where it reads, admin where it
changes something, or it has to be entered below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.serve.app import API, create_api
from facepipe.serve.keys import SCOPES, Keyring
from facepipe.serve.sessions import COOKIE
from facepipe.serve.settings import Settings
from tests.serve.serving import Served

OPEN = {  # to all but pages of other sites
    *("GET /", "GET /page/{path:path}", "GET /api/v1/openapi.json", "GET /api/v1/health"),
    *("GET /api/v1/session", "POST /api/v1/session", "DELETE /api/v1/session"),
}
READING = {f"POST /api/v1/{verb}" for verb in ("detect", "identify", "verify", "preview", "inspect", "dump")}
ENROLLING = {"POST /api/v1/enroll"}
FOR_OUR_PAGE = {"POST /api/v1/session", "DELETE /api/v1/session"}

SITE, NEIGHBOUR = "https://door.example.org", "http://localhost:3000"  # another program's page on this machine
SERVERS: dict[str, dict[str, Any]] = {
    "open": {},
    "asks for keys": {"require_key": True},
    "behind a proxy": {"names": ("faces.example.org",)},
}
CALLERS: dict[str, dict[str, str]] = {
    "a program": {},
    "our page": {"Origin": "{own}", "Sec-Fetch-Site": "same-origin"},
    "typed": {"Sec-Fetch-Site": "none"},
    "through a proxy": {"X-Forwarded-Proto": "https"},
}
NAMED = {
    "a named site": {"Origin": SITE, "Sec-Fetch-Site": "cross-site"},
    "a named site, in an old browser": {"Origin": SITE},
    "a named site on this machine": {"Origin": NEIGHBOUR, "Sec-Fetch-Site": "same-site"},
}
STRANGERS = {
    "another site": {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    "another program's page": {"Origin": "http://localhost:5000", "Sec-Fetch-Site": "same-site"},
    "a sandboxed page": {"Origin": "null"},
    "a named site over http": {"Origin": SITE.replace("https", "http")},
    "a picture": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    "a picture of a neighbour": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"},
    "a frame": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    "our page by way of another": {"Origin": "{own}", "Sec-Fetch-Site": "cross-site"},
}
EVERYBODY = CALLERS | NAMED | STRANGERS
CREDENTIALS = ("none", "wrong", "cookie", *SCOPES)
STATUS = {"origin-refused": 403, "scope-missing": 403, "key-missing": 401, "key-wrong": 401}


def scope_of(route: str) -> str | None:
    if route in OPEN:
        return None
    if route in ENROLLING:
        return "enroll"
    return "read" if route in READING or route.startswith(("GET ", "WS ")) else "admin"


def expected(route: str, caller: str, credential: str, asks: bool) -> str | None:
    """The code of the refusal, None for whoever is let in."""
    scope = scope_of(route)
    if caller in STRANGERS:
        return "origin-refused"
    if credential == "wrong":
        return "key-wrong"
    if caller in NAMED:
        if credential in ("none", "cookie"):
            return "key-missing"
        if route in FOR_OUR_PAGE:
            return "origin-refused"
    if scope is None or credential == "cookie":
        return None
    if credential == "none":
        return "key-missing" if asks or caller == "through a proxy" else None
    return None if SCOPES.index(credential) >= SCOPES.index(scope) else "scope-missing"


def walked(routes: Iterable[Any]) -> Iterator[str]:
    """``METHOD /path`` of each; FastAPI keeps routers that were included as they are, or unfolds them."""
    for route in routes:
        if (inside := getattr(route, "original_router", None)) is not None:
            yield from walked(inside.routes)
            continue
        path = route.path if route.path == "/" or route.path.startswith(("/api/", "/page/")) else f"{API}{route.path}"
        yield from (f"{method} {path}" for method in sorted(getattr(route, "methods", ["WS"])) if method != "HEAD")


@pytest.fixture
def routes(pipeline: Pipeline, gallery: Gallery) -> list[str]:
    """All of them; that which ends sessions is the last."""
    found = walked(create_api(Settings(), pipeline, gallery).routes)
    return sorted(found, key=lambda route: (route == "DELETE /api/v1/session", route))


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    ring = Keyring(tmp_path / "keys.json")
    return {scope: ring.add(scope, scope) for scope in SCOPES}


@pytest.fixture(params=SERVERS)
def served(request: pytest.FixtureRequest, start: Any, keys: dict[str, str], tmp_path: Path) -> Served:
    often = {"rate": 1e6, "burst": 1e6, "wrong_keys": 10**6}
    return start(origins=(SITE, NEIGHBOUR), keys=tmp_path / "keys.json", **often, **SERVERS[request.param])


def headers_of(caller: str, credential: str, keys: dict[str, str], served: Served) -> dict[str, str]:
    found = {name: value.format(own=served.url) for name, value in EVERYBODY[caller].items()}
    if credential == "cookie":
        with served.client() as page:
            page.post("/api/v1/session", json={"key": keys["admin"]}).raise_for_status()
            return found | {"Cookie": f"{COOKIE}={page.cookies[COOKIE]}"}
    given = {"none": None, "wrong": "fp_wrong"} | keys
    return found if given[credential] is None else found | {"Authorization": f"Bearer {given[credential]}"}


def refusal(answer: httpx.Response) -> str | None:
    """Its code, where it is one of those that say who may not. Every error has the one body."""
    if answer.status_code < 400:
        return None
    code = answer.json()["error"]["code"]
    assert STATUS.get(code, answer.status_code) == answer.status_code
    assert answer.headers["content-type"] == "application/json"
    return code if answer.status_code in (401, 403) else None


def of_websocket(url: str, headers: dict[str, str]) -> str | None:
    try:
        with connect(url.replace("http", "ws", 1), additional_headers=headers, proxy=None) as socket:
            first = json.loads(socket.recv())
            return first["error"]["code"] if first["type"] == "error" else None
    except InvalidStatus as refused:
        return json.loads(refused.response.body)["error"]["code"]


def test_the_walk_meets_all_that_the_openapi_tells_of(routes: list[str], pipeline: Pipeline, gallery: Gallery) -> None:
    told = create_api(Settings(), pipeline, gallery).openapi()["paths"]
    assert {f"{method.upper()} {path}" for path, operations in told.items() for method in operations} <= {*routes}
    assert {*OPEN, *READING, *ENROLLING, "WS /api/v1/live"} <= {*routes}


@pytest.mark.parametrize("caller", EVERYBODY)
def test_who_may_what(caller: str, served: Served, routes: list[str], keys: dict[str, str]) -> None:
    with served.client() as client:
        asks = client.get("/api/v1/session").json()["key_needed"]
        for credential in ("none", "cookie", "admin") if caller in STRANGERS else CREDENTIALS:
            headers = headers_of(caller, credential, keys, served)
            for route in routes:
                method, _, path = route.partition(" ")
                path = re.sub(r"\{.*?\}", "4711", path)
                wanted = expected(route, caller, credential, asks)
                if method == "WS":
                    assert of_websocket(served.url + path, headers) == wanted, (route, credential)
                    continue
                answer = client.request(method, path, headers=headers)
                assert refusal(answer) == wanted, (route, credential)
                assert caller in NAMED or "access-control-allow-origin" not in answer.headers
                assert caller not in NAMED or "set-cookie" not in answer.headers
                assert "access-control-allow-credentials" not in answer.headers
                if method == "GET" and credential == "none":
                    assert client.head(path, headers=headers).status_code == answer.status_code, (route, credential)
