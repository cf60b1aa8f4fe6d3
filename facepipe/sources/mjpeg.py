"""Cameras that send JPEGs over HTTP in a way of their own: no boundary first, parts without headers, boundaries other
than those announced. Only the pictures count: each says itself where it ends."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPException, HTTPResponse
from urllib import request
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit

from facepipe.errors import ImageError, SourceRefused
from facepipe.image import read_image
from facepipe.records import Pixels

CHUNK = 64 * 1024  # bytes read at once, at most
LONGEST = 32 * 2**20  # bytes of one picture, and before one
START, SCAN, END = 0xD8, 0xDA, 0xD9  # what may follow 0xFF: a picture, what was compressed of it, its end
WITHIN = {0x00, 0x01, 0xFF, *range(0xD0, 0xD8)}  # and is no end of what was compressed


class JpegCapture:
    """The pictures in an answer of a camera, as ``Pictures``; their time is that of their arrival."""

    fps: float | None = None
    count: float | None = None
    codec = "MJPG"

    def __init__(self, answer: HTTPResponse, label: str) -> None:
        self._answer, self._label = answer, label
        self._jpegs = jpegs(partial(answer.read1, CHUNK))
        self._jpeg: bytes | None = None
        self._began = time.monotonic()
        self.time = 0.0
        self.size = (0, 0)

    def grab(self) -> bool:
        """Go on to the next picture. False at the end, and when none came in time."""
        try:
            self._jpeg = next(self._jpegs, None)
        except (OSError, HTTPException, ValueError):  # it went away, or is closed
            self._jpeg = None
        self.time = time.monotonic() - self._began
        return self._jpeg is not None

    def picture(self) -> Pixels | None:
        """The picture just grabbed, (H, W, 3) uint8 RGB, upright, read-only; None when it is damaged."""
        try:
            return None if self._jpeg is None else read_image(self._jpeg, self._label).pixels
        except ImageError:
            return None

    def close(self) -> None:
        """Let go of it. More than once does no harm."""
        self._answer.close()


def open_jpegs(url: str, label: str, wait: float) -> JpegCapture | None:
    """Open an address that answers with pictures; ``wait``: for an answer, and for each picture, seconds. None when
    nothing answers.

    Raises SourceRefused when what answers does not let us in, or has no pictures to follow each other.
    """
    try:
        answer = _asked(url, wait)
    except HTTPError as error:
        error.close()
        raise SourceRefused(f"{label}: {_refusal(error, urlsplit(url).username is not None)}") from None
    except (OSError, HTTPException, ValueError):
        return None
    kind, ends = answer.headers.get_content_type(), "Content-Length" in answer.headers
    if "Content-Type" in answer.headers and (kind.startswith("text/") or (kind.startswith("image/") and ends)):
        answer.close()
        raise SourceRefused(f"{label}: expected a stream, got one {kind}; look its address up in the camera's manual")
    if ends:  # a file, which would have been played if it could be
        answer.close()
        return None
    return JpegCapture(answer, label)


def jpegs(read: Callable[[], bytes]) -> Iterator[bytes]:
    """The pictures in what ``read`` gives, piece by piece, whatever stands between them; b"" is the end.

    Raises ValueError when there is none for very long.
    """
    data, at, begun = bytearray(), 0, False
    while more := read():
        data += more
        start = 0
        while begun or (found := data.find(b"\xff\xd8\xff", start)) >= 0:
            if not begun:
                start, at = found, found + 2
            at, whole = _walk(data, at)
            begun = whole is None
            if begun:
                break
            if whole:
                yield bytes(data[start:at])
            start = at
        if not begun:
            start = max(start, len(data) - 2)  # which may be the beginning of one
        del data[:start]
        at -= start
        if len(data) > LONGEST:
            raise ValueError("no picture")


def _walk(data: bytearray, at: int) -> tuple[int, bool | None]:
    """From ``at``, where a segment of a JPEG in ``data`` begins, to its end, or as far as it is there: where that is,
    and whether it is the end; False: no JPEG goes on like this; None: more is needed."""
    while at + 4 <= len(data) or data[at : at + 2] == bytes((0xFF, END)):
        kind = data[at + 1]
        if data[at] != 0xFF or kind == START:
            return at, False
        if kind == END:
            return at + 2, True
        if kind == 0xFF:  # it may be filled up
            at += 1
            continue
        after = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == SCAN:
            after = _scanned(data, after)
        if after < 0 or after > len(data):
            return at, None
        at = after
    return at, None


def _scanned(data: bytearray, at: int) -> int:
    """Where the next segment begins after what was compressed; -1 when it is not there yet."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in WITHIN:
            return at
        at += 1 if data[at + 1] == 0xFF else 2
    return -1


def _asked(url: str, wait: float) -> HTTPResponse:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    plain = parts._replace(netloc=place).geturl()
    passwords = request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        passwords.add_password(None, plain, unquote(parts.username), unquote(parts.password or ""))
    secure = ssl.create_default_context()
    secure.check_hostname, secure.verify_mode = False, ssl.CERT_NONE  # as for every stream
    opener = request.OpenerDirector()  # one that knows nothing but HTTP: no files, no proxies
    for handler in (
        request.HTTPHandler(),
        request.HTTPSHandler(context=secure),
        request.HTTPRedirectHandler(),
        request.HTTPDigestAuthHandler(passwords),
        request.HTTPBasicAuthHandler(passwords),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    answer: HTTPResponse = opener.open(plain, timeout=wait)
    return answer


def _refusal(error: HTTPError, named: bool) -> str:
    """What is wrong, and what to do; ``named``: a user's name was given."""
    if error.code in (401, 403):
        if named:
            return f"the camera refuses this user name and password ({error.code}); check both"
        return f"the camera asks for a user name and a password ({error.code}); expected http://USER:PASSWORD@HOST/PATH"
    if error.code == 404:
        return "nothing at this path (404); look the stream's address up in the camera's manual"
    return f"the camera answers with error {error.code}; see that it is on and does not serve too many already"
