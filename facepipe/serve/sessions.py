"""Logged in with a cookie: what the page uses, so that no key is in its scripts or in the browser's storage."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

from starlette.datastructures import Headers

from facepipe.serve.keys import Key, Keyring, digest

COOKIE = "facepipe_session"
MOST = 10_000  # sessions; beyond it the oldest end


class Sessions:
    """In memory only: they end with the server, after ``lifetime`` seconds, and with the key they were opened with."""

    def __init__(self, keyring: Keyring, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keyring, self._lifetime, self._clock = keyring, lifetime, clock
        self._open: dict[str, tuple[Key, float]] = {}  # by the token's hash, the oldest first

    def open(self, key: Key) -> str:
        """Start a session with a key that is known to be right; its token, for the cookie."""
        self._sweep()
        token = secrets.token_urlsafe(32)
        self._open[digest(token)] = (key, self._clock() + self._lifetime)
        return token

    def find(self, token: str) -> Key | None:
        """The key a session was opened with, while both are good."""
        key, until = self._open.get(digest(token), (None, 0.0))
        if key is not None and (self._clock() >= until or not self._keyring.holds(key)):
            self.close(token)
            return None
        return key

    def close(self, token: str) -> None:
        """End a session. One that is not there is no error."""
        self._open.pop(digest(token), None)

    def _sweep(self) -> None:
        now = self._clock()
        ended = [mark for mark, (_, until) in self._open.items() if until <= now]
        for mark in ended or ([next(iter(self._open))] if len(self._open) >= MOST else []):
            del self._open[mark]


def tokens_of(headers: Headers) -> Iterator[str]:
    """Those of all cookies of ours: other servers under this host's name may have set some of the same name."""
    for cookie in headers.get("cookie", "").split(";"):
        name, _, token = cookie.strip().partition("=")
        if name == COOKIE:
            yield token
