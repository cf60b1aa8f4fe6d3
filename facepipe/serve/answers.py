"""What every answer has: one body for errors, and the headers that make a browser careful."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from facepipe.errors import FacepipeError, GalleryError, KeyMissing, KeyWrong, ModelError, ServerError, WriteFailed

Headers = list[tuple[bytes, bytes]]

# Nothing from elsewhere, no inline script, no eval. A route that sets its own policy keeps it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
    " frame-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
CAREFUL: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), display-capture=(), usb=(), payment=()",
    "cache-control": "no-store",  # faces and names stay out of the disk's cache
}
UNEXPECTED = "unexpected error; the server's log says more"
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s:;,'\"()]+)+(?=[\\/])[\\/]")


def error_body(error: Exception) -> dict[str, Any]:
    """``{"error": {"code", "message", "retry_after"?}}``: over HTTP, and what a WebSocket's error message holds."""
    if not isinstance(error, FacepipeError):
        return {"error": {"code": FacepipeError.code, "message": UNEXPECTED}}
    message = str(error).partition("\n")[0]
    if isinstance(error, (GalleryError, ModelError, WriteFailed)) or type(error) is ServerError:
        message = _FOLDERS.sub("", message)  # where things lie on the server is nobody's business
    found: dict[str, Any] = {"code": error.code, "message": message}
    if (wait := _wait(error)) is not None:
        found["retry_after"] = wait
    for name in ("problems", "person", "details"):
        if value := getattr(error, name, None):
            found[name] = value
    return {"error": found}


def error_response(error: Exception, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that failed with ``error``; what is not facepipe's own says nothing of itself."""
    status = error.http if isinstance(error, FacepipeError) else 500
    more = dict(headers or {})
    if isinstance(error, (KeyMissing, KeyWrong)):
        more["WWW-Authenticate"] = 'Bearer realm="facepipe"'
    if (wait := _wait(error)) is not None:
        more["Retry-After"] = str(wait)
    return JSONResponse(error_body(error), status, more)


def _wait(error: Exception) -> int | None:
    """Whole seconds until it may go better; at least one where that is all that is known."""
    given = getattr(error, "retry_after", None)
    if given is None:
        return 1 if getattr(error, "http", 500) in (429, 503) else None
    return max(1, math.ceil(given))


def tag_of(data: bytes) -> str:
    """An ETag that changes with ``data``."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def tagged(request: Request, data: bytes, media_type: str, tag: str, keep: str) -> Response:
    """``data``, or 304 when the client has it already; ``keep``: its Cache-Control."""
    headers = {"ETag": tag, "Cache-Control": keep}
    known = [given.strip().removeprefix("W/") for given in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=media_type, headers=headers)


def careful(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """``headers`` with CAREFUL's, where the answer has not its own."""
    given = list(headers)
    names = {name.lower() for name, _ in given}
    return given + [(n.encode(), v.encode()) for n, v in CAREFUL.items() if n.encode() not in names]
