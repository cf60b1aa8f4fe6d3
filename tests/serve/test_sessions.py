"""Logging in with a cookie: in memory, for a time, and only while the key is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from facepipe.serve import sessions
from facepipe.serve.keys import Key, Keyring
from facepipe.serve.sessions import COOKIE, Sessions
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve, Served
from tests.serve.tiny_app import tiny_app


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys.json")


def key(keyring: Keyring, name: str = "page", scope: str = "enroll") -> Key:
    found = keyring.check(keyring.add(name, scope))
    assert found is not None
    return found


def test_it_ends_after_its_time(keyring: Keyring) -> None:
    clock = Clock()
    opened = Sessions(keyring, 60.0, clock)
    token = opened.open(key(keyring))
    clock.now += 59.9
    assert opened.find(token).name == "page"
    clock.now += 0.1
    assert opened.find(token) is None
    clock.now -= 10  # it was forgotten, not only out of date
    assert opened.find(token) is None


def test_it_ends_with_its_key_and_a_new_key_of_that_name_does_not_revive_it(keyring: Keyring) -> None:
    opened = Sessions(keyring, 60.0)
    token = opened.open(key(keyring))
    keyring.remove("page")
    key(keyring)
    assert opened.find(token) is None


def test_tokens_are_random_and_not_kept(keyring: Keyring) -> None:
    opened, one = Sessions(keyring, 60.0), key(keyring)
    tokens = {opened.open(one) for _ in range(20)}
    assert len(tokens) == 20
    assert min(map(len, tokens)) == 43
    assert not any(token in repr(vars(opened)) for token in tokens)
    assert opened.find("x") is None


def test_there_is_room_for_so_many(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    opened, one = Sessions(keyring, 60.0), key(keyring)
    tokens = [opened.open(one) for _ in range(5)]
    assert [opened.find(token) is not None for token in tokens] == [False, False, True, True, True]


# Over HTTP


@pytest.fixture
def texts(home: Path) -> dict[str, str]:
    ring = Keyring()
    return {scope: ring.add(f"{scope} key", scope) for scope in ("read", "admin")}


@pytest.fixture
def served(serve: Serve, texts: dict[str, str]) -> Served:
    settings = Settings(require_key=True)
    return serve(tiny_app(settings), settings)


def test_a_cookie_does_what_its_key_does(served: Served, texts: dict[str, str]) -> None:
    with served.client() as client:
        assert client.get("/api/v1/session").json() == {"key_needed": True, "scopes": []}
        assert client.get("/api/v1/people/1").status_code == 401
        opened = client.post("/api/v1/session", json={"key": texts["read"]})
        assert (opened.status_code, opened.json()) == (200, {"key_needed": True, "scopes": ["read"]})
        assert texts["read"] not in opened.text + str(opened.headers)
        assert client.get("/api/v1/people/1").status_code == 200
        assert client.delete("/api/v1/people/1").json()["error"]["code"] == "scope-missing"
        assert client.get("/api/v1/session").json()["scopes"] == ["read"]
        token = client.cookies[COOKIE]
        assert client.delete("/api/v1/session").json() == {"key_needed": True, "scopes": []}
        assert client.cookies.get(COOKIE) is None
        assert client.get("/api/v1/people/1", headers={"cookie": f"{COOKIE}={token}"}).status_code == 401


def test_scripts_cannot_read_it_and_other_sites_do_not_send_it(served: Served, texts: dict[str, str]) -> None:
    with served.client() as client:
        cookie = client.post("/api/v1/session", json={"key": texts["admin"]}).headers["set-cookie"].lower()
    attributes = {part.strip() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict"} <= attributes
    assert not any(part.startswith("path=") for part in attributes)  # the browser takes that of /api/v1
    assert "secure" not in attributes  # over plain http a browser would drop it
    assert not any(part.startswith("domain=") for part in attributes)


def test_a_removed_key_ends_its_session_at_once(served: Served, texts: dict[str, str]) -> None:
    with served.client() as client:
        client.post("/api/v1/session", json={"key": texts["admin"]})
        assert client.delete("/api/v1/people/1").status_code == 200
        Keyring().remove("admin key")
        assert client.delete("/api/v1/people/1").status_code == 401


def test_a_wrong_key_opens_none(served: Served) -> None:
    with served.client() as client:
        answers = [client.post("/api/v1/session", json={"key": f"fp_{number}"}) for number in range(15)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 5
    assert {answer.json()["error"]["code"] for answer in answers} == {"key-wrong", "rate-limited"}
    assert not any("set-cookie" in answer.headers for answer in answers)


def test_where_no_key_is_asked_for_there_is_nothing_to_log_into(serve: Serve) -> None:
    served = serve(tiny_app(Settings()))
    with served.client() as client:
        assert client.get("/api/v1/session").json() == {"key_needed": False, "scopes": ["read", "enroll", "admin"]}


FOREIGN = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}  # for cookies all ports are one site


def test_a_page_of_another_site_rides_no_cookie(serve: Serve, texts: dict[str, str]) -> None:
    settings = Settings(require_key=True, origins=(FOREIGN["Origin"],))
    with serve(tiny_app(settings), settings).client() as client:
        client.post("/api/v1/session", json={"key": texts["admin"]}).raise_for_status()
        for method in ("GET", "POST", "DELETE"):
            for path in ("/api/v1/session", "/api/v1/people/1", "/api/v1/enroll"):
                answer = client.request(method, path, headers=FOREIGN)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key-missing"), (method, path)
        assert client.delete("/api/v1/people/1").status_code == 200  # nor did it end the session


def test_a_page_of_another_site_logs_nobody_in_or_out(serve: Serve, texts: dict[str, str]) -> None:
    """Not even with a key: what is done then would be done as somebody else."""
    settings = Settings(origins=(FOREIGN["Origin"],))
    with serve(tiny_app(settings), settings).client(headers=FOREIGN) as client:
        client.headers["Authorization"] = f"Bearer {texts['read']}"
        assert client.get("/api/v1/session").json() == {"key_needed": True, "scopes": ["read"]}
        for answer in (client.post("/api/v1/session", json={"key": texts["read"]}), client.delete("/api/v1/session")):
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin-refused")
            assert "set-cookie" not in answer.headers


def test_the_cookie_is_secure_where_a_proxy_has_the_certificate(serve: Serve, texts: dict[str, str]) -> None:
    settings = Settings(names=("faces.example.org",))
    headers = {"Host": "faces.example.org", "Origin": "https://faces.example.org"}
    with serve(tiny_app(settings), settings).client() as client:
        opened = client.post("/api/v1/session", json={"key": texts["read"]}, headers=headers)
        assert "; Secure" in opened.headers["set-cookie"]


def test_a_cookie_of_another_server_does_not_hide_ours(served: Served, texts: dict[str, str]) -> None:
    """Under one host's name they share their cookies; the browser sends them all."""
    with served.client() as client:
        client.post("/api/v1/session", json={"key": texts["read"]}).raise_for_status()
        token = client.cookies[COOKIE]
    with served.client() as client:
        for cookies in ([token, "theirs"], ["theirs", token]):
            header = "; ".join(["a=b", *(f"{COOKIE}={one}" for one in cookies)])
            assert client.get("/api/v1/people/1", headers={"Cookie": header}).status_code == 200
