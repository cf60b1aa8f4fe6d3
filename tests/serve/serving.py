"""A real server on a real port of 127.0.0.1, in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import httpx
import uvicorn
import websockets.sync.client
from starlette.types import ASGIApp

from facepipe.serve import server
from facepipe.serve.settings import Settings


@dataclass
class Served:
    """A server that runs: its ``url`` (no slash at the end) and ``port``."""

    url: str
    port: int
    uvicorn: uvicorn.Server
    thread: threading.Thread

    def connect(self, timeout: float = 10.0) -> socket.socket:
        """A plain connection to it, to misbehave on."""
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def client(self, **options: object) -> httpx.Client:
        """A well-behaved client of its own."""
        return httpx.Client(base_url=self.url, timeout=10.0, trust_env=False, **options)  # type: ignore[arg-type]

    def stop(self) -> None:
        """As Ctrl-C would, and wait until it is over."""
        self.uvicorn.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


Serve = Callable[..., Served]


def serving() -> Iterator[Serve]:
    """What starts servers, until it is closed: then they end."""
    started: list[Served] = []

    def start(app: ASGIApp, settings: Settings | None = None, port: int = 0) -> Served:
        chosen = replace(settings or Settings(), port=port)
        place = server.listen(chosen)
        made = uvicorn.Server(server.config(chosen, app))
        thread = threading.Thread(target=made.run, kwargs={"sockets": [place]}, daemon=True)
        thread.start()
        started.append(Served(server.url(chosen, place).rstrip("/"), place.getsockname()[1], made, thread))
        while not made.started:  # a fault of the application ends the thread
            assert thread.is_alive()
            time.sleep(0.005)
        return started[-1]

    yield start
    for one in started:
        one.stop()


def connect(address: str, **options: Any) -> websockets.sync.client.ClientConnection:
    """A WebSocket's client, whatever proxy the environment names."""
    if "legacy" in signature(websockets.sync.client.connect).parameters:  # from websockets 17, which warns without it
        options["legacy"] = True
    return websockets.sync.client.connect(address, proxy=None, **options)
