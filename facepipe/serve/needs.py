"""What a route asks of its callers: a scope, and that they mean the gallery that is served.

Numbers of people and references mean others in another gallery. Whoever holds on to some, as the page does while it is
open, says with every call which gallery they are of.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from facepipe.errors import AnotherGallery, FacepipeError, KeyMissing, ScopeMissing, UsageError
from facepipe.gallery import Gallery
from facepipe.serve.answers import error_body
from facepipe.serve.context import Context
from facepipe.serve.keys import SCOPES, Principal

HEADER = "Facepipe-Gallery"
PARAMETER = "gallery"  # of the query, where a browser sends no header: for pictures and WebSockets
UUID_FORM = "[0-9a-f]{32}"


def needs(scope: str) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """A dependency for routes, of WebSockets too: the caller must have ``scope``, and mean this gallery if they say
    which. Raises KeyMissing, ScopeMissing, AnotherGallery, UsageError.

    A WebSocket is told in an error message and closed with 1008.
    """
    assert scope in SCOPES

    async def check(connection: HTTPConnection) -> Principal:
        try:
            principal = expect_scope(connection.scope["state"]["principal"], scope)
            if meant := meant_by(connection):
                server: Context = connection.app.state.context
                await server.engine.short(lambda: expect_gallery(server.gallery, meant))
            return principal
        except FacepipeError as error:
            if not isinstance(connection, WebSocket):
                raise
            await connection.accept()
            await connection.send_json({"type": "error"} | error_body(error))
            await connection.close(1008, error.code)
            raise WebSocketDisconnect(1008) from None

    return check


def expect_scope(principal: Principal | None, scope: str) -> Principal:
    """``principal``, who may do what takes ``scope``. Raises KeyMissing, ScopeMissing."""
    if principal is None:
        raise KeyMissing("a key is needed: send `Authorization: Bearer KEY`, or log in on the page")
    if scope not in principal.scopes:
        raise ScopeMissing(f"the key {principal.name} may not do this: it takes one with the scope {scope}")
    return principal


def meant_by(connection: HTTPConnection) -> frozenset[str]:
    """The uuids of the galleries that a call is meant for: none where it says nothing. Raises UsageError."""
    found = frozenset([*connection.headers.getlist(HEADER), *connection.query_params.getlist(PARAMETER)])
    if not all(re.fullmatch(UUID_FORM, one) for one in found):
        raise UsageError(f"{HEADER}: expected the uuid that `GET gallery` tells, 32 hex digits")
    return found


def expect_gallery(gallery: Gallery, meant: Iterable[str]) -> None:
    """Raises AnotherGallery unless ``gallery`` is each of ``meant``."""
    if any(one != gallery.uuid for one in meant):
        raise AnotherGallery(
            "another gallery is served here now than this was meant for; reload the page, or ask `GET gallery` anew"
        )
