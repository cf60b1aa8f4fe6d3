"""The body of one request, as it comes in: counted, and not waited for longer than the deadline."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from facepipe.errors import BodyTooLarge, BodyTooSlow, FacepipeError, ServerBusy, UsageError
from facepipe.serve.settings import Settings

LINGER = 2.0  # seconds in which a client that was answered early may finish sending, so that it reads the answer
GONE: Message = {"type": "http.disconnect"}


class Hall:
    """How many ``bytes`` of bodies the server holds, of all requests under way."""

    def __init__(self, most: int) -> None:
        self.most, self.bytes = most, 0


class Intake:
    """``refused`` says why no more is taken; the application then sees a client that went away. ``most``: bytes taken,
    which may be lowered before the first is."""

    def __init__(self, headers: Headers, receive: Receive, settings: Settings, hall: Hall) -> None:
        self.refused: FacepipeError | None = None
        self.gone = False
        self.most = settings.max_body
        self._receive, self._settings, self._hall = receive, settings, hall
        self._held = 0  # of the hall's bytes
        self._until = asyncio.get_running_loop().time() + settings.body_deadline
        self._count = 0
        self._waits_for_a_sign = "expect" in headers  # of 100-continue: it sends nothing before we ask
        announced = headers.get("content-length", "0")
        self.complete = "transfer-encoding" not in headers and announced == "0"
        if "content-length" in headers and "transfer-encoding" in headers:
            self.refused = UsageError("both Content-Length and Transfer-Encoding: expected one of them")
        elif announced.isdecimal() and int(announced) > settings.max_body:
            self._refuse_size()

    async def receive(self) -> Message:
        """The next message, for the application."""
        if self.refused is not None or self.gone:
            return GONE
        if self.complete:
            return await self._receive()
        left = self._until - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, left))
        except asyncio.TimeoutError:
            self.refused = BodyTooSlow(
                f"the request was not here in full within {self._settings.body_deadline:g} s; send less, or faster"
            )
            return GONE
        self._take(message)
        if self._count > self.most:
            self._refuse_size()
            return GONE
        self._hold(len(message.get("body", b"")))
        return GONE if self.refused else message

    def end(self) -> None:
        """The request is over, and its body let go."""
        self._hall.bytes -= self._held
        self._held = 0

    def _hold(self, count: int) -> None:
        self._held += count
        self._hall.bytes += count
        if self._hall.bytes > self._hall.most:
            self.refused = ServerBusy("the server holds as many pictures as it can; try again in a moment")

    async def linger(self) -> None:
        """Let a client that has its answer finish, within bounds; what it sends is thrown away.

        To close the connection at once would make its system drop the answer before it was read.
        """
        if self._waits_for_a_sign and not self._count:
            return
        until = asyncio.get_running_loop().time() + LINGER
        allowed = self._count + self._settings.max_body
        while not (self.complete or self.gone or self._count > allowed):
            left = until - asyncio.get_running_loop().time()
            try:
                self._take(await asyncio.wait_for(self._receive(), max(0.0, left)))
            except asyncio.TimeoutError:
                return

    def _take(self, message: Message) -> None:
        self.gone = message["type"] == "http.disconnect"
        self._count += len(message.get("body", b""))
        self.complete = not message.get("more_body", False) and not self.gone

    def _refuse_size(self) -> None:
        self.refused = BodyTooLarge(f"the body is larger than {self.most:,} bytes; send fewer or smaller pictures")
