"""Live over a WebSocket: frames in, recognised tracks or guidance out. The newest frame wins; an older one that nobody
has begun with is dropped. The protocol is described in docs/serve.md."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from fastapi import APIRouter, Depends, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from facepipe.errors import AnotherGallery, FacepipeError, ImageTooLarge, UsageError
from facepipe.image import read_image
from facepipe.records import Frame, Image
from facepipe.serve.answers import error_body
from facepipe.serve.bodies import told
from facepipe.serve.context import Context, Server
from facepipe.serve.engine import busy
from facepipe.serve.limits import Buckets
from facepipe.serve.modes import MESSAGE, EnrollMode, Mode, RecogniseMode, ToEnroll, ToGuide, ToMode
from facepipe.serve.needs import expect_gallery, expect_scope, meant_by, needs

REFUSED, FAILED, TOO_MANY, SILENT, TOO_FAST = 1008, 1011, 1013, 4408, 4429
MESSAGES = 16  # that are not frames, waiting
SPARE, BURST = 1.25, 2.0  # of max_fps a second, and seconds of it at once: a client's clock is not ours
SOURCE = "camera"

router = APIRouter()


@dataclass(frozen=True, eq=False)
class Received:
    """The ``number``-th frame that came in, from 1; ``time`` by the server's clock, seconds."""

    number: int
    data: bytes
    time: float
    at: datetime


class Closed(Exception):
    """The connection is to be closed with ``code``."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@router.websocket("/live", dependencies=[Depends(needs("read"))])
async def live(socket: WebSocket, server: Server) -> None:
    await socket.accept()
    connection = Connection(socket, server)
    if server.live >= server.settings.max_live:
        await connection.tell_error(busy())
        await socket.close(TOO_MANY, "too many live connections")
        return
    server.live += 1
    try:
        await connection.run()
    except Closed as closed:
        await socket.close(closed.code, closed.reason)
    except AnotherGallery as error:
        await connection.tell_error(error)
        await socket.close(REFUSED, error.code)
    except FacepipeError as error:  # there is no threshold, say
        await connection.tell_error(error)
        await socket.close(FAILED)
    except WebSocketDisconnect:
        pass
    finally:
        server.live -= 1


class Connection:
    """One client. Two tasks: one takes in what comes, the other works on it, one frame or message after another."""

    def __init__(self, socket: WebSocket, server: Context) -> None:
        self._socket, self._server, self._settings = socket, server, server.settings
        self._meant = meant_by(socket)
        self._began = time.monotonic()
        self._newest: Received | None = None
        self._messages: deque[str] = deque()
        self._something = asyncio.Event()
        self._received = self._dropped = 0
        fps = self._settings.max_fps
        self._rate = Buckets(SPARE * fps, BURST * fps)
        self._mode: Mode

    async def run(self) -> None:
        """Until either side closes. Raises Closed, WebSocketDisconnect."""
        self._mode = RecogniseMode(self._server)
        await self._hello()
        tasks = [asyncio.ensure_future(self._take_in()), asyncio.ensure_future(self._work())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def tell_error(self, error: Exception, **more: Any) -> None:
        await self._tell({"type": "error", **more, **error_body(error)})

    # What comes in --------------------------------------------------------------------------------------------------

    async def _take_in(self) -> None:
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive(), self._settings.silence)
            except asyncio.TimeoutError:
                raise Closed(SILENT, f"nothing came for {self._settings.silence:g} s") from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            if self._rate.take("client"):
                raise Closed(TOO_FAST, f"more than {self._settings.max_fps:g} frames a second")
            if (data := message.get("bytes")) is not None:
                self._take_frame(data)
            else:
                self._messages.append(message.get("text") or "")
                if len(self._messages) > MESSAGES:
                    raise Closed(TOO_FAST, "more messages than can be worked on")
            self._something.set()

    def _take_frame(self, data: bytes) -> None:
        self._received += 1
        self._dropped += self._newest is not None
        self._newest = Received(self._received, data, time.monotonic() - self._began, datetime.now(timezone.utc))

    # What is done about it ------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            await self._something.wait()
            if self._messages:
                await self._answer(self._messages.popleft())
            elif self._newest is not None:
                frame, self._newest = self._newest, None
                await self._look(frame)
            else:
                self._something.clear()

    async def _look(self, received: Received) -> None:
        mode = self._mode
        try:
            size, found = await self._server.engine.single(lambda: self._see(mode, received))
        except AnotherGallery:
            raise
        except FacepipeError as error:
            await self.tell_error(error, frame=received.number)
            return
        spent = round(1000 * (time.monotonic() - self._began - received.time), 1)
        about = {"type": "frame", "frame": received.number, "size": size, "dropped": self._dropped, "ms": spent}
        await self._tell(about | found)

    def _see(self, mode: Mode, received: Received) -> tuple[list[int], dict[str, Any]]:
        expect_gallery(self._server.gallery, self._meant)  # the file may be replaced while this is connected
        image = self._decode(received.data)
        return [image.width, image.height], mode.see(Frame(image, received.number - 1, received.time, received.at))

    def _decode(self, data: bytes) -> Image:
        side = self._settings.max_side
        image = read_image(data, SOURCE, max_pixels=side * side)
        if max(image.width, image.height) > side:
            raise ImageTooLarge(f"{SOURCE}: expected at most {side} px a side, got {image.width}x{image.height}")
        return image

    async def _answer(self, text: str) -> None:
        try:
            message = _parsed(text)
            if isinstance(message, ToMode):
                await self._switch(message)
            elif isinstance(message, ToEnroll):
                await self._enroll(message)
            else:
                self._enrolling().guide(message)
        except AnotherGallery:
            raise
        except FacepipeError as error:
            await self.tell_error(error)

    async def _switch(self, message: ToMode) -> None:
        """Start over, in the mode asked for; what came before is of no interest any more."""
        if message.mode == "enroll":
            expect_scope(self._socket.state.principal, "enroll")
            self._mode = EnrollMode(self._server, message.shots)
        else:
            self._mode = RecogniseMode(self._server)
        await self._hello()

    async def _enroll(self, message: ToEnroll) -> None:
        expect_scope(self._socket.state.principal, "enroll")
        mode = self._enrolling()

        def work() -> dict[str, Any]:
            expect_gallery(self._server.gallery, self._meant)
            return mode.enroll(message)

        await self._tell(await self._server.engine.short(work))

    def _enrolling(self) -> EnrollMode:
        if not isinstance(self._mode, EnrollMode):
            raise UsageError('expected the mode enroll first: {"type": "mode", "mode": "enroll"}')
        return self._mode

    async def _hello(self) -> None:
        settings = self._settings
        limits = {"max_bytes": settings.max_frame, "max_fps": settings.max_fps, "max_side": settings.max_side}
        await self._tell({"type": "hello", "mode": self._mode.name, "threshold": self._mode.threshold, **limits})

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._socket.send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))


def _parsed(text: str) -> ToMode | ToEnroll | ToGuide:
    try:
        return MESSAGE.validate_json(text)
    except ValidationError as error:
        raise UsageError(told(error.errors(include_url=False, include_input=False))) from None
