"""Pictures as bytes, for the tests of what reads them."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facepipe import errors
from facepipe.image import read_image

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
HEIC = Path(__file__).parent / "heic"  # nothing that the tests need can write these
JPEG_LOSS = 4  # grey levels, mean: quality 95 costs this small picture 2.2, the nearest wrong turn 43
PICTURE = PIL.Image.open(SAMPLES / "obama.jpg").convert("RGB").resize((96, 64))
PIXELS = np.asarray(PICTURE)


def encoded(kind, picture=PICTURE, **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def exif(orientation, order="<", kind=3):
    """An EXIF block whose only entry is the orientation, as a 16-bit (kind 3) or 32-bit (kind 4) number."""
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *([orientation, 0] if kind == 3 else [orientation]))
    mark = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + mark + struct.pack(f"{order}HIHHHI", 42, 8, 1, 0x0112, kind, 1) + value + bytes(4)


def png(width, height, depth=8, colour=2):
    """A PNG that states its size and holds no more than a few bytes of pixels."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


def refused(given, error, *words):
    """Assert that ``given`` raises exactly ``error`` with one line that holds ``words``."""
    with pytest.raises(errors.FacepipeError) as caught:
        read_image(given)
    assert type(caught.value) is error, caught.value
    message = str(caught.value)
    assert message.isprintable()
    assert [word for word in words if word not in message] == [], message


STORED = {  # how a camera stores an upright picture under each orientation
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}
