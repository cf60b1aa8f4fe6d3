"""Connections that stall, on a real server: closed at their deadline, while honest requests go on being answered."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from facepipe.serve import protocol
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve, Served, connect
from tests.serve.tiny_app import tiny_app

SLOW = Settings(header_deadline=60, body_deadline=60, idle=60, burst=1000)
QUICK = Settings(header_deadline=0.4, body_deadline=0.4, idle=0.4)
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost: local"


def start(serve: Serve, settings: Settings) -> Served:
    return serve(tiny_app(settings), settings)


def rest(wire: socket.socket) -> bytes:
    """Everything until the server closes."""
    data = b""
    while chunk := wire.recv(65536):
        data += chunk
    return data


STALLED = {
    "silent": b"",
    "half a head": HALF_A_HEAD,
    "no body": b"POST /api/v1/count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
}


@pytest.mark.parametrize("how", STALLED)
def test_two_hundred_stalled_connections_keep_nobody_waiting(serve: Serve, how: str) -> None:
    served = start(serve, SLOW)
    with ExitStack() as stack:
        stalled = [stack.enter_context(served.connect()) for _ in range(200)]
        for wire in stalled:
            wire.sendall(STALLED[how])
        with served.client() as client:
            assert [client.get("/").status_code for _ in range(5)] == [200] * 5
        for wire in stalled:
            wire.setblocking(False)
            with pytest.raises(BlockingIOError):  # all of them are open still: it was not they that made room
                wire.recv(1)


def test_a_silent_connection_is_closed(serve: Serve) -> None:
    with start(serve, QUICK).connect() as wire:
        assert rest(wire) == b""


def test_half_a_head_is_told_and_closed(serve: Serve) -> None:
    with start(serve, QUICK).connect() as wire:
        wire.sendall(HALF_A_HEAD)
        head, _, body = rest(wire).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert b"content-security-policy" in head
    assert json.loads(body)["error"]["code"] == "body-too-slow"


def test_drop_by_drop_does_not_put_off_the_deadline(serve: Serve) -> None:
    with start(serve, QUICK).connect() as wire:
        wire.settimeout(0.05)
        begin = time.monotonic()
        while time.monotonic() - begin < 8:
            try:
                wire.sendall(b"x")
                assert wire.recv(100).startswith(b"HTTP/1.1 4")
                return
            except TimeoutError:
                continue
    pytest.fail("it was never closed")


def test_the_second_request_has_the_same_deadline(serve: Serve) -> None:
    with start(serve, replace(QUICK, idle=60)).connect() as wire:
        wire.sendall(GET + HALF_A_HEAD)
        wire.sendall(b"h")
        assert rest(wire).count(b"HTTP/1.1 200") == 1
    with start(serve, replace(QUICK, idle=60)).connect() as wire:
        wire.sendall(GET)
        assert wire.recv(65536).startswith(b"HTTP/1.1 200")
        wire.sendall(HALF_A_HEAD)
        assert b"408" in rest(wire)


def test_a_connection_kept_alive_is_closed_when_nothing_comes(serve: Serve) -> None:
    with start(serve, replace(QUICK, header_deadline=60)).connect() as wire:
        wire.sendall(GET)
        assert rest(wire).startswith(b"HTTP/1.1 200")


def test_a_slow_answer_is_no_silent_connection(serve: Serve) -> None:
    """The deadlines are the client's, not the application's."""

    async def slow(scope, receive, send) -> None:
        if scope["type"] == "http":
            await protocol.asyncio.sleep(1.0)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})

    with serve(slow, QUICK).client() as client:
        assert client.get("/").text == "ok"


def test_a_client_that_does_not_take_its_answer_is_left(serve: Serve) -> None:
    ended = []

    async def much(scope, receive, send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(1000):
                await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            await send({"type": "http.response.body"})
            ended.append(True)

    served = serve(much, QUICK)
    with served.connect() as wire:
        wire.sendall(GET)
        until = time.monotonic() + 8
        while not ended and time.monotonic() < until:
            time.sleep(0.01)
        assert ended  # nothing holds the route up any more
        assert len(rest(wire)) < 50_000_000  # of 100: what was in the system's hands already


@pytest.mark.parametrize("line", [b"\x16\x03\x01\x02\x00", b"GET  / HTTP/1.1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])
def test_what_is_no_request(serve: Serve, line: bytes) -> None:
    with start(serve, QUICK).connect() as wire:
        wire.sendall(line + b"\r\n\r\n")
        head, _, body = rest(wire).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert json.loads(body)["error"]["code"] == "usage"


def test_too_large_a_head(serve: Serve) -> None:
    with start(serve, QUICK).connect() as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: %s\r\n" % (b"x" * 20_000))
        assert rest(wire).startswith(b"HTTP/1.1 400")


def test_when_there_are_too_many_the_oldest_silent_one_makes_room(serve: Serve) -> None:
    served = start(serve, replace(SLOW, max_connections=5))
    with ExitStack() as stack:
        asking = stack.enter_context(served.connect())
        asking.sendall(STALLED["no body"])
        silent = []
        for _ in range(4):
            silent.append(stack.enter_context(served.connect()))
            silent[-1].sendall(HALF_A_HEAD)
            with served.client() as client:  # so that the server has seen one before the next
                assert client.get("/").status_code == 200
        silent[0].settimeout(5)
        assert silent[0].recv(1) == b""
        for wire in (asking, *silent[2:]):
            wire.setblocking(False)
            with pytest.raises(BlockingIOError):
                wire.recv(1)


# WebSockets


def live(served: Served) -> ClientConnection:
    return connect(served.url.replace("http", "ws") + "/api/v1/live", compression=None)


def closing_code(socket: ClientConnection) -> int | None:
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=8)
    return socket.close_code


def test_a_frame_of_16_mb_is_refused_by_its_header(serve: Serve) -> None:
    served = start(serve, SLOW)
    with live(served) as socket:
        socket.send(b"x" * 2**20)
        assert socket.recv() == str(2**20)
        with suppress(ConnectionClosed):  # it may hear of it while it still sends
            socket.send(b"x" * 16 * 2**20)
        assert closing_code(socket) == 1009
    with served.client() as client:
        assert client.get("/").status_code == 200


def test_a_message_in_pieces_is_measured_as_one(serve: Serve) -> None:
    with live(start(serve, SLOW)) as socket:
        with suppress(ConnectionClosed):
            socket.send([b"x" * 2**19] * 3)
        assert closing_code(socket) == 1009


def test_a_server_that_ends_says_so(serve: Serve) -> None:
    served = start(serve, SLOW)
    with live(served) as socket:
        socket.send(b"x")
        assert socket.recv() == "1"
        begin = time.monotonic()
        served.stop()
        assert time.monotonic() - begin < 8
        assert closing_code(socket) == 1001


def test_a_handshake_that_is_none(serve: Serve) -> None:
    head = b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    served = start(serve, SLOW)
    for spoilt in (b"", b"Sec-WebSocket-Version: 13\r\n", b"X: y\r\n" * 200):
        with served.connect() as wire:
            wire.sendall(head + spoilt + b"\r\n")
            assert not rest(wire).startswith(b"HTTP/1.1 101")


def test_nonsense_after_the_handshake(serve: Serve) -> None:
    with live(start(serve, SLOW)) as socket:
        socket.socket.sendall(b"\xff\xff\xff\xff")
        assert closing_code(socket) == 1002
