"""detect, identify, verify: what the faces in pictures are."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from facepipe.defaults import FPIR
from facepipe.faces import Faces
from facepipe.pipeline import pick_face
from facepipe.pixels import shown
from facepipe.records import Detection, Face, Image
from facepipe.records.arrays import cosine
from facepipe.serve import schemas
from facepipe.serve.bodies import WHOLE, Ask, body, documented
from facepipe.serve.context import Context, Server, attended
from facepipe.serve.example import FACE
from facepipe.serve.needs import needs
from facepipe.serve.routes.asks import WithPick, WithStrangerRate, WithThreshold
from facepipe.serve.routes.docs import GALLERY, ONE_FACE, PICTURE, errors
from facepipe.serve.uploads import Upload

MOST_CANDIDATES = 100
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter(tags=["faces"], dependencies=[Depends(needs("read"))])


class DetectAsk(Ask):
    image: Upload


class PreviewAsk(Ask):
    image: Upload


class IdentifyAsk(WithStrangerRate):
    image: Upload
    top: Annotated[
        int, Field(ge=1, le=MOST_CANDIDATES, description="Candidates to give for each face, best first."), WHOLE
    ] = 1


class VerifyAsk(WithThreshold, WithPick):
    a: Upload
    b: Upload


@router.post(
    "/detect",
    summary="Find faces",
    openapi_extra=documented(DetectAsk, {"image": FACE}),
    responses=errors(*PICTURE),
)
async def detect(request: Request, server: Server, ask: Annotated[DetectAsk, body(DetectAsk)]) -> schemas.Detected:
    """Every face of one picture: where it is, how sure that is, five landmarks. A picture without faces has none."""

    def then(image: Image, found: Faces[Detection]) -> schemas.Detected:
        return schemas.Detected(**found.to_dict() | {"source": ask.image.name})

    return await attended(request, server.engine, lambda: server.engine.detect(decoder(server, ask.image), then))


@router.post(
    "/preview",
    summary="Show a picture",
    openapi_extra=documented(PreviewAsk, {"image": FACE}),
    response_class=Response,
    responses=JPEG | errors(*PICTURE),
)
async def preview(request: Request, server: Server, ask: Annotated[PreviewAsk, body(PreviewAsk)]) -> Response:
    """One picture as a JPEG, upright, its longer side 1600 px at most: what a browser can show of a HEIC or a TIFF. The
    header ``Picture-Size`` says how large the picture itself is: ``4032x3024``."""

    def work() -> Response:
        image = decoder(server, ask.image)()
        width, height = image.width * image.shrunk, image.height * image.shrunk
        return Response(shown(image.pixels), media_type="image/jpeg", headers={"Picture-Size": f"{width}x{height}"})

    return await attended(request, server.engine, lambda: server.engine.single(work))


@router.post(
    "/identify",
    summary="Say who it is",
    openapi_extra=documented(IdentifyAsk, {"image": FACE, "top": 3, "fpir": FPIR}),
    responses=errors(*PICTURE, *GALLERY),
)
async def identify(
    request: Request, server: Server, ask: Annotated[IdentifyAsk, body(IdentifyAsk)]
) -> schemas.Identified:
    """Who each face of one picture is: 1:N against everybody enrolled. ``name`` is null for a face that nobody
    enrolled comes near enough to. `GET /gallery` says which threshold is usual here, and why."""

    def then(image: Image, faces: Faces[Face]) -> Faces[Face]:
        return faces

    async def work() -> schemas.Identified:
        faces = await server.engine.faces(decoder(server, ask.image), then)

        def match() -> schemas.Identified:
            limit = ask.limit(server.pipe, server.gallery)  # now: a calibration may have been made meanwhile
            named = faces.told_as(server.pipe.match(faces, server.gallery, top=ask.top, threshold=limit))
            return schemas.Identified(**named.to_dict() | {"source": ask.image.name, "threshold": cosine(limit)})

        return await server.engine.short(match)

    return await attended(request, server.engine, work)


@router.post(
    "/verify",
    summary="Compare two faces",
    openapi_extra=documented(VerifyAsk, {"a": FACE, "b": FACE}),
    responses=errors(*PICTURE, *ONE_FACE),
)
async def verify(request: Request, server: Server, ask: Annotated[VerifyAsk, body(VerifyAsk)]) -> schemas.Verified:
    """Do two pictures show one person? Each must show one face, or ``pick`` says which, in both."""
    limit = server.pipe.threshold(ask.threshold, ask.fmr)

    def then(image: Image, faces: Faces[Face]) -> Face:
        return pick_face(image, faces, ask.pick)

    async def work() -> schemas.Verified:
        a, b = await gathered(*(server.engine.faces(decoder(server, each), then) for each in (ask.a, ask.b)))
        found = server.pipe.compare(a, b, threshold=limit, sources=(ask.a.name, ask.b.name))
        return schemas.Verified(**found.to_dict())

    return await attended(request, server.engine, work)


def decoder(server: Context, picture: Upload) -> Any:
    """What decodes ``picture`` when it is its turn."""
    return partial(picture.decode, server.settings.max_pixels)


async def gathered(*works: Any) -> list[Any]:
    """The results of all; at the first error, or when this is given up, the others are given up too."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
