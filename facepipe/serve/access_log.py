"""One line for each request, without faces, names of people, numbers of theirs, or keys."""

from __future__ import annotations

import logging
import time

from starlette.types import Scope

log = logging.getLogger("facepipe.access")


class Visit:
    """What is known of one request when it is over."""

    def __init__(self, scope: Scope) -> None:
        self.status = 0  # no answer was sent
        self.bytes = 0
        self.who = "-"  # the key's name
        self._method = scope.get("method", "WS")
        self._scope = scope
        self._start = time.perf_counter()

    def write(self) -> None:
        ms = (time.perf_counter() - self._start) * 1000
        sent = 0 if self._method == "HEAD" else self.bytes
        log.info("%s %s %d %.0f ms %d B %s", self._method, template(self._scope), self.status, ms, sent, self.who)


def template(scope: Scope) -> str:
    """The path with its parameters as ``{name}``; "-" where no route was found: it may hold anything."""
    if "endpoint" not in scope:
        return "-"
    path = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        segments = f"{path}/".replace(f"/{value}/", f"/{{{name}}}/")
        if segments == f"{path}/":
            return "-"
        path = segments[:-1]
    return path
