"""Bodies too large, too slow, and other than announced, on a real server over plain sockets."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator

import pytest

from facepipe.serve import intake
from facepipe.serve.settings import Settings
from tests.serve.serving import Serve, Served
from tests.serve.tiny_app import tiny_app

LIMIT = 1 << 20
GIGABYTE = 1 << 30
SETTINGS = Settings(max_body=LIMIT, body_deadline=0.5, header_deadline=0.5, burst=10_000)
HEAD = b"POST /api/v1/count HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LINGER", 0.3)


@pytest.fixture(scope="module")
def served(serve_module: Serve) -> Served:
    return serve_module(tiny_app(SETTINGS), SETTINGS)


@pytest.fixture
def wire(served: Served) -> Iterator[socket.socket]:
    with served.connect() as opened:
        yield opened


def answers(wire: socket.socket) -> list[tuple[int, str]]:
    """Status and error code (or the body) of everything that comes until the server closes."""
    data = b""
    try:
        while chunk := wire.recv(65536):
            data += chunk
    except ConnectionError:
        pass  # it closes while we send: what came before counts
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = int(next(line for line in head.lower().splitlines() if line.startswith(b"content-length"))[15:])
        body = json.loads(rest[:length])
        found.append((int(head.split()[1]), body["error"]["code"] if "error" in body else str(body["bytes"])))
        data = rest[length:]
    return found


def pour(wire: socket.socket, amount: int, chunked: bool = False) -> int:
    """Send ``amount`` bytes, or as many as are taken; how many."""
    block, sent = b"x" * 65536, 0
    framed = b"%x\r\n%s\r\n" % (len(block), block) if chunked else block
    try:
        while sent < amount:
            wire.sendall(framed)
            sent += len(block)
    except ConnectionError:
        pass
    return sent


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_body_within_the_limit(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % LIMIT + b"x" * LIMIT)
    assert answers(wire) == [(200, str(LIMIT))]


def test_a_gigabyte_that_is_announced_is_refused_before_it_is_sent(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % GIGABYTE)
    assert answers(wire) == [(413, "body-too-large")]


@pytest.mark.parametrize("framing", [b"Content-Length: %d" % GIGABYTE, b"Transfer-Encoding: chunked"])
def test_a_gigabyte_that_comes_all_the_same_is_not_read(wire: socket.socket, framing: bytes) -> None:
    before = peak_memory()
    wire.sendall(HEAD + framing + b"\r\n\r\n")
    sent = pour(wire, GIGABYTE, chunked=b"chunked" in framing)
    assert sent < 40 * LIMIT  # what fits into the system's buffers on the way, and twice the limit
    assert answers(wire) == [(413, "body-too-large")]
    assert peak_memory() - before < 30 << 20


def test_a_body_one_byte_over(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.sendall(b"%x\r\n%s\r\n1\r\nx\r\n0\r\n\r\n" % (LIMIT, b"x" * LIMIT))
    assert answers(wire) == [(413, "body-too-large")]


def test_less_comes_than_was_announced(wire: socket.socket) -> None:
    start = time.monotonic()
    wire.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 50)
    assert answers(wire) == [(408, "body-too-slow")]
    assert 0.4 < time.monotonic() - start < 8  # the deadline, and a moment to read the answer in


def test_a_body_drop_by_drop_is_too_slow_however_often_something_comes(wire: socket.socket) -> None:
    wire.sendall(HEAD + b"Content-Length: 100000\r\n\r\n")
    wire.settimeout(0.05)
    start = time.monotonic()
    while True:
        try:
            wire.sendall(b"x")
            got = wire.recv(65536)
        except TimeoutError:
            assert time.monotonic() - start < 8
            continue
        assert got.startswith(b"HTTP/1.1 408")
        break


def test_more_comes_than_was_announced(wire: socket.socket) -> None:
    """The rest is taken for the next request, which it is not."""
    wire.sendall(HEAD + b"Content-Length: 10\r\n\r\n" + b"x" * 100 + b"\r\n\r\n")
    assert answers(wire) == [(200, "10"), (400, "usage")]


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: -1",
        b"Content-Length: 1e9",
        b"Content-Length: 5\r\nContent-Length: 50",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffffffff\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nnothex\r\n",
    ],
)
def test_a_length_that_cannot_be_is_refused(wire: socket.socket, framing: bytes) -> None:
    wire.sendall(HEAD + framing + b"\r\n\r\n" + b"x" * 50)
    statuses = [status for status, _ in answers(wire)]
    assert len(statuses) == 1
    assert statuses[0] in (400, 408, 413, 501)


def test_a_length_beside_chunks_is_refused(wire: socket.socket) -> None:
    """A proxy in front may believe the one and we the other, and a second request hide in the body."""
    hidden = b"GET /api/v1/people/1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    wire.sendall(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden)
    assert answers(wire) == [(422, "usage")]


def test_an_early_answer_reaches_a_client_that_is_still_sending(wire: socket.socket) -> None:
    """The route reads nothing: the rest must not be taken for the next request, nor the answer be lost."""
    wire.sendall(b"POST /api/v1/enroll?key=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % LIMIT)
    assert pour(wire, LIMIT) == LIMIT
    assert answers(wire) == [(422, "usage")]


def test_a_body_that_nobody_reads_does_not_hold_the_connection(wire: socket.socket) -> None:
    wire.sendall(b"POST /api/v1/ignores HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
    got = b""
    start = time.monotonic()
    while chunk := wire.recv(65536):
        got += chunk
    assert got.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in got.lower()
    assert time.monotonic() - start < 8


def test_a_client_that_leaves_in_the_middle_is_no_error(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(tiny_app(SETTINGS), SETTINGS)
    with served.connect() as wire:
        wire.sendall(HEAD + b"Content-Length: 100\r\n\r\nx")
    with served.client() as client:
        assert client.post("/api/v1/count", content=b"abc").json() == {"bytes": 3}
    served.stop()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
