"""What a server allows: where it listens, how much it takes, how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Settings:
    """``host`` and ``port`` to listen on; ``names``: further Host names under which the server may be called.

    ``require_key``: ask for an API key on loopback too. Sizes in bytes, ``max_pixels`` of one picture, times in
    seconds, ``rate`` in requests a second for each key, with ``burst`` at once.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    names: tuple[str, ...] = ()
    require_key: bool = False
    keys: Path | None = None  # the file of API keys; None: in facepipe's folder
    certificate: Path | None = None
    private_key: Path | None = None
    max_body: int = 32 * 2**20
    max_bodies: int = 512 * 2**20  # of all requests under way
    max_pixels: int = 50_000_000
    max_head: int = 16 * 2**10  # the request line and the headers
    max_connections: int = 800  # beyond it, those that have waited longest for a request make room
    header_deadline: float = 10.0
    body_deadline: float = 30.0  # for the whole of it, and for a client to take some of the answer
    idle: float = 15.0  # a connection without a request
    rate: float = 30.0
    burst: int = 60
    wrong_keys: int = 10  # a minute, for each client address
    session: float = 12 * 3600.0  # until one has to log in again
    shutdown: float = 5.0  # for what is under way when the server ends
    queue: int = 16  # requests waiting for the networks or being worked on
    wait: float = 30.0  # for a place in the queue's turn
    max_live: int = 8  # live connections at once
    max_frame: int = 2**20
    max_side: int = 1280  # px, of a live frame
    max_fps: float = 15.0
    silence: float = 30.0  # without a live frame or message
    origins: tuple[str, ...] = field(default=())  # further Origins that may call, as "https://example.org"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def needs_key(self) -> bool:
        """Who has a further name is called through something: a proxy may pass strangers on as if they were here."""
        return self.require_key or not self.loopback or bool(self.names)
