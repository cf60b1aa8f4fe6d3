"""Under a path of a proxy's own, which it takes off or passes on."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


@pytest.mark.parametrize("root", ["/facepipe", "/apis", "/a/b"])
def test_with_the_path_and_without(start: Any, root: str) -> None:
    with start(root_path=root).client() as client:
        for path in ("/", "/page/js/main.js", "/api/v1/people", "/api/v1/openapi.json"):
            assert client.get(root + path).content == client.get(path).content
        assert client.get("/api/v1/openapi.json").json()["servers"] == [{"url": root}]
        assert client.get(root).headers["location"] == f"{root}/"
        for path in (f"{root}x/", f"{root}/x", f"{root}{root}/", f"/x{root}/", f"{root}//"):
            assert client.get(path).status_code == 404


def test_what_is_refused_is_refused_under_it_too(start: Any) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    with start(root_path="/facepipe").client(headers=link) as client:
        statuses = [
            client.get(f"/facepipe{path}").status_code for path in ("", "/", "/api/v1/people", "/%61pi/v1/people")
        ]
    assert statuses == [307, 200, 403, 403]


def test_the_page_of_an_inspection_is_under_it(start: Any, samples: Any) -> None:
    with start(root_path="/facepipe").client() as client, (samples / "obama.jpg").open("rb") as photo:
        client.timeout = httpx.Timeout(60)
        page = client.post("/api/v1/inspect", files={"image": photo}, data={"views": "kernel"}).json()["page"]
        assert page.startswith("/facepipe/api/v1/inspections/")
        assert client.get(page).status_code == 200
