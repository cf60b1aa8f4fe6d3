"""Requests as load balancers, HEAD and broken clients make them: answered, or refused in the words of all errors."""

from __future__ import annotations

import json
import logging
import socket
from importlib.metadata import version

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from facepipe.serve.guard import Guard
from facepipe.serve.routes import about
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve
from tests.serve.tiny_app import tiny_app

PLENTY = Settings(burst=10_000)


@pytest.mark.parametrize("head", [b"GET %s HTTP/1.0\r\n", b"HEAD %s HTTP/1.0\r\n", b"GET %s HTTP/1.1\r\nHost:\r\n"])
def test_a_load_balancer_needs_no_host_to_see_whether_it_is_up(head: bytes, serve: Serve) -> None:
    with serve(own_health(), PLENTY).connect() as wire:
        wire.sendall(head % b"/api/v1/health" + b"Connection: close\r\n\r\n")
        assert received(wire).startswith(b"HTTP/1.1 200 OK\r\n")


def own_health() -> ASGIApp:
    app = FastAPI()
    app.include_router(about.router, prefix="/api/v1")
    return Guard(app, PLENTY)


def test_without_a_host_anything_else_is_refused_in_words(serve: Serve) -> None:
    with serve(tiny_app(PLENTY), PLENTY).connect() as wire:
        wire.sendall(b"GET /api/v1/people/1 HTTP/1.0\r\n\r\n")
        assert received(wire).endswith(b"no Host: expected one of this server's names there\"}}")


def received(wire: socket.socket) -> bytes:
    return b"".join(iter(lambda: wire.recv(65536), b""))


def test_head_is_get_without_the_body(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(tiny_app(PLENTY), PLENTY)
    with caplog.at_level(logging.INFO, "facepipe.access"), served.client() as client:
        for path in ("/", "/api/v1/people/1", "/own-policy", "/api/v1/nowhere", "/api/v1/fails/face"):
            whole, head = client.get(path), client.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert head.headers["content-length"] == whole.headers["content-length"]
        assert client.head("/api/v1/enroll").status_code == 405
        served.stop()
    lines = [record.getMessage().split() for record in caplog.records if record.name == "facepipe.access"]
    assert [line[1] for line in lines if line[0] == "HEAD"][:2] == ["/", "/api/v1/people/{id}"]
    assert {line[5] for line in lines if line[0] == "HEAD"} == {"0"}


HANDSHAKES = {
    b"GET /api/v1/live": (400, "usage"),  # no key of a WebSocket
    b"GET /api/v1/nowhere": (404, "not-found"),
    b"GET /api/v1/people/1": (404, "not-found"),
}
if int(version("websockets").partition(".")[0]) >= 17:  # before, it closes the connection without an answer
    HANDSHAKES[b"POST /api/v1/live"] = (405, "method-not-allowed")


@pytest.mark.parametrize("line", HANDSHAKES)
def test_a_handshake_that_is_none_gets_the_body_that_all_errors_have(serve: Serve, line: bytes) -> None:
    key = b"" if line.endswith(b"GET /api/v1/live") else b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    asked = b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    with serve(tiny_app(PLENTY), PLENTY).connect() as wire:
        wire.sendall(line + b" HTTP/1.1\r\n" + asked + key + b"\r\n")
        head, _, body = received(wire).partition(b"\r\n\r\n")
    assert (int(head.split()[1]), json.loads(body)["error"]["code"]) == HANDSHAKES[line]
    assert b"content-type: application/json" in head
    assert b"x-content-type-options: nosniff" in head
