"""Which class opens a picture of each kind, and whether one that cannot be decoded was cut off.

Pillow's format classes are called without ``PIL.Image.open``, which warns of large pictures through ``warnings``: no
thread can silence those for itself alone. Nothing is registered with Pillow.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import IO

import PIL.Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from facepipe.formats.tiff import COMPRESSION, ORIENTATION, end_of, tags


class _Jpeg(JpegImageFile):
    """A JPEG, and of an MPO its first picture. Pillow looks for dots per inch in the EXIF of every JPEG it opens and
    warns about garbage there, so it is shown none; the orientation is read by ``orientation``."""

    def getexif(self) -> PIL.Image.Exif:
        return PIL.Image.Exif()


class _Tiff(TiffImageFile):
    """A TIFF's first page, which Pillow turns upright itself: of all its tags it is shown the one that this needs."""

    def getexif(self) -> PIL.Image.Exif:
        exif = PIL.Image.Exif()
        if (turn := self.tag_v2.get(ORIENTATION)) is not None:
            exif[ORIENTATION] = turn
        return exif

    def load_prepare(self) -> None:
        """Without Pillow's own look at the size, which warns."""
        if self._im is None:
            self.im = PIL.Image.core.new(self.mode, self._tile_size)
        super().load_prepare()


def _open_tiff(stream: IO[bytes]) -> TiffImageFile:
    data = stream.read()
    compressed = tags(data).get(COMPRESSION, 1) != 1
    if end_of(data, pixels=compressed) > len(data):  # Pillow would warn of missing tags, libtiff print to stderr
        raise OSError("truncated")
    return _Tiff(io.BytesIO(data))


def _open_heif(stream: IO[bytes]) -> PIL.Image.Image:
    """libheif turns the picture as the file's boxes say, which go before its EXIF."""
    from pi_heif.as_plugin import HeifImageFile  # takes longer to load than all the others

    picture = HeifImageFile(stream)
    picture.info.pop("exif", None)
    return picture


def _open_avif(stream: IO[bytes]) -> AvifImageFile:
    """Pillow says how the file's boxes turn the picture by EXIF that it makes, or else alters. What is in the file may
    be garbage, so it is hidden: as an item of a kind that nobody knows."""
    boxes, mark, pixels = stream.read().partition(b"mdat")
    return AvifImageFile(io.BytesIO(boxes.replace(b"Exif", b"none") + mark + pixels))


def _open_gif(stream: IO[bytes]) -> GifImageFile:
    """A GIF's first frame may be larger than its stated size, and Pillow warns while it opens one that is huge.
    Raises DecompressionBombError instead."""
    data = stream.read()
    stream.seek(0)
    width, height = _first_frame(data)
    if width * height > (PIL.Image.MAX_IMAGE_PIXELS or width * height):
        raise PIL.Image.DecompressionBombError(f"GIF frame of {width}x{height}")
    return GifImageFile(stream)


def _first_frame(gif: bytes) -> tuple[int, int]:
    """How far the first frame reaches, px; (0, 0) when the data end before it."""
    try:
        at = 13 + (6 << (gif[10] & 7) if gif[10] & 128 else 0)  # header, then the palette if there is one
        while gif[at] == ord("!"):  # an extension: two bytes, then blocks that begin with their length, the last with 0
            at += 2
            while gif[at]:
                at += gif[at] + 1
            at += 1
        x, y, width, height = struct.unpack_from("<4H", gif, at + 1)
    except (IndexError, struct.error):
        return 0, 0
    return x + width, y + height


READ_WHOLE = {"WEBP", "TIFF", "HEIC", "AVIF"}  # kinds of which opening one reads more than the header
OPENERS: dict[str, Callable[[IO[bytes]], PIL.Image.Image]] = {
    "JPEG": _Jpeg,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": _open_gif,
    "TIFF": _open_tiff,
    "HEIC": _open_heif,
    "AVIF": _open_avif,
    "JPEG 2000": Jpeg2KImageFile,
}


def is_cut(kind: str, data: bytes) -> bool:
    """Whether a picture that cannot be decoded ends before the file is as long as it says itself."""
    if kind == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if kind == "JPEG 2000":
        return not data.rstrip(b"\0").endswith(b"\xff\xd9") and _boxes_end(data) >= len(data)
    return kind in ("HEIC", "AVIF") and _boxes_end(data) > len(data)


def _boxes_end(data: bytes) -> int:
    """Where the last of a file's boxes says that it ends; of one that goes on to the end of the file, there."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            return at + 8
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:  # the next eight bytes after its name say
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:
            return len(data)
        at += size
    return at
