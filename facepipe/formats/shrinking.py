"""Pictures of more pixels than are wanted: JPEG and JPEG 2000 can be decoded at a part of their size."""

from __future__ import annotations

import io
from typing import IO

import PIL.Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile

SCALES = (2, 4, 8)
IN_PASSING, IN_MEMORY = 8, 2  # times as many pixels as are wanted: what takes no more memory than those would

_LEVELS = b"\xff\x52"  # the marker of a JPEG 2000's segment that says how often it can be halved


def shrink(picture: PIL.Image.Image, stream: IO[bytes], most: int) -> int:
    """Have the opened ``picture`` decoded with at most ``most`` pixels: at 1/2, 1/4 or 1/8 of its size, if it is of a
    format that can be, and not so large that this would take too much memory. The number, 1 when it is left alone."""
    width, height = picture.size
    scale = next((scale for scale in (1, *SCALES) if width * height <= most * scale**2), 0)
    if scale > 1 and isinstance(picture, JpegImageFile):
        if width * height <= most * (IN_PASSING if _is_one_scan(picture, stream) else IN_MEMORY):
            picture.draft(None, (width // scale, height // scale))
            return scale
    elif scale > 1 and isinstance(picture, Jpeg2KImageFile):
        halvings = scale.bit_length() - 1
        if width * height <= most * IN_PASSING and halvings <= _most_halvings(stream):
            picture.reduce = halvings
            # Pillow 13.0 rounds the sides where OpenJPEG rounds them up, and then takes the picture for broken
            picture._size = (-(-width // scale) * scale, -(-height // scale) * scale)
            return scale
    return 1


def _is_one_scan(picture: JpegImageFile, stream: IO[bytes]) -> bool:
    """Or libjpeg keeps all coefficients until the last scan has come. Pillow has read the header of the first."""
    length = 6 + 2 * picture.layers  # of one that has all components
    stream.seek(-length, io.SEEK_CUR)
    return stream.read(3) == bytes([0, length, picture.layers]) and not picture.info.get("progressive")


def _most_halvings(stream: IO[bytes]) -> int:
    stream.seek(0)
    data = stream.read()
    at = data.find(_LEVELS) + 9
    return data[at] if 9 <= at < len(data) else 0
