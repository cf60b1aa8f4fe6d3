"""inspect and dump: a look into the networks. Both take seconds, so they run one at a time beside everything else."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import StreamingResponse

from facepipe import errors as e
from facepipe.image import read_image
from facepipe.inspect.survey import Which
from facepipe.records import Image
from facepipe.serve.bodies import WHOLE, body, documented
from facepipe.serve.context import Context, Server, while_there
from facepipe.serve.example import FACE
from facepipe.serve.needs import needs
from facepipe.serve.routes.asks import Pick, Point, WithPlace, face_at
from facepipe.serve.routes.docs import GALLERY, ONE_FACE, PICTURE, Responses, errors
from facepipe.serve.routes.people import LARGEST
from facepipe.serve.schemas import answer
from facepipe.serve.uploads import Upload

VIEWS = ("kernel", "ladder", "patches", "translation", "identity", "match", "saliency", "coarse")
_VIEW = "|".join(VIEWS)
APART = (("pick", "at"), ("other", "other_reference"), ("other_pick", "other_at"))
OF_OTHER = ("other_pick", "other_at")
CHUNK = 256 * 2**10
PAGE: Responses = {200: {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
FILE: Responses = {
    200: {
        "description": "The file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = APIRouter(tags=["inspect"], dependencies=[Depends(needs("read"))])
ReferenceId = Annotated[
    int, Field(ge=1, le=LARGEST, description="A reference: its stored picture is looked into."), WHOLE
]


class InspectAsk(WithPlace):
    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["image"]}, {"required": ["reference"]}],
            "not": {"anyOf": [{"required": list(pair)} for pair in APART]},
            "dependentRequired": {name: ["other"] for name in OF_OTHER},
        }
    )
    image: Upload | None = None
    reference: ReferenceId | None = None
    other: Annotated[Upload | None, Field(description="A face to compare with.")] = None
    other_reference: ReferenceId | None = None
    other_pick: Pick | None = None
    other_at: Point | None = None
    views: Annotated[
        str | None,
        Field(
            pattern=rf"^({_VIEW})(,({_VIEW})){{0,{len(VIEWS) - 1}}}$",
            description="Which views, comma-separated. Default: all but saliency, which takes half a minute.",
        ),
    ] = None

    @model_validator(mode="after")
    def _of_one_or_two(self) -> InspectAsk:
        if (self.image is None) == (self.reference is None):
            raise ValueError("expected either image or reference")
        for one, other in APART:
            if {one, other} <= self.model_fields_set:
                raise ValueError(f"expected {one} or {other}, not both")
        for name in OF_OTHER:
            if name in self.model_fields_set and self.other is None:
                raise ValueError(f"{name} says which face of other, which is not there")
        return self


class Inspected(BaseModel):
    model_config = answer({"page": "/api/v1/inspections/1nG0hQ2bqvY5cXh5n3tQm0dT8sVwKZ4a"})
    page: Annotated[str, Field(description="Where the page is, for a quarter of an hour.")]


class DumpAsk(WithPlace):
    image: Upload
    layers: Annotated[str, Field(min_length=1, max_length=200, description="A name or a glob.")] = "*"
    format: Literal["npz", "safetensors"] = "npz"


@router.post(
    "/inspect",
    summary="Explain a face",
    openapi_extra=documented(InspectAsk, {"image": FACE, "other_reference": 3, "views": "kernel,match"}),
    responses=errors(*PICTURE, *ONE_FACE, *GALLERY, e.ReferenceNotFound),
)
async def inspect(request: Request, server: Server, ask: Annotated[InspectAsk, body(InspectAsk)]) -> Inspected:
    """A page that follows a face from pixels to name, or explains why two match or not; of a picture or of a stored
    reference. It takes some seconds."""
    id = await while_there(request, lambda: server.engine.long(lambda: _explain(server, ask)))
    return Inspected(page=f"{server.settings.root_path}{request.url.path.removesuffix('inspect')}inspections/{id}")


@router.get(
    "/inspections/{id}",
    summary="The page of an inspection",
    response_class=Response,
    responses=PAGE | errors(e.PathNotFound),
)
async def inspection(
    server: Server, id: Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["1nG0hQ2bqvY5cXh5"])]
) -> Response:
    """The page: whole in itself, loads nothing from anywhere."""
    found = server.inspections.find(id)
    return Response(
        found.html, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": found.policy}
    )


@router.post(
    "/dump",
    summary="What every layer put out",
    openapi_extra=documented(DumpAsk, {"image": FACE, "layers": "blocks.*", "format": "safetensors"}),
    response_class=Response,
    responses=FILE | errors(*PICTURE, *ONE_FACE, e.WriteFailed),
)
async def dump(request: Request, server: Server, ask: Annotated[DumpAsk, body(DumpAsk)]) -> StreamingResponse:
    """The outputs of the backbone's layers, of MTCNN's ``pnet/``, ``rnet/`` and ``onet/`` too, for each face or for the
    one that is picked, in one file."""
    stream, size = await while_there(request, lambda: server.engine.long(lambda: _dump(server, ask)))
    headers = {"Content-Length": str(size), "Content-Disposition": f'attachment; filename="layers.{ask.format}"'}
    return StreamingResponse(_chunks(stream), media_type="application/octet-stream", headers=headers)


def _explain(server: Context, ask: InspectAsk) -> str:
    """The id of the page."""
    from facepipe.inspect.explain import explain

    images, picks = [_image(server, ask.image, ask.reference)], [_which(ask.pick, ask.at)]
    if ask.other is not None or ask.other_reference is not None:
        images.append(_image(server, ask.other, ask.other_reference))
        picks.append(_which(ask.other_pick, ask.other_at))
    views = None if ask.views is None else ask.views.split(",")
    found = explain(server.pipe, images, server.gallery, pick=picks, views=views)
    return server.inspections.keep(found.page())


def _image(server: Context, picture: Upload | None, reference: int | None) -> Image:
    """What is looked into."""
    if picture is not None:
        return picture.decode(server.settings.max_pixels)
    assert reference is not None
    held, data = server.gallery.reference(reference), server.gallery.thumbnail(reference)
    if data is None:
        raise e.ReferenceNotFound(f"{reference}: this reference has no picture to look into")
    return read_image(data, f"{held.person}, reference {reference}")


def _which(pick: int | None, at: str | None) -> Which:
    """Which face of it."""
    return pick if at is None else partial(face_at, at)


def _dump(server: Context, ask: DumpAsk) -> tuple[IO[bytes], int]:
    """The file, which nobody else can find, and its size."""
    from facepipe.inspect.dump import dump

    image = ask.image.decode(server.settings.max_pixels)
    try:
        with tempfile.TemporaryDirectory(prefix="facepipe-") as folder:
            path = Path(folder, f"layers.{ask.format}")
            size = dump(server.pipe, [image], path, ask.layers, _which(ask.pick, ask.at)).bytes
            stream = tempfile.TemporaryFile()  # noqa: SIM115  closed when it was sent, or nobody waits for it any more
            with path.open("rb") as made:
                shutil.copyfileobj(made, stream)
    except OSError as error:
        raise e.WriteFailed(f"the server's folder for temporary files: {error.strerror or error}") from None
    stream.seek(0)
    return stream, size


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while data := stream.read(CHUNK):
            yield data
