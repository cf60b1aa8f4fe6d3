"""What picture files look like from outside: which kind by the first bytes, which class opens it, which way is up.

Pillow's format classes are called without ``PIL.Image.open``, which warns of large pictures through ``warnings``: no
thread can silence those for itself alone.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import IO

import PIL.Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile


class _Jpeg(JpegImageFile):
    """A JPEG, and of an MPO its first picture. Pillow looks for dots per inch in the EXIF of every JPEG it opens and
    warns about garbage there, so it is shown none; the orientation is read by ``orientation``."""

    def getexif(self) -> PIL.Image.Exif:
        return PIL.Image.Exif()


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


OPENERS: dict[str, Callable[[IO[bytes]], PIL.Image.Image]] = {
    "JPEG": _Jpeg,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": _open_gif,
}
ACCEPTED = "a JPEG, PNG, WEBP, BMP or GIF picture"

_SIGNATURES = [  # how a file of each kind begins: those accepted, then those worth naming when refused
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in {
        "JPEG": rb"\xff\xd8\xff",
        "PNG": rb"\x89PNG\r\n\x1a\n",
        "WEBP": rb"RIFF.{4}WEBP",
        "BMP": rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0",
        "GIF": rb"GIF8[79]a",
        "TIFF": rb"II[*+]\0|MM\0[*+]",
        "EPS or PostScript": rb"%!PS|\xc5\xd0\xd3\xc6",
        "PDF": rb"%PDF",
        "PSD": rb"8BPS",
        "AVIF": rb".{4}ftypavi[fs]",
        "HEIC": rb".{4}ftyp(hei|hev|mif1|msf1)",
        "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
        "JPEG XL": rb"\0\0\0\x0cJXL |\xff\x0a",
        "video": rb".{4}ftyp|RIFF.{4}AVI |\x1a\x45\xdf\xa3",
        "ZIP archive": rb"PK\x03\x04",
        "text": rb"(\xef\xbb\xbf)?[\s -~]{4}",
    }.items()
]


def kind_of(data: bytes) -> str:
    """Name the kind of file that begins with ``data``: a key of ``OPENERS``, or one that is not accepted."""
    return next((name for name, pattern in _SIGNATURES if pattern.match(data)), "an unknown format")


def orientation(exif: bytes) -> int:
    """The orientation tag 1..8, or 1. Read here because Pillow's EXIF reader warns about garbage; this ignores it."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (ifd,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, ifd)
        for at in range(ifd + 2, ifd + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, at)
            if tag == 0x0112:  # a 16-bit number (kind 3); some cameras write 32 bits (kind 4)
                return int(struct.unpack_from(order + ("I" if kind == 4 else "H"), tiff, at + 8)[0])
    except struct.error:  # points past the end
        pass
    return 1
