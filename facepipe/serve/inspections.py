"""Pages that explain a face, kept for a short while: in memory, under addresses that cannot be guessed."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from facepipe.errors import PathNotFound

MOST = 32
MOST_BYTES = 64 * 2**20
KEPT = 900.0  # seconds
_INLINE = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Inspection:
    """``html`` and the Content-Security-Policy that lets its own script and style run, and nothing else."""

    html: bytes
    policy: str
    until: float


class Inspections:
    """The newest pages: at most ``MOST``, of at most ``MOST_BYTES`` together, each for ``KEPT`` seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._pages: OrderedDict[str, Inspection] = OrderedDict()

    def keep(self, html: str) -> str:
        """The id under which the page is found."""
        data, id = html.encode(), secrets.token_urlsafe(24)
        with self._lock:
            self._pages[id] = Inspection(data, policy_of(data), self._clock() + KEPT)
            self._forget()
        return id

    def find(self, id: str) -> Inspection:
        """Raises PathNotFound."""
        with self._lock:
            self._forget()
            if id in self._pages:
                return self._pages[id]
        raise PathNotFound("no such inspection: it is kept for a few minutes only; ask for it again")

    def clear(self) -> None:
        with self._lock:
            self._pages.clear()

    def _forget(self) -> None:
        for id in [id for id, page in self._pages.items() if page.until <= self._clock()]:
            del self._pages[id]
        while len(self._pages) > MOST or (
            len(self._pages) > 1 and sum(len(page.html) for page in self._pages.values()) > MOST_BYTES
        ):
            self._pages.popitem(last=False)


def policy_of(html: bytes) -> str:
    """Nothing but the page's own inline blocks, by their hashes, and pictures that are in it."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, block in _INLINE.findall(html):
        digest = base64.b64encode(hashlib.sha256(block).digest()).decode()
        hashes[kind.decode()].append(f"'sha256-{digest}'")
    allowed = "; ".join(f"{kind}-src {' '.join(found) or chr(39) + 'none' + chr(39)}" for kind, found in hashes.items())
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
