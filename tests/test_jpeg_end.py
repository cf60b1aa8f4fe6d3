"""JPEGs without their end mark: used when every pixel is there, refused when one may be missing."""

import logging
import random

import numpy as np
import PIL.Image
import pytest

from facepipe import errors
from facepipe.image import read_image
from tests.encoded import PICTURE, SAMPLES, encoded, refused

pytestmark = pytest.mark.slow

DARK_BELOW = PICTURE.copy()
DARK_BELOW.paste((0, 0, 0), (0, 30, 96, 64))
PICTURES = {
    "face": PICTURE,
    "dark below": DARK_BELOW,
    "flat": PIL.Image.new("RGB", (96, 64), (10, 200, 90)),
    "grey": PIL.Image.new("RGB", (96, 64), (128, 128, 128)),
    "black": PIL.Image.new("L", (91, 61)),
    "printed": PICTURE.convert("CMYK"),
}
SORTS = [
    {},
    {"optimize": True},
    {"subsampling": 0},
    {"progressive": True},
    {"progressive": True, "quality": 5},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 3, "progressive": True},
]


@pytest.mark.parametrize("options", SORTS, ids=str)
@pytest.mark.parametrize("name", PICTURES)
def test_without_its_end_mark(name, options, caplog):
    data = encoded("JPEG", PICTURES[name], **options)
    expected = read_image(data).pixels
    assert caplog.text == ""
    if data[:-2].endswith(bytes(9)):
        pytest.skip("looks like room that was never written to")
    for end in (b"", b"\xff", b"\xff\xff\xff"):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "facepipe"):
            np.testing.assert_array_equal(read_image(data[:-2] + end).pixels, expected)
        assert caplog.messages == ["<bytes>: the JPEG lacks its end mark, but all pixels are there"]


@pytest.mark.parametrize("options", SORTS, ids=str)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("fill", [b"", bytes(500)], ids=["cut", "zeros"])
def test_with_a_little_more_missing(name, options, fill):
    """What is used has all its pixels, wherever it was cut."""
    data = encoded("JPEG", PICTURES[name], **options)
    expected = read_image(data).pixels
    least = data.index(b"\xff\xda") + 14
    chance = random.Random(name)
    for cut in sorted(
        {*range(len(data) - 20, len(data) - 2), *(chance.randrange(30, len(data) - 2) for _ in range(8))}
    ):
        try:
            np.testing.assert_array_equal(read_image(data[:cut] + fill).pixels, expected)
        except (errors.ImageTruncated, errors.ImageDamaged):
            continue
        assert cut > least, "used, though it has no pixels"


@pytest.mark.parametrize("name", ["obama.jpg", "biden.jpg"])
def test_a_photo(name):
    data = (SAMPLES / name).read_bytes()
    pixels = read_image(data[:-2]).pixels
    np.testing.assert_array_equal(pixels, read_image(data).pixels)
    for missing in (3, 4, 8, 100, 2000, len(data) // 2):
        refused(data[:-missing], errors.ImageTruncated, "truncated JPEG")


def test_a_scan_that_is_missing():
    """Cut between two scans of a progressive picture, which then looks whole, but blurred."""
    data = encoded("JPEG", progressive=True)
    scans = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 5
    for start in scans[1:]:
        between = data.rindex(b"\xff\xc4", 0, start)  # the tables of the next scan come first
        refused(data[:between], errors.ImageTruncated, "truncated JPEG")


def test_one_row_of_blocks_that_is_missing():
    taller = PIL.Image.new("RGB", (96, 80), (40, 90, 200))
    shorter = encoded("JPEG", taller.crop((0, 0, 96, 64)))
    at = shorter.index(b"\xff\xc0") + 5
    assert shorter[at : at + 2] == b"\0\x40"
    refused(shorter[:at] + b"\0\x50" + shorter[at + 2 : -2], errors.ImageTruncated, "truncated JPEG")
