"""Cameras that send JPEGs over HTTP as it pleases them, and what is said of those that send none."""

import base64
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice

import cv2
import pytest

from facepipe.errors import SourceError, SourceNotFound, SourceRefused
from facepipe.sources import open_source
from facepipe.sources.mjpeg import LONGEST, jpegs
from tests.network_camera import QUICK, NetworkCamera, number_in, picture

pytestmark = pytest.mark.slow

Part = Callable[[bytes], bytes]

MULTIPART = "multipart/x-mixed-replace;boundary=next"
HEADERS = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


def _headed(head: bytes, jpeg: bytes) -> bytes:
    return head + HEADERS % len(jpeg) + jpeg + b"\r\n"


WAYS: dict[str, tuple[str, Part]] = {
    "part, picture, boundary": (MULTIPART, lambda jpeg: HEADERS % len(jpeg) + jpeg + b"\r\n--next\r\n"),
    "boundary without dashes": (MULTIPART, partial(_headed, b"next\r\n")),
    "more dashes than announced": ("multipart/x-mixed-replace; boundary=--next", partial(_headed, b"----next\r\n")),
    "fewer dashes than announced": ("multipart/x-mixed-replace; boundary=--next", partial(_headed, b"--next\r\n")),
    "quotes": ('multipart/x-mixed-replace; boundary="next"', partial(_headed, b"--next\r\n")),
    "another boundary": (MULTIPART, partial(_headed, b"--other\r\n")),
    "no boundary announced": ("multipart/x-mixed-replace", partial(_headed, b"--next\r\n")),
    "no boundary at all": (MULTIPART, partial(_headed, b"")),
    "an empty line first": (MULTIPART, partial(_headed, b"\r\n--next\r\n")),
    "no length": (MULTIPART, lambda jpeg: b"--next\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n"),
    "no type": (MULTIPART, lambda jpeg: b"--next\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)),
    "no headers": (MULTIPART, lambda jpeg: b"--next\r\n\r\n" + jpeg + b"\r\n"),
    "image/jpg": (MULTIPART, lambda jpeg: b"--next\r\nContent-Type: image/jpg\r\n\r\n" + jpeg + b"\r\n"),
    "line feeds alone": (MULTIPART, lambda jpeg: b"--next\nContent-Type: image/jpeg\n\n" + jpeg + b"\n"),
}


class Own(NetworkCamera):
    """A camera with a way of its own. ``status`` and ``type`` are of its answer; ``user``: let in, "name:password"."""

    def __init__(self, part: Part, type: str, status: str = "200 OK", user: str = "", body: bytes = b"") -> None:
        self.part, self.type, self.status, self.user, self.body = part, type, status, user, body
        super().__init__()

    def _greet(self, connection: socket.socket) -> None:
        asked = connection.recv(4096).decode("latin-1")
        self.requests.append(asked)
        given = re.search("Authorization: Basic ([^\r]*)", asked)
        let_in = not self.user or (given and base64.b64decode(given[1]).decode() == self.user)
        status = self.status if let_in else '401 Unauthorized\r\nWWW-Authenticate: Basic realm="camera"'
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\n" + (f"Content-Type: {self.type}\r\n" if self.type else "")
        connection.sendall(head.encode() + b"\r\n" + self.body)
        if status != "200 OK" or self.body:
            raise ConnectionError("that was all")

    def _wrap(self, jpeg: bytes) -> bytes:
        return self.part(jpeg)


@contextmanager
def own(*given: object, **more: object) -> Iterator[Own]:
    camera = Own(*given, **more)  # type: ignore[arg-type]
    try:
        yield camera
    finally:
        camera.disappear()


@pytest.mark.parametrize("way", WAYS)
def test_each_is_played_and_comes_back(way: str, nothing_left: None) -> None:
    kind, part = WAYS[way]
    with (
        own(part, kind, user="ada:se cret") as camera,
        open_source(camera.url("ada:se%20cret@"), patience=QUICK) as source,
    ):
        frames = iter(source)
        seen = [number_in(frame.image.pixels) for frame in islice(frames, 4)]
        assert seen == sorted(set(seen))
        assert source.label == f"http://***@127.0.0.1:{camera.port}/video"
        camera.disappear()
        camera.appear()
        assert all(number_in(frame.image.pixels) > seen[-1] for frame in islice(frames, 4))


@pytest.mark.parametrize(
    ("camera", "error", "told"),
    [
        ({"user": "ada:other"}, SourceRefused, "the camera refuses this user name and password (401); check both"),
        ({"status": "403 Forbidden"}, SourceRefused, "the camera refuses this user name and password (403)"),
        ({"status": "404 Not Found"}, SourceRefused, "nothing at this path (404)"),
        ({"status": "503 Busy"}, SourceRefused, "the camera answers with error 503"),
        ({"type": "text/html", "body": b"<html>log in</html>"}, SourceRefused, "expected a stream, got one text/html"),
        ({"body": b"no picture in it"}, SourceNotFound, "no picture came"),
    ],
)
def test_what_is_wrong_is_said(camera: dict[str, object], error: type[SourceError], told: str) -> None:
    with own(**{"part": bytes, "type": MULTIPART, **camera}) as shown, pytest.raises(error) as caught:
        open_source(shown.url("ada:secret@"), patience=QUICK)
    assert str(caught.value).startswith(f"http://***@127.0.0.1:{shown.port}/video: ")
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_user_is_asked_for() -> None:
    with own(bytes, MULTIPART, user="ada:secret") as camera, pytest.raises(SourceRefused, match="asks for a user name"):
        open_source(camera.url(), patience=QUICK)


# Where a picture ends -------------------------------------------------------------------------------------------------


def encoded(number: int, *settings: int) -> bytes:
    return cv2.imencode(".jpg", picture(number), list(settings))[1].tobytes()


def with_thumbnail(jpeg: bytes) -> bytes:
    """A JPEG within a JPEG, as cameras put into their first segment."""
    inner = encoded(9, cv2.IMWRITE_JPEG_QUALITY, 5)
    return jpeg[:2] + b"\xff\xe1" + (len(inner) + 2).to_bytes(2, "big") + inner + jpeg[2:]


PICTURES = [
    encoded(1),
    encoded(2, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    encoded(3, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    with_thumbnail(encoded(4)),
    encoded(5).replace(b"\xff\xc4", b"\xff\xff\xff\xc4", 1),  # a marker may be filled up
]


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_every_picture_is_found_whole(size: int) -> None:
    stream = b"--x\r\n\r\n" + b"\r\n\xff\xd8 --x\r\n\r\n".join(PICTURES) + b"\r\n--x--"
    pieces = iter([stream[at : at + size] for at in range(0, len(stream), size)] + [b""])
    assert [jpeg == whole for jpeg, whole in zip(jpegs(lambda: next(pieces)), PICTURES, strict=True)] == [True] * 5


def test_half_a_picture_does_not_hide_the_next() -> None:
    pieces = iter([PICTURES[0][:900] + b"\r\n--x\r\n\r\n" + PICTURES[1], PICTURES[2], b""])
    assert list(jpegs(lambda: next(pieces)))[-1].endswith(PICTURES[2])


@pytest.mark.parametrize("junk", [b"\0" * 1000, b"\xff\xd8\xff\xda\0\2" + b"\0" * 1000, b"\xff\xd8\xff" * 300])
def test_what_is_no_picture_is_let_go_of(junk: bytes) -> None:
    pieces = iter([junk + b"\0" * 2**20] * (LONGEST // 2**20 + 2) + [b""])
    assert list(jpegs(lambda: next(pieces))) == []


def test_a_picture_without_an_end_is_given_up() -> None:
    pieces = iter([b"\xff\xd8\xff\xda\0\2", *[b"\0" * 2**20] * (LONGEST // 2**20 + 2)])
    with pytest.raises(ValueError, match="no picture"):
        list(jpegs(lambda: next(pieces)))
