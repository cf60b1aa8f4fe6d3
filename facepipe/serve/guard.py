"""The guard in front of the application: plain ASGI, so that nothing is read or kept before it was looked at.

In this order: Host and Origin, the key, how often it comes, how much is sent and how fast. On the way out every answer
gets the careful headers, and an error none of its insides.
"""

from __future__ import annotations

import asyncio
import logging

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from facepipe.errors import FacepipeError, PathNotFound, ServerBusy
from facepipe.serve import origins
from facepipe.serve.access_log import Visit
from facepipe.serve.answers import careful, error_response
from facepipe.serve.door import Caller, Door
from facepipe.serve.intake import Hall, Intake
from facepipe.serve.limits import client_of
from facepipe.serve.settings import Settings

log = logging.getLogger("facepipe.serve")

SMALL = 16 * 2**10  # bytes of a body from who has no key, or logs in: nothing there is larger


def below(path: str, root: str) -> str:
    """``path`` as the routes have it: a proxy passes ``root`` on, or takes it off."""
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


class Guard:
    """``app`` behind everything that ``settings`` allow or do not. Routes find ``principal`` and ``door`` in their
    request's state."""

    def __init__(self, app: ASGIApp, settings: Settings, door: Door | None = None) -> None:
        self.app, self.settings = app, settings
        self.door = Door(settings) if door is None else door
        self._hall = Hall(settings.max_bodies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = {**scope, "path": below(scope["path"], self.settings.root_path)}  # of our own: routes write into it
        visit, headers = Visit(scope), Headers(scope=scope)
        if scope.get("method") == "HEAD":
            scope["method"] = "GET"  # what it is; uvicorn leaves the body out
        try:
            await (self._http if scope["type"] == "http" else self._websocket)(scope, receive, send, headers, visit)
        finally:
            visit.write()

    def _admit(self, scope: Scope, headers: Headers, visit: Visit) -> Caller:
        """Whoever may come in. Raises FacepipeError."""
        if (fault := origins.fault(scope, headers, self.settings)) is not None:
            raise fault
        client = client_of(scope["client"][0]) if scope.get("client") else "?"
        foreign = origins.is_foreign(scope, headers)
        caller = self.door.caller(headers, client, foreign)
        visit.who = "-" if caller.principal is None else caller.principal.name
        self.door.admit(caller, client, scope.get("method", "GET"))
        known = {"principal": caller.principal, "door": self.door, "client": client, "foreign": foreign}
        scope.setdefault("state", {}).update(known)
        return caller

    async def _http(self, scope: Scope, receive: Receive, send: Send, headers: Headers, visit: Visit) -> None:
        intake = Intake(headers, receive, self.settings, self._hall)
        answer = _Answer(send, intake, visit, origins.shared(headers, self.settings))
        try:
            if preflight := origins.preflight(scope, headers, self.settings):
                await answer.refuse(scope, preflight)
                return
            caller = self._admit(scope, headers, visit)
            if caller.principal is None or scope["path"].endswith("/session"):
                intake.most = SMALL
            if intake.refused is None:
                await self.app(scope, intake.receive, answer.send)
        except FacepipeError as error:
            await answer.refuse(scope, error_response(error))
        except asyncio.CancelledError:  # the server ends, and has waited for this long enough
            intake.gone = True
            await answer.refuse(scope, error_response(ServerBusy("the server is ending")))
        except ClientDisconnect:
            pass
        except Exception as error:
            if intake.refused is None:  # else it is only that the application missed the rest
                log.exception("unexpected error")
                await answer.refuse(scope, error_response(error))
        finally:
            intake.end()
        if intake.refused is not None:
            await answer.refuse(scope, error_response(intake.refused))

    async def _websocket(self, scope: Scope, receive: Receive, send: Send, headers: Headers, visit: Visit) -> None:
        try:
            caller = self._admit(scope, headers, visit)
        except FacepipeError as error:
            visit.status = error.http
            await _deny(scope, receive, send, error)
            return

        async def receive_while_allowed() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and not self.door.still(caller):
                await send({"type": "websocket.close", "code": 1008, "reason": "the key or the session has ended"})
                return {"type": "websocket.disconnect", "code": 1008}
            return message

        async def counted(message: Message) -> None:
            if message["type"] == "websocket.accept":
                visit.status = 101
            elif message["type"] == "websocket.close" and not visit.status:  # Starlette found no route for it
                visit.status = PathNotFound.http
                await _deny(scope, receive, send, PathNotFound("no WebSocket is there; what is: /api/v1/live"))
                return
            visit.bytes += len(message.get("bytes") or b"") + len((message.get("text") or "").encode())
            await send(message)

        try:
            await self.app(scope, receive_while_allowed, counted)
        except (WebSocketDisconnect, asyncio.CancelledError):
            pass  # it is over, and the route need not say so
        except Exception as error:
            if not isinstance(error, FacepipeError):
                log.exception("unexpected error")
            if visit.status == 101:
                await send({"type": "websocket.close", "code": 1011})
            else:
                await _deny(scope, receive, send, error)


async def _deny(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    """Refuse a handshake with an answer that says why, where the server can send one."""
    if "websocket.http.response" in scope.get("extensions", {}):
        response = error_response(error)
        response.raw_headers = careful(response.raw_headers)
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})


class _Answer:
    """What goes out: the careful headers on it, and the end of it only when the client had time to take it."""

    def __init__(self, send: Send, intake: Intake, visit: Visit, more: list[tuple[bytes, bytes]]) -> None:
        self._send, self._intake, self._visit, self._more = send, intake, visit, more
        self._refusing = False

    async def send(self, message: Message) -> None:
        if self._intake.refused is not None and not self._refusing and not self._visit.status:
            return  # what the application makes of half a body
        if message["type"] == "http.response.start":
            self._visit.status = message["status"]
            headers = careful([*self._more, *message.get("headers", [])])
            if not self._intake.complete:  # the rest of the body would be taken for the next request
                headers = [*headers, (b"connection", b"close")]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self._visit.bytes += len(message.get("body", b""))
            if not message.get("more_body", False) and not self._intake.complete:
                await self._send({**message, "more_body": True})
                await self._intake.linger()
                message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def refuse(self, scope: Scope, response: Response) -> None:
        """Send ``response``, unless something was sent already."""
        if not self._visit.status:
            self._refusing = True
            await response(scope, self._intake.receive, self.send)
