"""Connections with deadlines: what uvicorn leaves open for as long as the other side likes.

uvicorn waits without end for a request's first line and headers, and for a client to take its answer. Here a connection
that does not send a request in time is closed, and so is one that does not read. The body's deadline is the guard's.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Response

from facepipe.errors import BodyTooSlow, FacepipeError, MethodRefused, UsageError
from facepipe.serve.answers import careful, error_body
from facepipe.serve.settings import Settings

GOING_AWAY, PROTOCOL_ERROR = 1001, 1002
LINGER = 1.0  # seconds in which a client may still send after a WebSocket was closed, so that it reads the reason


class _Deadline:
    """A call that comes unless it is stopped. Starting it again starts it anew."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self, loop: asyncio.AbstractEventLoop, seconds: float, call: Callable[[], None]) -> None:
        self.stop()
        self._timer = loop.call_later(seconds, call)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _MustRead(asyncio.Protocol):
    """A connection that ends when its client does not read. Put before a class of uvicorn's, which has the rest;
    ``settings`` comes with the subclass that ``options`` makes."""

    settings: Settings
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._reader = _Deadline()  # runs while the client does not read

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader.start(self.loop, self.settings.body_deadline, self.transport.abort)

    def resume_writing(self) -> None:
        self._reader.stop()
        super().resume_writing()


class PatientProtocol(_MustRead, H11Protocol):
    """HTTP/1.1 with deadlines."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head = _Deadline()  # runs while a request is expected, or in part here
        self._since = self.loop.time()  # the client has the next move

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head.start(self.loop, self.settings.idle, self._late)
        if len(self.connections) > self.settings.max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self.conn.their_state is h11.IDLE and (not self._head.running or not self._begun):
            self._head.start(self.loop, self.settings.header_deadline, self._late)
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._head.stop()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self._begun:  # half of the next request came with this one
            self._head.start(self.loop, self.settings.header_deadline, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head.stop()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or has too much in its head."""
        self._refuse(UsageError("expected a request as HTTP/1.1 has it, with less in its headers"), 400)

    @property
    def _begun(self) -> bool:
        return bool(self.conn.trailing_data[0])

    def _late(self) -> None:
        if self._begun and not self.transport.is_closing():
            seconds = self.settings.header_deadline
            self._refuse(BodyTooSlow(f"the headers were not here in full within {seconds:g} s"), BodyTooSlow.http)
        self.transport.close()

    def _refuse(self, error: FacepipeError, status: int) -> None:
        body = json.dumps(error_body(error)).encode()
        about = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        head = h11.Response(status_code=status, headers=careful([*about, (b"connection", b"close")]))
        try:
            for event in (head, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            pass  # in the middle of an answer, where it cannot be said
        self.transport.close()

    def _make_room(self) -> None:
        """End the connection whose client has been silent longest; rather one that did not ask for anything yet."""
        silent = [one for one in self.connections if isinstance(one, PatientProtocol) and one._client_moves]
        min(silent, key=lambda one: (one is self, one.conn.their_state is not h11.IDLE, one._since)).transport.abort()

    @property
    def _client_moves(self) -> bool:
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)


class PatientWebSocket(_MustRead, WebSocketsSansIOProtocol):
    """WebSockets that say why they close, and goodbye when the server ends."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._reject = self.conn.reject
        self.conn.reject = self._rejected  # type: ignore[method-assign]

    def _rejected(self, status: int, text: str) -> Response:
        """The answer to a handshake that is none, which no application sees: in our words, not in websockets'."""
        kind = MethodRefused if status == MethodRefused.http else UsageError
        told = error_body(kind(f"expected the handshake of a WebSocket: {text.partition(': ')[2].strip()}"))
        response = self._reject(status, json.dumps(told))
        del response.headers["Content-Type"]
        for name, value in careful([(b"content-type", b"application/json")]):
            response.headers[name.decode()] = value.decode()
        return response

    def data_received(self, data: bytes) -> None:
        if self.conn.parser_exc is not None:
            return  # nothing more is understood; it comes in only so that the other side gets to read the reason
        super().data_received(data)
        if not self.handshake_initiated:  # uvicorn hands over the whole head, so it was none
            self.transport.close()

    def handle_parser_exception(self) -> None:
        """Too large a message, or none that the protocol allows: the close frame is waiting to be sent."""
        sent = self.conn.close_sent
        self._closing(PROTOCOL_ERROR if sent is None else sent.code)

    def shutdown(self) -> None:
        if self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
            self.conn.send_close(GOING_AWAY)
            self._closing(GOING_AWAY)
        else:
            super().shutdown()

    def _closing(self, code: int) -> None:
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.read_paused = False
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)


def options(settings: Settings) -> dict[str, Any]:
    """uvicorn's options for what is decided here. It makes the connections, of classes that know the settings."""
    return {
        "http": type("Connection", (PatientProtocol,), {"settings": settings}),
        "ws": type("WebSocket", (PatientWebSocket,), {"settings": settings}),
        "ws_max_size": settings.max_frame,
        "ws_per_message_deflate": False,  # pictures are compressed already, and it takes memory
        "h11_max_incomplete_event_size": settings.max_head,
        "timeout_keep_alive": settings.idle,
    }
