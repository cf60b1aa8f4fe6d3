"""Why nothing of a video file can be seen: no video in it, a codec that no decoder here knows, damage."""

from __future__ import annotations

import mmap
import re
import shlex

import cv2

from facepipe.errors import SourceDamaged, SourceError, SourceRefused
from facepipe.sources.base import Pictures
from facepipe.sources.checked import Checked
from facepipe.sources.containers import NO_VIDEO, Container

HEAD = 2**20  # bytes, within which a file says what is in it; MP4 may say so at its end

_ASF = rb"\x5b\xcf\x11\xa8\xfd\0\x80\x5f\x5c\x44\x2b"
_INSIDE = {  # by kind of container: the bytes by which it says that there is video in it, and sound
    "MP4": (rb"hdlr.{8}vide", rb"hdlr.{8}soun"),
    "Matroska": (rb"\x83\x81\x01", rb"\x83\x81\x02"),
    "AVI": (rb"strh.{4}vids", rb"strh.{4}auds"),
    "MPEG": (rb"\0\0\x01[\xe0-\xef]", rb"\0\0\x01[\xbd\xc0-\xdf]"),
    "MPEG-TS": (rb"\0\0\x01[\xe0-\xef]", rb"\0\0\x01[\xbd\xc0-\xdf]"),
    "FLV": (rb"\AFLV.[\x01\x05]", rb"\AFLV.\x04"),
    "Ogg": (rb"\x80theora|OVP80|BBCD", rb"\x01vorbis|OpusHead|Speex|\x7fFLAC"),
    "WMV": (rb"\xc0\xef\x19\xbc\x4d" + _ASF, rb"\x40\x9e\x69\xf8\x4d" + _ASF),
}
_UNKNOWN = {"AV01": "AV1"}  # what OpenCV's wheels open and cannot decode, by its four letters


def without_video(path: str, container: Container, label: str) -> SourceError:
    """The error for a file that cannot be opened."""
    if _is_sound(path, container.kind):
        return SourceRefused(f"{label}: {NO_VIDEO}")
    return SourceDamaged(f"{label}: damaged {container.kind}, cannot be decoded; copy or save it again")


def undecodable(capture: Pictures, container: Container, label: str) -> SourceError:
    """The error for a file of which no picture could be decoded."""
    path, opencv = shlex.quote(label), f"OpenCV {cv2.__version__}"
    if isinstance(capture, Checked) and capture.unseen:
        return SourceRefused(
            f"{label}: black, or interlaced, which {opencv} does not decode; pip install 'av>=18', or convert it: "
            f"ffmpeg -i {path} -vf bwdif out.mp4"
        )
    if name := _UNKNOWN.get(capture.codec):
        return SourceRefused(
            f"{label}: {name}, which {opencv} cannot decode; pip install 'av>=18', or convert it: "
            f"ffmpeg -i {path} -c:v libx264 out.mp4"
        )
    return SourceDamaged(f"{label}: damaged {container.kind}, no picture in it can be decoded; copy it again")


def _is_sound(path: str, kind: str) -> bool:
    """Does the file say that there is sound in it, and nothing of video?"""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            end = len(data) if kind == "MP4" else HEAD
            video, sound = (
                re.compile(pattern, re.DOTALL).search(data, 0, end) is not None for pattern in _INSIDE.get(kind, ())
            )
            return sound and not video
    except (OSError, ValueError):  # it went away, or is of a kind without sound
        return False
