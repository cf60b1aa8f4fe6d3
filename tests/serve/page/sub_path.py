"""A proxy on 127.0.0.1 that has a server under a path of its own, and takes that path off or passes it on."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NOWHERE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
MOVED = b"HTTP/1.1 301 Moved\r\nLocation: %s/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def proxy(port: int, path: str, strips: bool) -> Iterator[str]:
    """The address of the server on ``port`` as seen through it, without a slash at the end."""
    prefix = path.encode()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = received_head(self.request)
            if not head:
                return
            method, target, rest = head.split(b" ", 2)
            if not re.match(re.escape(prefix) + rb"[/?]|" + re.escape(prefix) + b"$", target):
                self.request.sendall(NOWHERE)
            elif strips and target == prefix:
                self.request.sendall(MOVED % prefix)
            else:
                target = target.removeprefix(prefix) if strips else target
                self.passes_on(b" ".join([method, target, rest]))

        def passes_on(self, head: bytes) -> None:
            if b"upgrade: websocket" not in head.lower():  # one request a connection: each has its path
                head = re.sub(rb"(?i)\r\nconnection:[^\r]*", b"", head, count=1).replace(
                    b"\r\n", b"\r\nConnection: close\r\n", 1
                )
            with socket.create_connection(("127.0.0.1", port)) as server:
                server.sendall(head)
                there = threading.Thread(target=pour, args=(self.request, server), daemon=True)
                there.start()
                pour(server, self.request)
                there.join(5)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}{path}"
        running.shutdown()


def received_head(wire: socket.socket) -> bytes:
    """A request's head, with what came of its body."""
    head = b""
    while b"\r\n\r\n" not in head:
        if not (chunk := wire.recv(65536)):
            return b""
        head += chunk
    return head


def pour(source: socket.socket, sink: socket.socket) -> None:
    """All that comes from the one into the other, to the end."""
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either went away
