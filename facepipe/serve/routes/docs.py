"""What every operation's OpenAPI says of its errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from facepipe import errors as e
from facepipe.errors import FacepipeError
from facepipe.serve.needs import HEADER, PARAMETER, UUID_FORM
from facepipe.serve.schemas import UUID, ErrorBody

Responses = dict[int | str, dict[str, Any]]

ALWAYS = (
    e.KeyMissing,
    e.KeyWrong,
    e.ScopeMissing,
    e.OriginRefused,
    e.AnotherGallery,
    e.UsageError,
    e.RateLimited,
    FacepipeError,
)
GALLERY = (e.GalleryBusy, e.ServerBusy, e.GalleryNotFound, e.GalleryMismatch, e.GalleryCorrupt)
WRITING = (*GALLERY, e.GalleryReadOnly, e.GalleryDenied, e.GalleryFull)
BODY = (e.BodyTooLarge, e.BodyTooSlow, e.BodyFormat)
PICTURE = (
    *BODY,
    e.ServerBusy,
    e.ImageEmpty,
    e.ImageTruncated,
    e.ImageDamaged,
    e.ImageTooLarge,
    e.ImageTooSmall,
    e.ImageFormatError,
    e.EmbeddingInvalid,
)
ONE_FACE = (e.NoFace, e.SeveralFaces)

MEANT: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The gallery this is meant for, as `uuid` of GET /gallery; another one refuses it, with 412.",
    "schema": {"type": "string", "pattern": f"^{UUID_FORM}$"},
    "example": UUID,
}
MEANT_IN_QUERY = MEANT | {"name": PARAMETER, "in": "query", "description": f"As the header {HEADER}, for <img src>."}

TAKE = {
    "person": ("show_person", "rename", "remove", "merge", "list_references"),
    "reference": ("show_reference", "remove_reference", "picture"),
}

_MESSAGES: dict[type[FacepipeError], str] = {
    FacepipeError: "unexpected error; the server's log says more",
    e.UsageError: "pick: Input should be greater than or equal to 1",
    e.KeyMissing: "this server asks for a key: send `Authorization: Bearer KEY`",
    e.KeyWrong: "no such key",
    e.ScopeMissing: "this key may read; enrolling needs one with the scope enroll",
    e.OriginRefused: "pages of other sites may not call this server",
    e.AnotherGallery: "another gallery is served here now than this was meant for; reload the page",
    e.RateLimited: "more than 30 requests a second; slow down",
    e.ServerBusy: "the server has as much to do as it takes; try again in a moment",
    e.GalleryBusy: "gallery.db: somebody else is writing; try again in a moment",
    e.BodyTooLarge: "expected a body of at most 33554432 bytes",
    e.BodyTooSlow: "the body did not arrive within 30 s",
    e.BodyFormat: "content type 'text/plain': expected multipart/form-data or application/json",
    e.ImageTruncated: "ada.jpg: truncated JPEG: the file ends too early; copy or download it again",
    e.ImageTooLarge: "ada.jpg: expected at most 50000000 pixels, got 20000x10000; save it smaller",
    e.ImageFormatError: "ada.pdf: expected a JPEG, PNG, WEBP, BMP, GIF, TIFF, HEIC, AVIF or JPEG 2000 picture, got PDF",
    e.NoFace: "ada.jpg: no face found; use a photo with a larger, frontal face, or a lower min-face",
    e.SeveralFaces: "ada.jpg: 2 faces (310 px, 120 px), expected one; crop it, or pick one, 1 for the largest",
    e.PersonNotFound: "7: nobody enrolled has this number",
    e.ReferenceNotFound: "7: no such reference",
    e.ChangeRefused: "gallery.db: nothing was changed that could be kept or taken back; it holds templates of sface",
    e.PersonExists: "Ada: somebody of this name is enrolled already; to make them one, merge them",
}


def errors(*kinds: type[FacepipeError]) -> Responses:
    """``responses`` of an operation that may fail with ``kinds``, and as every operation may."""
    by_status: dict[int, dict[str, type[FacepipeError]]] = {}
    every: tuple[type[FacepipeError], ...] = (*ALWAYS, *kinds)
    for kind in every:
        by_status.setdefault(kind.http, {})[kind.code] = kind
    return {status: _response(status, found) for status, found in sorted(by_status.items())}


def _response(status: int, kinds: dict[str, type[FacepipeError]]) -> dict[str, Any]:
    examples = {
        code: {"value": {"error": {"code": code, "message": _MESSAGES.get(kind, (kind.__doc__ or code).strip())}}}
        for code, kind in kinds.items()
        if kind in _MESSAGES
    }
    found: dict[str, Any] = {"model": ErrorBody, "description": f"{HTTPStatus(status).phrase}: {', '.join(kinds)}."}
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    if examples:
        found["content"] = {"application/json": {"examples": examples}}
    return found


def with_links(responses: Responses, **where: str) -> Responses:
    """``responses`` whose 200 says where in it the number of a ``person`` or a ``reference`` is, as a JSON pointer, and
    which operations take it."""
    links = {
        operation: {"operationId": operation, "parameters": {"id": f"$response.body#/{pointer}"}}
        for kind, pointer in where.items()
        for operation in TAKE[kind]
    }
    return responses | {200: {"description": "Done.", "links": links}}
