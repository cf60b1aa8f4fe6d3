"""What a video file is, by its bytes and never by its name; whether all of it is there, and nothing in it points away.

FFmpeg takes much more for a video: playlists, session descriptions, lists of files, all of which make it open something
else. Only containers that hold their pictures pass.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from typing import IO

from facepipe.errors import SourceDamaged, SourceError, SourceNotFound, SourceRefused
from facepipe.formats import kind_of
from facepipe.sources.mp4 import look_at_boxes

HEAD = 4096  # bytes by which a file is told

ACCEPTED = "an MP4, QuickTime, Matroska, WebM, AVI, MPEG, DV, FLV, Ogg, WMV or MJPEG video"

_SIGNATURES = {
    "MP4": rb".{4}(ftyp(?!avi[fs]|hei|hev|mif1|msf1|crx)|moov|mdat|wide|free|skip|pnot)",
    "Matroska": rb"\x1a\x45\xdf\xa3",
    "AVI": rb"RIFF.{4}AVI ",
    "MPEG": rb"\0\0\x01[\xba\xb3]",
    "MPEG-TS": rb"(\x47.{187}){3}\x47|.{4}(\x47.{191}){3}\x47",
    "DV": rb"\x1f\x07\0[\x3f\xbf]",
    "FLV": rb"FLV\x01",
    "Ogg": rb"OggS\0",
    "WMV": rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
}
_KINDS = [(name, re.compile(pattern, re.DOTALL)) for name, pattern in _SIGNATURES.items()]
_MJPEG = re.compile(r"\.mjpe?g$", re.IGNORECASE)  # picture after picture: only the name tells it from one JPEG
_SOUND = re.compile(rb"RIFF.{4}WAVE|FORM.{4}AIF|ID3|fLaC|\xff[\xf1-\xf5\xf9-\xfd]", re.DOTALL)
NO_VIDEO = "no video in it, only sound or data; expected a file with pictures"
_POINTERS = {  # beginnings of what FFmpeg would follow
    "a playlist": rb"\s*(\xef\xbb\xbf)?\s*(#EXTM3U|ffconcat|\[playlist\]|\[Reference\]|<\?xml|<asx|<smil|<MPD)",
    "a session description (SDP)": rb"v=0\r?\n",
}


@dataclass(frozen=True)
class Container:
    """``kind`` of file; ``cut``: by its own account it should be longer, so its end is missing."""

    kind: str
    cut: bool = False


def look_at(path: str, label: str) -> Container | None:
    """Tell what kind of video the file at ``path`` is; None when it is a picture. ``label`` stands for it in messages.

    Raises SourceNotFound when there is no regular file, SourceError when it cannot be read, SourceDamaged when it is
    empty or has no index, SourceRefused when it is no video or points to other files or addresses.
    """
    try:
        status = os.stat(path)
        _check_regular(status.st_mode, label)
        with open(path, "rb") as file:
            return _look(file, status.st_size, path, label)
    except PermissionError as error:
        raise SourceError(f"{label}: no permission to read it; change the file's permissions") from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL or a lone surrogate
        raise SourceNotFound(f"{label}: no such file; check the path") from error
    except OSError as error:
        raise SourceError(f"{label}: cannot be read ({error.strerror}); check the path and the disk") from error


def _check_regular(mode: int, label: str) -> None:
    if not stat.S_ISREG(mode):
        raise SourceNotFound(
            f"{label}: expected a regular file, got a device, pipe or socket; a camera is webcam:0, else save it first"
        )


def _look(file: IO[bytes], size: int, path: str, label: str) -> Container | None:
    head = file.read(HEAD)
    if not head:
        raise SourceDamaged(f"{label}: expected {ACCEPTED}, got 0 bytes; copy or download it again")
    kind = next((name for name, pattern in _KINDS if pattern.match(head)), None)
    if kind is None and head.startswith(b"\xff\xd8\xff") and _MJPEG.search(path):
        return Container("MJPEG")
    if kind is None:
        _check_picture(head, label)
        return None
    if kind == "MP4":
        return Container(kind, cut=look_at_boxes(file, size, label))
    return Container(kind, cut=_end(kind, head) > size)


def _check_picture(head: bytes, label: str) -> None:
    """Raise SourceRefused unless the file is left to the decoder of images, which knows many kinds by name."""
    pointer = next((name for name, pattern in _POINTERS.items() if re.match(pattern, head)), None)
    if pointer is not None:
        raise SourceRefused(f"{label}: expected {ACCEPTED}, got {pointer}; files that point elsewhere are not followed")
    if _SOUND.match(head):
        raise SourceRefused(f"{label}: {NO_VIDEO}")
    kind = kind_of(head)
    if kind in ("text", "an unknown format", "video", "PDF", "ZIP archive"):
        raise SourceRefused(f"{label}: expected {ACCEPTED}, or an image, got {kind}; save it as one of these")


def _end(kind: str, head: bytes) -> int:
    """How many bytes the file has by its own account; 0 where it gives none."""
    if kind == "AVI":
        return int.from_bytes(head[4:8], "little") + 8
    return _segment_end(head) if kind == "Matroska" else 0


def _segment_end(head: bytes) -> int:
    """Where a Matroska file's segment ends, which follows the header; 0 when unknown, as while it is recorded."""
    length, at = _ebml_number(head, 4)
    start = at + length
    if head[start : start + 4] != b"\x18\x53\x80\x67":
        return 0
    length, at = _ebml_number(head, start + 4)
    unknown = 2 ** (7 * (at - start - 4)) - 1
    return 0 if length == unknown else at + length


def _ebml_number(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where it ends: leading zero bits tell how many bytes it has."""
    width = 9 - data[at : at + 1].ljust(1, b"\0")[0].bit_length()
    return int.from_bytes(data[at : at + width], "big") & (2 ** (7 * width) - 1), at + width
