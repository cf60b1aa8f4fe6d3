"""The guard on a real server: who gets in, how often, and what every answer looks like."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from facepipe.serve.answers import POLICY
from facepipe.serve.guard import SMALL
from facepipe.serve.keys import Keyring
from facepipe.serve.sessions import COOKIE
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve, Served, connect
from tests.serve.tiny_app import tiny_app

PLENTY = Settings(burst=10_000, wrong_keys=10_000)


@pytest.fixture(scope="module")
def served(serve_module: Serve) -> Served:
    return serve_module(tiny_app(PLENTY), PLENTY)


@pytest.fixture
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as opened:
        yield opened


@pytest.fixture
def keys(home: object) -> dict[str, str]:
    ring = Keyring()
    return {scope: ring.add(f"{scope} key", scope) for scope in ("read", "enroll", "admin")}


@pytest.fixture
def guarded(serve: Serve, keys: dict[str, str]) -> Iterator[httpx.Client]:
    """A client of a server that asks for keys."""
    settings = Settings(require_key=True)
    with serve(tiny_app(settings), settings).client() as opened:
        yield opened


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# Keys and scopes


def test_on_this_machine_everything_is_allowed(client: httpx.Client) -> None:
    assert client.get("/api/v1/people/1").json() == {"id": "1"}
    assert client.post("/api/v1/enroll", content=b"x").json() == {"bytes": 1}
    assert client.delete("/api/v1/people/1").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-forwarded-proto", "Forwarded", "Via", "CF-Connecting-IP"])
def test_what_a_proxy_passes_on_is_not_from_this_machine(client: httpx.Client, header: str) -> None:
    assert code(client.get("/api/v1/people/1", headers={header: "1.2.3.4"})) == (401, "key-missing")


def test_with_a_further_name_it_takes_a_key(serve: Serve, keys: dict[str, str]) -> None:
    """Also under its own: a proxy that was set up without care passes strangers on as if they were here."""
    settings = Settings(names=("faces.example.org",))
    host = {"Host": "faces.example.org"}
    with serve(tiny_app(settings), settings).client() as client:
        assert code(client.get("/api/v1/people/1")) == (401, "key-missing")
        assert code(client.get("/api/v1/people/1", headers=host)) == (401, "key-missing")
        assert client.get("/api/v1/session", headers=host).json() == {"key_needed": True, "scopes": []}
        assert client.get("/api/v1/people/1", headers=host | bearer(keys["read"])).status_code == 200


def test_a_key_does_what_its_scope_says(guarded: httpx.Client, keys: dict[str, str]) -> None:
    calls = (
        ("read", "GET", "/api/v1/people/1"),
        ("enroll", "POST", "/api/v1/enroll"),
        ("admin", "DELETE", "/api/v1/people/1"),
    )
    for may, scope in enumerate(("read", "enroll", "admin"), start=1):
        answers = [guarded.request(method, path, headers=bearer(keys[scope])) for _, method, path in calls]
        assert [answer.status_code for answer in answers] == [200] * may + [403] * (3 - may)
        for (takes, _, _), refused in list(zip(calls, answers, strict=True))[may:]:
            assert code(refused) == (403, "scope-missing")
            assert f"it takes one with the scope {takes}" in refused.text


def test_without_a_key_only_what_is_open(guarded: httpx.Client) -> None:
    answer = guarded.get("/api/v1/people/1")
    assert code(answer) == (401, "key-missing")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert guarded.get("/").status_code == 200


@pytest.mark.parametrize("header", ["Bearer fp_wrong", "Bearer", "Basic YTpi", "fp_wrong", ""])
def test_a_wrong_key_gets_nothing_where_none_is_needed_either(client: httpx.Client, header: str) -> None:
    answer = client.get("/", headers={"Authorization": header})
    assert code(answer) == (401, "key-wrong")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_hundred_wrong_keys_while_a_right_one_works(guarded: httpx.Client, keys: dict[str, str]) -> None:
    """From one address: whoever shares it with an attacker is let in all the same."""
    wrong, right = [], []
    for number in range(100):
        wrong.append(guarded.get("/api/v1/people/1", headers=bearer(f"fp_{number}")))
        right.append(guarded.get("/api/v1/people/1", headers=bearer(keys["read"])))
    assert [answer.status_code for answer in wrong[:10]] == [401] * 10
    assert [answer.status_code for answer in wrong].count(429) >= 85
    assert int(wrong[-1].headers["retry-after"]) == wrong[-1].json()["error"]["retry_after"] >= 1
    assert {answer.status_code for answer in right} == {200}


def test_a_key_removed_or_added_counts_at_once(guarded: httpx.Client, keys: dict[str, str]) -> None:
    Keyring().remove("read key")
    assert guarded.get("/api/v1/people/1", headers=bearer(keys["read"])).status_code == 401
    assert guarded.get("/api/v1/people/1", headers=bearer(Keyring().add("new"))).status_code == 200


def test_with_its_keys_damaged_the_server_lets_nobody_in(guarded: httpx.Client, keys: dict[str, str]) -> None:
    Keyring().path.write_text("{")
    answer = guarded.get("/api/v1/people/1", headers=bearer(keys["admin"]))
    assert code(answer) == (500, "server")
    assert "keys.json" in answer.text
    assert str(Keyring().path.parent) not in answer.text


def test_a_key_in_the_url_is_no_key(guarded: httpx.Client, keys: dict[str, str]) -> None:
    answer = guarded.get("/api/v1/people/1", params={"key": keys["admin"]})
    assert code(answer) == (422, "usage")
    assert "Authorization: Bearer" in answer.text
    assert keys["admin"] not in answer.text


# How often


def test_each_key_has_its_rate(serve: Serve, keys: dict[str, str]) -> None:
    settings = Settings(require_key=True, rate=0.001, burst=3)
    with serve(tiny_app(settings), settings).client() as client:
        answers = [client.post("/api/v1/enroll", headers=bearer(keys["enroll"])) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[3].headers["retry-after"]) > 500
        assert answers[3].json()["error"]["retry_after"] == int(answers[3].headers["retry-after"])
        assert client.post("/api/v1/enroll", headers=bearer(keys["admin"])).status_code == 200


def test_looking_costs_a_tenth(serve: Serve) -> None:
    settings = Settings(rate=0.001, burst=3)
    with serve(tiny_app(settings), settings).client() as client:
        assert {client.get("/api/v1/people/1").status_code for _ in range(29)} == {200}
        assert [client.get("/").status_code for _ in range(3)][-1] == 429


# Where from


ELSEWHERE = [("Origin", "https://evil.example"), ("Origin", "null"), ("Host", "evil.example")]


@pytest.mark.parametrize("header", [*ELSEWHERE, ("Sec-Fetch-Site", "cross-site")])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_from_elsewhere_nothing_is_to_be_had(client: httpx.Client, header: tuple[str, str], method: str) -> None:
    answer = client.request(method, "/api/v1/people/1", headers=[header])
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert method == "HEAD" or code(answer) == (403, "origin-refused")


def test_its_own_page_may_call(served: Served, client: httpx.Client) -> None:
    headers = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/v1/enroll", content=b"x", headers=headers).status_code == 200


def test_a_site_that_was_named_may_call_and_read(serve: Serve, keys: dict[str, str]) -> None:
    site = "https://door.example.org"
    settings = Settings(origins=(site,))
    with serve(tiny_app(settings), settings).client() as client:
        asked = {"Origin": site, "Access-Control-Request-Method": "POST", "Sec-Fetch-Site": "cross-site"}
        preflight = client.options("/api/v1/enroll", headers=asked)
        assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, site)
        assert "Authorization" in preflight.headers["access-control-allow-headers"]
        assert code(client.post("/api/v1/enroll", headers=asked)) == (401, "key-missing")
        assert code(client.delete("/api/v1/people/1", headers=asked)) == (401, "key-missing")
        answer = client.post("/api/v1/enroll", headers=bearer(keys["enroll"]) | asked)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, site)
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "access-control-allow-credentials" not in answer.headers
        assert client.options("/api/v1/enroll", headers=asked | {"Origin": "https://evil.example"}).status_code == 403
        assert client.options("/api/v1/enroll", headers=asked | {"Host": "evil.example"}).status_code == 403


# What answers look like

HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


PATHS = [("/", 200), ("/api/v1/people/1", 200), ("/nowhere", 404), ("/?key=x", 422), ("/api/v1/fails/bug", 500)]


@pytest.mark.parametrize(("path", "status"), PATHS)
def test_every_answer_is_careful(client: httpx.Client, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "camera=(self)" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers
    assert "unsafe" not in POLICY


def test_a_route_keeps_the_policy_it_set(client: httpx.Client) -> None:
    answer = client.get("/own-policy")
    assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer.headers.get_list("cache-control") == ["no-cache"]


def test_errors_have_one_form_and_keep_the_server_to_itself(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/api/v1/fails/face").json() == {
        "error": {"code": "no-face", "message": "party.jpg: no face found"}
    }
    gallery = client.get("/api/v1/fails/gallery")
    assert code(gallery) == (507, "gallery-read-only")
    assert gallery.json()["error"]["message"] == "people.db: no permission to write there"


def test_a_bug_is_told_to_the_log_and_not_to_the_client(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(tiny_app(PLENTY), PLENTY)
    with served.client() as client:
        answer = client.get("/api/v1/fails/bug")
    served.stop()
    assert code(answer) == (500, "error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret of /home/ada" in caplog.text


# The log

LINE = re.compile(r"(\w+) (\S+) (\d+) (\d+) ms (\d+) B (.+)")


def test_the_log_holds_no_faces_no_names_no_numbers_and_no_keys(
    serve: Serve, keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(require_key=True)
    served = serve(tiny_app(settings), settings)
    with caplog.at_level(logging.INFO, "facepipe.access"), served.client() as guarded:
        guarded.get("/api/v1/people/1234", params={"search": "Ada Lovelace"}, headers=bearer(keys["read"]))
        guarded.get("/api/v1/people/Ada", headers=bearer(keys["read"]))
        guarded.get("/api/v1/people/1234", headers=bearer("fp_wrong"))
        guarded.get(f"/api/v1/{keys['read']}/Ada")
        guarded.post("/api/v1/session", json={"key": keys["enroll"]})
        guarded.request("DELETE", "/api/v1/people/1234")
        served.stop()
    lines = [record.getMessage() for record in caplog.records if record.name == "facepipe.access"]
    found = [LINE.fullmatch(line).groups() for line in lines]
    assert [(method, path, int(status), who) for method, path, status, _, _, who in found] == [
        ("GET", "/api/v1/people/{id}", 200, "read key"),
        ("GET", "/api/v1/people/{id}", 200, "read key"),
        ("GET", "-", 401, "-"),
        ("GET", "-", 422, "-"),
        ("POST", "/api/v1/session", 200, "-"),
        ("DELETE", "/api/v1/people/{id}", 403, "enroll key"),
    ]
    assert int(found[0][4]) == len('{"id":"1234"}')
    assert not re.search(r"fp_|Ada|Lovelace|1234", "\n".join(lines))


# WebSockets


def live(served: Served, **options: object) -> ClientConnection:
    address = served.url.replace("http", "ws") + "/api/v1/live"
    return connect(address, **options)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3000"])
def test_a_websocket_of_another_site_is_refused(served: Served, origin: str) -> None:
    with pytest.raises(InvalidStatus) as caught:
        live(served, origin=origin)
    assert caught.value.response.status_code == 403
    assert b'"origin-refused"' in caught.value.response.body


def test_a_websocket_of_a_named_site_needs_a_key(serve: Serve, keys: dict[str, str]) -> None:
    settings = Settings(origins=("https://door.example.org",))
    served = serve(tiny_app(settings), settings)
    with pytest.raises(InvalidStatus) as caught:
        live(served, origin="https://door.example.org")
    assert caught.value.response.status_code == 401
    assert b'"key-missing"' in caught.value.response.body
    with live(served, origin="https://door.example.org", additional_headers=bearer(keys["read"])) as socket:
        socket.send(b"frame")
        assert socket.recv() == "5"


def test_a_websocket_of_its_own_page(served: Served) -> None:
    with live(served, origin=served.url) as socket:
        socket.send(b"frame")
        assert socket.recv() == "5"


def test_a_websocket_without_a_key_hears_why(serve: Serve, keys: dict[str, str]) -> None:
    settings = Settings(require_key=True)
    served = serve(tiny_app(settings), settings)
    with live(served) as socket:
        assert '"code":"key-missing"' in socket.recv()
        with pytest.raises(ConnectionClosed):
            socket.recv()
        assert (socket.close_code, socket.close_reason) == (1008, "key-missing")
    with pytest.raises(InvalidStatus) as caught:
        live(served, additional_headers=bearer("fp_wrong"))
    assert caught.value.response.status_code == 401


def test_a_websocket_ends_when_its_key_is_removed(serve: Serve, keys: dict[str, str]) -> None:
    settings = Settings(require_key=True)
    with live(serve(tiny_app(settings), settings), additional_headers=bearer(keys["read"])) as socket:
        socket.send(b"frame")
        assert socket.recv() == "5"
        Keyring().remove("read key")
        socket.send(b"frame")
        with pytest.raises(ConnectionClosed):
            socket.recv()
        assert socket.close_code == 1008


def test_a_websocket_ends_with_its_session(serve: Serve, keys: dict[str, str]) -> None:
    settings = Settings(require_key=True)
    served = serve(tiny_app(settings), settings)
    with served.client() as page:
        page.post("/api/v1/session", json={"key": keys["read"]}).raise_for_status()
        cookie = {"Cookie": f"{COOKIE}={page.cookies[COOKIE]}"}
        with live(served, additional_headers=cookie) as socket:
            socket.send(b"frame")
            assert socket.recv() == "5"
            page.delete("/api/v1/session").raise_for_status()
            socket.send(b"frame")
            with pytest.raises(ConnectionClosed):
                socket.recv()
            assert socket.close_code == 1008


def test_who_has_no_key_can_send_little(guarded: httpx.Client, keys: dict[str, str]) -> None:
    """A login is parsed before it is known whose it is."""
    large = {"key": "x" * SMALL}
    assert code(guarded.post("/api/v1/session", json=large)) == (413, "body-too-large")
    assert code(guarded.post("/api/v1/session", json=large, headers=bearer(keys["read"]))) == (413, "body-too-large")
    assert guarded.post("/api/v1/enroll", content=b"x" * SMALL * 2, headers=bearer(keys["enroll"])).status_code == 200


def test_bodies_of_all_requests_together_have_a_limit(serve: Serve) -> None:
    settings = Settings(max_bodies=100_000)
    served = serve(tiny_app(settings), settings)
    head = b"POST /api/v1/enroll HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\n"
    with served.connect() as first, served.client() as client:
        first.sendall(head + b"x" * 80_000)
        settled(lambda: code_of(client) == 503)
        first.sendall(b"x" * 10_000)
        assert first.recv(100).startswith(b"HTTP/1.1 200")
        settled(lambda: code_of(client) == 200)  # what is over is let go


def code_of(client: httpx.Client) -> int:
    return client.post("/api/v1/enroll", content=b"x" * 30_000).status_code


def settled(found: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not found():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_websocket_that_fails_before_it_opens(served: Served) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(served.url.replace("http", "ws") + "/api/v1/refusing")
    assert caught.value.response.status_code in (422, 500)
