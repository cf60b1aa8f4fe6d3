"""Host, Origin and what browsers say of where a request comes from. The rules alone; test_guard.py has them at work."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from starlette.datastructures import Headers

from facepipe.serve import origins
from facepipe.serve.settings import Settings

LOCAL = Settings()
OPEN = Settings(host="0.0.0.0", names=("faces.example.org",))


def code(settings: Settings, path: str = "/api/v1/people", query: str = "", scheme: str = "http", **given: str) -> Any:
    headers = Headers({"host": "localhost:8000"} | {name.replace("_", "-"): value for name, value in given.items()})
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "scheme": scheme}
    fault = origins.fault(scope, headers, settings)
    return None if fault is None else fault.code


LOOPBACK = ["localhost", "localhost:8000", "LOCALHOST:1", "localhost.:80", "127.0.0.1:8000", "[::1]:8000", "[::1]"]


@pytest.mark.parametrize("host", [*LOOPBACK, "127.0.0.5", "[0:0:0:0:0:0:0:1]:8000"])
def test_this_machine_under_its_own_names(host: str) -> None:
    assert code(LOCAL, host=host) is None
    assert code(OPEN, host=host) is None


REBOUND = [
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "evil.localhost",
    "localhost..",
    "127.0.0.1.evil.example",
    "",
    "localhost@evil",
]
BROKEN = [
    "localhost:x",
    "localhost/evil",
    "localhost?",
    "[::1",
    "localhost evil",
    "localhost:99999",
    "127.1",
    "2130706433",
]


@pytest.mark.parametrize("host", [*REBOUND, *BROKEN, "192.168.1.7", "169.254.169.254"])
def test_any_other_name_is_refused_on_loopback(host: str) -> None:
    assert code(LOCAL, host=host) == "origin-refused"


@pytest.mark.parametrize("host", [*REBOUND, *BROKEN])
def test_a_name_that_anybody_could_point_here_is_refused_everywhere(host: str) -> None:
    assert code(OPEN, host=host) == "origin-refused"


@pytest.mark.parametrize("host", ["192.168.1.7:8000", "[fe80::1]", "faces.example.org", socket.gethostname()])
def test_on_a_network_it_has_its_addresses_and_names(host: str) -> None:
    assert code(OPEN, host=host) is None


@pytest.mark.parametrize("scheme", ["http", "ws"])
@pytest.mark.parametrize("origin", ["http://localhost:8000", "http://LOCALHOST:8000", "https://localhost:8000"])
def test_its_own_pages_may_call(origin: str, scheme: str) -> None:
    assert code(LOCAL, origin=origin, scheme=scheme) is None


FOREIGN = ["https://evil.example", "null", "", "http://localhost", "http://localhost:3000", "http://127.0.0.1:8000"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_others_may_not_though_they_were_on_this_machine(origin: str) -> None:
    assert code(LOCAL, origin=origin) == "origin-refused"
    assert code(LOCAL, origin=origin, sec_fetch_site="same-origin") == "origin-refused"


@pytest.mark.parametrize("scheme", ["https", "wss"])
def test_a_plain_page_may_not_call_a_server_with_a_certificate(scheme: str) -> None:
    assert code(LOCAL, origin="https://localhost:8000", scheme=scheme) is None
    assert code(LOCAL, origin="http://localhost:8000", scheme=scheme) == "origin-refused"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_says_of_a_call_counts_though_the_origin_be_ours(site: str) -> None:
    """The page over http at https, behind a proxy; or ours, sent on by another site."""
    assert code(LOCAL, origin="http://localhost:8000", sec_fetch_site=site) == "origin-refused"


@pytest.mark.parametrize("path", ["/api/v1/health", "/api/v1/people", "/"])
def test_without_a_host_there_is_only_whether_it_is_up(path: str) -> None:
    for settings in (LOCAL, OPEN):
        assert code(settings, path, host="") == (None if path == "/api/v1/health" else "origin-refused")


def test_a_named_site_may_call() -> None:
    settings = Settings(origins=("https://door.example.org",))
    assert code(settings, origin="https://door.example.org", sec_fetch_site="cross-site") is None
    assert code(settings, origin="https://door.example.org.evil") == "origin-refused"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_reading_from_elsewhere_is_refused_without_an_origin_too(site: str) -> None:
    """As <img src=…> and <script src=…> do."""
    assert code(LOCAL, sec_fetch_site=site) == "origin-refused"
    assert code(LOCAL, sec_fetch_site=site, path="/page/js/main.js") == "origin-refused"


def test_typed_and_from_a_program() -> None:
    assert code(LOCAL, sec_fetch_site="none") is None
    assert code(LOCAL, sec_fetch_site="same-origin") is None
    assert code(LOCAL) is None


def test_a_link_may_lead_to_the_page_but_not_to_data_nor_into_a_frame() -> None:
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert code(LOCAL, path="/", **link) is None
    assert code(LOCAL, path="/api/v1/people", **link) == "origin-refused"
    assert code(LOCAL, path="/", **link | {"sec_fetch_dest": "iframe"}) == "origin-refused"


@pytest.mark.parametrize("query", ["key=x", "a=1&API_KEY=x", "access_token=", "%74oken=x", f"q=fp_{'A' * 43}"])
def test_a_key_in_the_url_is_refused_with_a_hint(query: str) -> None:
    assert code(LOCAL, query=query) == "usage"


def test_a_key_in_the_path_too() -> None:
    assert code(LOCAL, path=f"/api/v1/people/fp_{'-' * 43}") == "usage"
    assert code(LOCAL, query="search=token&offset=1&keys=2") is None
