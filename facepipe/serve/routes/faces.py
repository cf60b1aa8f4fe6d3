"""detect, identify, verify: what the faces in pictures are."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

import cv2
from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from facepipe.defaults import FPIR
from facepipe.pipeline import pick_face
from facepipe.records import Detection, Face, Image
from facepipe.serve import schemas
from facepipe.serve.bodies import WHOLE, Ask, body, documented
from facepipe.serve.context import Context, Server, attended
from facepipe.serve.example import FACE
from facepipe.serve.guard import needs
from facepipe.serve.routes.asks import WithPick, WithStrangerRate, WithThreshold
from facepipe.serve.routes.docs import GALLERY, ONE_FACE, PICTURE, errors
from facepipe.serve.uploads import Upload

MOST_CANDIDATES = 100
LARGEST_SHOWN = 1600  # px of the longer side
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

    def then(image: Image, found: list[Detection]) -> schemas.Detected:
        faces = [schemas.face_box(face) for face in found]
        return schemas.Detected(source=ask.image.name, size=size_of(image), faces=faces)

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
        width, height = (side * image.shrunk for side in size_of(image))
        return Response(shown(image), media_type="image/jpeg", headers={"Picture-Size": f"{width}x{height}"})

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

    def then(image: Image, faces: list[Face]) -> tuple[list[int], list[Face]]:
        return size_of(image), faces

    async def work() -> schemas.Identified:
        size, faces = await server.engine.faces(decoder(server, ask.image), then)

        def match() -> schemas.Identified:
            limit = ask.limit(server.pipe, server.gallery)  # now: a calibration may have been made meanwhile
            named = server.pipe.match(faces, server.gallery, top=ask.top, threshold=limit)
            return schemas.Identified(
                size=size, threshold=schemas.cosine(limit), faces=[schemas.known_face(face) for face in named]
            )

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

    def then(image: Image, faces: list[Face]) -> Face:
        return pick_face(image, faces, ask.pick)

    async def work() -> schemas.Verified:
        a, b = await gathered(*(server.engine.faces(decoder(server, each), then) for each in (ask.a, ask.b)))
        return schemas.verified(server.pipe.compare(a, b, threshold=limit))

    return await attended(request, server.engine, work)


def shown(image: Image) -> bytes:
    """A JPEG of ``image``, made smaller where it is large."""
    scale = min(1.0, LARGEST_SHOWN / max(image.width, image.height))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.pixels if scale == 1 else cv2.resize(image.pixels, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])[1])


def decoder(server: Context, picture: Upload) -> Any:
    """What decodes ``picture`` when it is its turn."""
    return partial(picture.decode, server.settings.max_pixels)


def size_of(image: Image) -> list[int]:
    return [image.width, image.height]


async def gathered(*works: Any) -> list[Any]:
    """The results of all; at the first error, or when this is given up, the others are given up too."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
