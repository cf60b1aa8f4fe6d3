"""What this server is: its health, its networks, its gallery; and logging in to it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from facepipe import __version__
from facepipe.cards import all_cards
from facepipe.serve.context import Server
from facepipe.serve.guard import needs
from facepipe.serve.routes.docs import GALLERY, errors
from facepipe.serve.schemas import answer
from facepipe.weights import is_here

router = APIRouter(tags=["server"])
read = [Depends(needs("read"))]


NETWORK = {
    "name": "dlib_resnet",
    "role": "backbone",
    "here": True,
    "used": True,
    "licence": "CC0-1.0",
    "summary": "dlib's face ResNet",
}
FACTS = {
    "people": 1,
    "references": 2,
    "backbone": "dlib_resnet@fbb0be73543fdc79",
    "dimension": 128,
    "thumbnails": 2,
    "record_bytes": 69632,
    "index_bytes": 1189,
    "index": "valid",
}


class Health(BaseModel):
    model_config = answer({"ok": True, "version": __version__})
    ok: bool
    version: str


class Model(BaseModel):
    name: str
    role: str
    here: Annotated[bool, Field(description="Whether its weights are on this machine.")]
    used: Annotated[bool, Field(description="Whether this server uses it.")]
    licence: str
    summary: str


class Models(BaseModel):
    model_config = answer({"models": [NETWORK]})
    models: list[Model]


class GalleryFacts(BaseModel):
    model_config = answer(FACTS)
    people: int
    references: int
    backbone: Annotated[str | None, Field(description="The network whose templates it holds.")]
    dimension: int | None
    thumbnails: int
    record_bytes: int
    index_bytes: int
    index: Annotated[str, Field(description="valid, or missing, stale or damaged: the next search puts it right.")]


@router.get("/health", summary="Is it up?", responses=errors())
async def health() -> Health:
    """Needs no key. Says nothing of what the server holds."""
    return Health(ok=True, version=__version__)


@router.get("/models", summary="List networks", dependencies=read, responses=errors())
async def models(server: Server) -> Models:
    """The networks facepipe knows."""
    used = {server.pipe.detector.card.name, server.pipe.backbone.card.name}

    def work() -> Models:
        return Models(
            models=[
                Model(
                    name=card.name,
                    role=card.role,
                    here=is_here(card),
                    used=card.name in used,
                    licence=card.licence,
                    summary=card.summary,
                )
                for card in all_cards()
            ]
        )

    return await server.engine.short(work)


@router.get("/gallery", summary="The gallery", dependencies=read, responses=errors(*GALLERY))
async def gallery(server: Server) -> GalleryFacts:
    """How many are enrolled, with which network, and the state of the search index."""

    def work() -> GalleryFacts:
        found = server.gallery.info()
        return GalleryFacts(**{name: getattr(found, name) for name in GalleryFacts.model_fields})

    return await server.engine.short(work)
