"""What is no video, or points elsewhere, is refused before anything is decoded; and nothing in a file is contacted."""

import os
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from facepipe.errors import ImageError, SourceDamaged, SourceError, SourceNotFound, SourceRefused
from facepipe.sources import open_source
from facepipe.sources.containers import look_at
from tests.network_camera import NetworkCamera, write_video

SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 45678 RTP/AVP 26\r\n"
POINTERS = {  # what stands for {} is the address of a server on this machine
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
    "hls after a mark": "\ufeff#EXTM3U\n#EXTINF:2,\n{}\n",
    "list of files": "ffconcat version 1.0\nfile '{}'\n",
    "pls": "[playlist]\nFile1={}\n",
    "asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "asf reference": "[Reference]\r\nRef1={}\r\n",
    "dash": '<MPD type="static" profiles="urn:mpeg:dash:profile:isoff-live:2011"><BaseURL>{}</BaseURL></MPD>',
    "xml": '<?xml version="1.0"?>\n<smil><body><video src="{}"/></body></smil>',
    "sdp": SDP,
    "address": "{}\n",
    "rtsp text": "rtsptextrtsp://127.0.0.1:1/\n",
}


@pytest.fixture(scope="module")
def listening() -> Iterator[NetworkCamera]:
    camera = NetworkCamera()
    yield camera
    camera.disappear()


@pytest.fixture
def camera(listening: NetworkCamera) -> NetworkCamera:
    """One for all of these tests, which are many; it remembers nothing of the tests before."""
    listening.requests.clear()
    return listening


def refused(path: Path, error: type[SourceError], *words: str) -> str:
    with pytest.raises(error) as caught:
        open_source(path)
    message = str(caught.value)
    assert type(caught.value) is error
    assert message.startswith(str(path)) or ascii(str(path))[1:-1] in message
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("name", POINTERS)
@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mjpeg", ".m3u8", ".jpg", ""])
def test_what_points_elsewhere_is_refused(name: str, suffix: str, tmp_path: Path, camera: NetworkCamera) -> None:
    path = tmp_path / f"film{suffix}"
    path.write_text(POINTERS[name].format(camera.url()), "utf-8")
    refused(path, SourceRefused, "expected an MP4", "got ")
    assert camera.requests == []


@pytest.mark.parametrize(
    "head", [b"\xff\xd8\xff\xfe\n", b"\0\0\1\xba\n", b"FLV\1\n", b"OggS\0\n", b"\x1a\x45\xdf\xa3\n", b"....moov\n"]
)
@pytest.mark.parametrize("name", POINTERS)
def test_a_pointer_behind_the_first_bytes_of_a_video(
    head: bytes, name: str, tmp_path: Path, camera: NetworkCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here FFmpeg has the say: it takes some of these for what they point with, and opens local files only."""
    path = tmp_path / "film.mjpeg"
    path.write_bytes(head + POINTERS[name].format(camera.url()).encode() * 3)
    with pytest.raises(SourceDamaged):
        open_source(path)
    assert camera.requests == []


def test_the_server_that_is_pointed_at_would_answer(camera: NetworkCamera) -> None:
    """Without this the tests above would prove nothing."""
    with open_source(camera.url()) as source:
        next(iter(source))
    assert len(camera.requests) == 1


def changed(data: bytes, kind: bytes, added: bytes) -> bytes:
    """An MP4 with a box ``kind`` put at the end of its index, which is at the end of the file."""
    moov = data.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", data, moov)
    assert moov + size == len(data)
    box = struct.pack(">I", 8 + len(added)) + kind + added
    return data[:moov] + struct.pack(">I", size + len(box)) + data[moov + 4 :] + box


def test_a_movie_of_references(clip: Path, tmp_path: Path, camera: NetworkCamera) -> None:
    reference = struct.pack(">I4sI4sI", 8 + 4 + 4 + 4 + 40, b"rdrf", 0, b"url ", 40) + camera.url().encode().ljust(40)
    path = tmp_path / "film.mov"
    path.write_bytes(changed(clip.read_bytes(), b"rmra", struct.pack(">I", 8 + len(reference)) + b"rmda" + reference))
    refused(path, SourceRefused, "a reference movie inside", "self-contained")
    assert camera.requests == []


@pytest.mark.parametrize("kind", [b"url ", b"alis"])
def test_media_in_another_file(kind: bytes, clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    entry = data.index(b"dref") + 16
    assert data[entry : entry + 8] == b"url \0\0\0\1"
    data[entry : entry + 8] = kind + bytes(4)
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    refused(path, SourceRefused, "its media are in another file", repr(kind.decode()))


def test_an_index_that_hides_what_is_in_it(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mov"
    path.write_bytes(changed(clip.read_bytes(), b"cmov", bytes(8)))
    refused(path, SourceRefused, "a compressed index")


def test_an_index_of_a_size_that_no_video_has(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facepipe.sources.mp4.MOST_INDEX", 100)
    refused(clip, SourceRefused, "an index of", "at most 100")


@pytest.mark.parametrize("size", [2, 7])
def test_boxes_that_go_nowhere(size: int, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(struct.pack(">I", 8) + b"ftyp" + struct.pack(">I", size) + b"free" + clip.read_bytes())
    refused(path, SourceDamaged, "no index")


def test_boxes_with_long_sizes(clip: Path, tmp_path: Path) -> None:
    data = clip.read_bytes()
    path = tmp_path / "film.mp4"
    path.write_bytes(data + struct.pack(">I4sQ", 1, b"free", 16 + 100) + bytes(100))
    assert look_at(str(path), "film") is not None
    assert look_at(str(path), "film").cut is False
    path.write_bytes(data + struct.pack(">I4sQ", 1, b"mdat", 2**40) + bytes(100))
    assert look_at(str(path), "film").cut is True


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "PDF"),
        (b"PK\x03\x04rest", "ZIP archive"),
        (b"#!/bin/sh\n", "text"),
        (bytes(1000), "an unknown format"),
        (b"\x47" + bytes(187 * 3), "an unknown format"),
    ],
)
def test_what_is_no_video(data: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(data)
    refused(tmp_path / "film.mp4", SourceRefused, f"got {kind}")


def test_empty_missing_and_irregular(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    refused(tmp_path / "empty.mp4", SourceDamaged, "got 0 bytes")
    refused(tmp_path / "missing.mp4", SourceNotFound, "no such file")
    refused(tmp_path / "empty.mp4" / "x", SourceNotFound, "no such file")
    refused(tmp_path / "dangling\nline.mp4", SourceNotFound, "no such file")
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", SourceNotFound, "regular file")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(os.path.relpath(tmp_path / "socket.mp4"))
        refused(tmp_path / "socket.mp4", SourceNotFound, "regular file")
    with pytest.raises(SourceNotFound, match="no such file"):
        open_source("a\0.mp4")
    with pytest.raises(SourceNotFound, match="regular file"):
        open_source("/dev/zero")
    with pytest.raises(SourceError, match="cannot be read"):
        open_source("x" * 5000)


def test_no_permission(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(clip.read_bytes())
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # root may read everything
        os.seteuid(65534)
    try:
        refused(path, SourceError, "no permission to read it")
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("name", ["film.jpg", "film%03d.bmp", "%d", "a%2d.tga"])
def test_a_video_that_ffmpeg_would_take_for_images(name: str, clip: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(clip.read_bytes())
    refused(tmp_path / name, SourceRefused, "named like an image; rename it")


@pytest.mark.parametrize("name", ["100%.mp4", "%03d.mp4", "webcam:0", "http:", "-", "a b;c|d,e.mp4", "ü\n.mkv"])
def test_names_are_only_names(name: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(clip.read_bytes())
    for given in (Path(name), f"./{name}"):
        with open_source(given) as source:
            assert next(iter(source)).index == 0
            assert source.label.isprintable()


def test_pictures_are_left_to_the_decoder_of_images(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes((samples / "obama.jpg").read_bytes())
    with open_source(tmp_path / "film.mp4") as source:
        assert len(list(source)) == 1
    (tmp_path / "tiff.mp4").write_bytes(cv2.imencode(".tiff", cv2.imread(str(samples / "obama.jpg")))[1].tobytes())
    with open_source(tmp_path / "tiff.mp4") as source:
        assert len(list(source)) == 1
    (tmp_path / "heic.mp4").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "raw.mp4").write_bytes(b"\0\0\0\x18ftypcrx \0\0\0\1crx isom")
    for name, kind in {"heic.mp4": "HEIC", "raw.mp4": "raw picture"}.items():
        with open_source(tmp_path / name) as source, pytest.raises(ImageError, match=kind):
            list(source)


@pytest.mark.parametrize(("name", "fourcc"), [("a.mkv", "mp4v"), ("a.webm", "VP80"), ("a.avi", "MJPG")])
def test_a_whole_file_is_not_cut(name: str, fourcc: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / name, 5, fourcc)
    assert look_at(str(path), name).cut is False
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert look_at(str(path), name).cut is True


def test_a_matroska_file_of_unknown_length(tmp_path: Path) -> None:
    """As programs write it that record or stream, and cannot come back to the beginning."""
    path = write_video(tmp_path / "a.mkv", 5)
    data = path.read_bytes()
    length = re.search(rb"\x18\x53\x80\x67", data).end()
    path.write_bytes(data[:length] + b"\x01" + b"\xff" * 7 + data[length + 8 :])
    assert look_at(str(path), "a.mkv").cut is False
    with open_source(path) as source:
        assert len(list(source)) == 5
