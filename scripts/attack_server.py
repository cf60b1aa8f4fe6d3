"""Treat a real `facepipe serve` badly, and see what becomes of an honest user meanwhile.

    python scripts/attack_server.py

Starts a server of its own on 127.0.0.1, with a home of its own, and sends nothing anywhere else. For each attack: what
the server did, the slowest answer that an honest client got while it lasted, and by how much the server's memory grew.
Linux only (/proc). Takes about two minutes; exit code 1 when something was not as expected.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from facepipe import folders

GIGABYTE = 1 << 30
BLOCK = b"x" * 65536
MOST_MS, MOST_MB = 1000.0, 64.0  # an honest answer, and the memory that may stay behind
PATIENCE = 60.0  # seconds for anything to be over


@dataclass
class Target:
    """The server: its process, its port, a key of the honest and one of the attacker's."""

    pid: int
    port: int
    key: str
    other_key: str

    @property
    def live(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/v1/live"

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def fill(self, text: bytes, number: int = 0) -> bytes:
        """``text`` with the port, the attacker's key and the number in it."""
        for name, value in ((b"PORT", self.port), (b"KEY", self.other_key), (b"NUMBER", number)):
            text = text.replace(name, str(value).encode())
        return text

    def memory(self) -> float:
        """Resident, MB."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text("ascii"))
        assert found is not None
        return int(found[1]) / 1024


class Honest(threading.Thread):
    """Somebody who looks people up and has a photo recognised, again and again, and notes how long it takes (ms)."""

    def __init__(self, target: Target) -> None:
        super().__init__(daemon=True)
        photo = (folders.samples() / "obama.jpg").read_bytes()
        form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n%s\r\n--b--\r\n' % photo
        self.calls = (("GET", "people", None), ("POST", "identify", form))
        self.target, self.over = target, threading.Event()
        self.times: list[float] = []
        self.failures: Counter[str] = Counter()

    def run(self) -> None:
        while not self.over.is_set():
            for method, path, body in self.calls:
                self.ask(method, path, body)
            self.over.wait(0.1)

    def ask(self, method: str, path: str, body: bytes | None) -> None:
        headers = {"Authorization": f"Bearer {self.target.key}", "Content-Type": "multipart/form-data; boundary=b"}
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.target.port, timeout=PATIENCE)
        try:
            connection.request(method, f"/api/v1/{path}", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                self.failures[str(answer.status)] += 1
        except (OSError, http.client.HTTPException) as error:
            self.failures[type(error).__name__] += 1
        finally:
            connection.close()
        self.times.append((time.perf_counter() - begin) * 1000)


# The attacks: each is done to a target, and tells what it did

Attack = Callable[[Target], str]


def status(wire: socket.socket) -> str:
    """The status of the answer, or "closed" where there is none. Reads until the server closes."""
    data = b""
    with suppress(ConnectionError):
        while chunk := wire.recv(65536):
            data = (data + chunk)[:65536]
    return data[9:12].decode() if data.startswith(b"HTTP/1.1 ") else "closed"


def pour(framing: bytes, block: bytes) -> Attack:
    """Send a gigabyte, or what the server lets us."""

    def attack(target: Target) -> str:
        sent = 0
        with target.open() as wire:
            wire.sendall(target.fill(BODY) + framing + b"\r\n\r\n")
            with suppress(ConnectionError):
                while sent < GIGABYTE:
                    wire.sendall(block)
                    sent += len(BLOCK)
            return f"{status(wire)} after {sent / 2**20:.0f} MB"

    return attack


def stall(sends: bytes, count: int) -> Attack:
    """``count`` connections that send ``sends`` and nothing more, until the server has closed the last."""

    def attack(target: Target) -> str:
        begin = time.monotonic()
        with ExitStack() as stack:
            wires = [stack.enter_context(target.open()) for _ in range(count)]
            for wire in wires:
                wire.sendall(target.fill(sends))
            found = Counter(status(wire) for wire in wires)
        return f"{told(found)}, {time.monotonic() - begin:.0f} s"

    return attack


def drip(target: Target) -> str:
    """A byte each half second, on fifty connections."""
    begin = time.monotonic()
    found: Counter[str] = Counter()
    with ExitStack() as stack:
        wires = [stack.enter_context(target.open()) for _ in range(50)]
        while wires and time.monotonic() - begin < PATIENCE:
            for wire in [*wires]:
                wire.settimeout(0.001)
                try:
                    wire.sendall(b"G")
                    found[wire.recv(100)[9:12].decode() or "closed"] += 1
                except TimeoutError:
                    continue
                except ConnectionError:
                    found["closed"] += 1
                wires.remove(wire)
            time.sleep(0.5)
    return f"{told(found)}, {time.monotonic() - begin:.0f} s"


def send(count: int, *texts: bytes) -> Attack:
    """``count`` times each of ``texts``, one after the other."""

    def attack(target: Target) -> str:
        found: Counter[str] = Counter()
        for number in range(count):
            for text in texts:
                with target.open() as wire:
                    with suppress(ConnectionError):
                        wire.sendall(target.fill(text, number))
                    found[status(wire)] += 1
        return told(found)

    return attack


def foreign_websocket(target: Target) -> str:
    try:
        with connect(target.live, origin=Origin("https://evil.example"), proxy=None):
            return "let in"
    except InvalidStatus as error:
        return str(error.response.status_code)


def huge_frame(target: Target) -> str:
    key = {"Authorization": f"Bearer {target.other_key}"}
    with connect(target.live, additional_headers=key, proxy=None, compression=None) as live:
        with suppress(ConnectionClosed):
            live.send(b"x" * 16 * 2**20)
            while True:
                live.recv(timeout=10)
        return str(live.close_code)


def nothing(target: Target) -> str:
    """What the machine does to an honest client by itself, for comparison."""
    time.sleep(20)
    return f"{target.memory():.0f} MB in use"


def told(found: Counter[str]) -> str:
    return ", ".join(f"{number} × {what}" for what, number in found.most_common())


HEAD = b"%s HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nConnection: close\r\n"
BODY = HEAD % b"POST /api/v1/identify" + b"Authorization: Bearer KEY\r\nContent-Type: application/json\r\n"
FORM = BODY.replace(b"application/json", b"multipart/form-data; boundary=b")
SIZED = b"Content-Length: %d\r\n\r\n"
FIELDS = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n' * 20_000
DEEP = b"[" * 5_000_000
WRONG = HEAD % b"GET /api/v1/people" + b"Authorization: Bearer fp_NUMBER\r\n\r\n"
ORIGIN = HEAD % b"GET /api/v1/people" + b"Authorization: Bearer KEY\r\nOrigin: https://evil.example\r\n\r\n"
HOST = ORIGIN.replace(b"127.0.0.1:PORT", b"evil.example").replace(b"Origin", b"X-Origin")

ATTACKS: list[tuple[str, Attack, str]] = [  # name, attack, what it must come to
    ("none, for 20 s", nothing, r".*"),
    ("1 GB announced and sent", pour(SIZED.strip() % GIGABYTE, BLOCK), r"413 after \d{1,3} MB"),
    ("1 GB in chunks", pour(b"Transfer-Encoding: chunked", b"10000\r\n%s\r\n" % BLOCK), r"413 after \d{1,3} MB"),
    ("half of the announced body × 20", stall(BODY + SIZED % 100 + b"x" * 50, 20), r"20 × 408, .*"),
    ("more than the announced body × 20", send(20, BODY + SIZED % 10 + b"x" * 1000), r"20 × 422"),
    ("200 stall in the head", stall(HEAD % b"GET /", 200), r"200 × 408, .*"),
    ("200 stall in the body", stall(BODY + SIZED % 100, 200), r"\d+ × (408|429), \d+ × (408|429), .*"),
    ("500 idle", stall(b"", 500), r"500 × closed, .*"),
    ("50 heads, a byte each half second", drip, r"50 × 4\d\d, .*"),
    ("foreign Origin, foreign Host × 50", send(50, ORIGIN, HOST), r"100 × 403"),
    ("foreign Origin, WebSocket", foreign_websocket, r"403"),
    ("wrong key × 100", send(100, WRONG), r"\d\d × 429, \d+ × 401"),
    ("16 MB WebSocket frame", huge_frame, r"1009"),
    ("no HTTP × 50", send(50, b"\x16\x03\x01\x02\x00\x01\xff\r\n\r\n"), r"50 × 400"),
    ("5 million [ as JSON × 5", send(5, BODY + SIZED % len(DEEP) + DEEP), r"5 × 4\d\d"),
    ("20,000 fields in a form × 5", send(5, FORM + SIZED % len(FIELDS) + FIELDS), r"5 × 4\d\d"),
    ("200 requests at once with one key", send(200, BODY + SIZED % 2 + b"{}"), r"\d+ × (422|429).*"),
]


@contextmanager
def server() -> Iterator[Target]:
    """A `facepipe serve` that asks for keys, in a home that goes with it."""
    facepipe = [sys.executable, "-m", "facepipe"]
    with tempfile.TemporaryDirectory(prefix="facepipe-attack-") as home:
        environment = os.environ | {"FACEPIPE_HOME": home}
        keys = [
            subprocess.check_output([*facepipe, "keys", "add", name, "--json"], env=environment, text=True)
            for name in ("honest", "attacker")
        ]
        log = Path(home) / "log"
        with log.open("w") as stderr:
            run = subprocess.Popen([*facepipe, "serve", "--port", "0", "--require-key"], env=environment, stderr=stderr)
        try:
            while (found := re.search(r"open http://127\.0\.0\.1:(\d+)/", log.read_text())) is None:
                assert run.poll() is None, log.read_text()
                time.sleep(0.1)
            yield Target(run.pid, int(found[1]), *(re.findall(r"fp_[\w-]{43}", key)[0] for key in keys))
        finally:
            run.terminate()
            run.wait(30)


def row(name: str, happened: str, slowest: str, memory: str, remark: str = "") -> None:
    print(f"{name:36} {happened:34} {slowest:>16} {memory:>10} {remark}", flush=True)


def main() -> int:
    bad = 0
    with server() as target:
        warm = Honest(target)
        for call in warm.calls * 3:
            warm.ask(*call)
        row("attack", "what the server did", "honest, slowest", "memory")
        for name, attack, expected in ATTACKS:
            honest, before = Honest(target), target.memory()
            honest.start()
            happened = attack(target)
            honest.over.set()
            honest.join(PATIENCE)
            slowest, grown = max(honest.times), target.memory() - before
            remarks = [f"honest failed: {told(honest.failures)}"] if honest.failures else []
            remarks += [] if re.fullmatch(expected, happened) else [f"expected {expected}"]
            remarks += ["slow"] if slowest >= MOST_MS else []
            remarks += ["memory"] if grown >= MOST_MB else []
            row(name, happened, f"{slowest:.0f} ms", f"{grown:+.1f} MB", "; ".join(remarks))
            bad += bool(remarks)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
