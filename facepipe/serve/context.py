"""What every route works with: the server's parts, and a place in its queue while the client is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from facepipe.gallery import Gallery
from facepipe.networks.cards import network_name
from facepipe.pipeline import Pipeline
from facepipe.serve.engine import Engine
from facepipe.serve.inspections import Inspections
from facepipe.serve.settings import Settings

T = TypeVar("T")


@dataclass(eq=False)
class Context:
    settings: Settings
    pipe: Pipeline
    gallery: Gallery
    engine: Engine
    inspections: Inspections
    live: int = 0  # connections now
    known: dict[str, Pipeline] = field(default_factory=dict)  # by their backbones' ids, for a change of network

    def pipeline(self, backbone: str) -> Pipeline:
        """The pipeline with this network, by its name or its id. Raises ModelError."""
        self.known.setdefault(self.pipe.backbone.id, self.pipe)
        if backbone not in self.known:
            made = self.pipe.with_backbone(network_name(backbone))
            backbone = made.backbone.id
            self.known.setdefault(backbone, made)
        return self.known[backbone]

    def use(self, pipe: Pipeline) -> None:
        """From now on, as the gallery has been changed to its network."""
        self.known = {one.backbone.id: one for one in (self.pipe, pipe)}
        self.pipe = self.engine.pipe = pipe
        self.inspections.clear()


def _context(connection: HTTPConnection) -> Context:
    found: Context = connection.app.state.context
    return found


Server = Annotated[Context, Depends(_context)]


async def attended(request: Request, engine: Engine, work: Callable[[], Awaitable[T]]) -> T:
    """``work``, with one of the queue's places, which is given back when the client goes away. Raises ServerBusy."""
    with engine.place():
        return await while_there(request, work)


async def while_there(request: Request, work: Callable[[], Awaitable[T]]) -> T:
    """``work``, given up when the client goes away. Its body has been read before. Raises ClientDisconnect."""
    task, gone = asyncio.ensure_future(work()), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.wait({task, gone})  # so that nothing of it is in a queue any more


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
