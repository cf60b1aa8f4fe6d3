"""What a server allows: where it listens, how much it takes, how long it waits."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from facepipe.errors import UsageError
from facepipe.serve import hosts

OWN = ("api", "page")  # what the server itself has at its root
_PART = re.compile(r"[A-Za-z0-9._~-]*[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


@dataclass(frozen=True)
class Settings:
    """``host`` and ``port`` to listen on; ``names``: further Host names under which the server may be called.

    ``require_key``: ask for an API key on loopback too. Sizes in bytes, ``max_pixels`` of one picture, times in
    seconds, ``rate`` in requests a second for each key, with ``burst`` at once.

    Raises UsageError: a name, origin or root_path that is none.
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
    origins: tuple[str, ...] = ()  # further Origins that may call, as "https://example.org"
    root_path: str = ""  # where a proxy has the server, as "/facepipe"; whether it passes this on or takes it off

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)  # it is frozen from here on
        put("names", tuple(map(hosts.expect_name, self.names)))
        put("origins", tuple(map(hosts.expect_site, self.origins)))
        put("root_path", _expect_path(self.root_path))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return hosts.is_loopback(self.host)

    @property
    def needs_key(self) -> bool:
        """Who has a further name is called through something: a proxy may pass strangers on as if they were here."""
        return self.require_key or not self.loopback or bool(self.names)


def _expect_path(text: str) -> str:
    parts = text.strip("/").split("/")
    if parts == [""]:
        return ""
    if parts[0] in OWN or not all(map(_PART.fullmatch, parts)):
        raise UsageError(f"root path {text!r:.100}: expected one such as /facepipe, not beginning with /api or /page")
    return "/".join(["", *parts])
