"""Pictures of more pixels than are decoded whole."""

import io
import json
import logging

import numpy as np
import PIL.Image
import pytest

from facepipe import errors, image
from facepipe.image import read_image
from facepipe.records import Detection, Identification
from tests.encoded import PICTURE, encoded, exif, refused

KINDS = {"JPEG": {"quality": 95, "subsampling": 0}, "JPEG2000": {}}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """As many pixels as half of the picture has a side."""
    monkeypatch.setattr(image, "MAX_PIXELS", 48 * 32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("times", "scale"), [(1, 2), (1.1, 4), (1.2, 4), (1.3, 4), (1.4, 4)])
def test_decoded_smaller(kind, times, scale, caplog):
    full = PICTURE.resize((round(96 * times), round(64 * times)))
    with caplog.at_level(logging.WARNING, "facepipe"):
        read = read_image(encoded(kind, full, **KINDS[kind]))
    assert read.shrunk == scale
    assert (read.width, read.height) == (-(-full.width // scale), -(-full.height // scale))
    expected = np.asarray(full.resize((read.width, read.height), PIL.Image.Resampling.BOX))
    assert np.abs(read.pixels.astype(int) - expected).mean() < 24
    assert caplog.messages == [f"<bytes>: more than 1536 pixels, decoded at 1/{scale} of its size"]


def test_it_is_upright():
    read = read_image(encoded("JPEG", exif=exif(6)))
    assert (read.width, read.height, read.shrunk) == (32, 48, 2)


def test_without_its_end_mark():
    data = encoded("JPEG", quality=95)
    np.testing.assert_array_equal(read_image(data[:-2]).pixels, read_image(data).pixels)
    refused(data[:-200], errors.ImageTruncated)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_other_formats_are_refused(kind):
    refused(encoded(kind), errors.ImageTooLarge, "96x64", "1536 pixels")


def test_one_that_is_far_too_large_is_refused():
    refused(encoded("JPEG", PICTURE.resize((192, 128))), errors.ImageTooLarge)


def test_whoever_says_how_many_pixels_gets_no_more():
    with pytest.raises(errors.ImageTooLarge):
        read_image(encoded("JPEG"), max_pixels=1536)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"progressive": True}), ("JPEG2000", {"num_resolutions": 1}), ("JPEG2000", {"num_resolutions": 2})],
)
def test_what_would_take_the_memory_all_the_same(kind, options):
    """Of a progressive JPEG all coefficients are kept; a JPEG 2000 may hold no smaller picture."""
    refused(encoded(kind, PICTURE.resize((130, 90)), **options), errors.ImageTooLarge)


def test_scans_of_one_colour_each():
    """As rare as it is, libjpeg keeps the whole picture of such a one too."""
    data = encoded("JPEG", PICTURE.resize((130, 90)))
    assert read_image(data).shrunk == 4
    at = data.index(b"\xff\xda")
    refused(data[: at + 4] + b"\1" + data[at + 5 :], errors.ImageTooLarge)


def test_places_in_the_file():
    box, points = np.array([1, 2, 3, 4], np.float32), np.full((5, 2), 7, np.float32)
    found = Detection(box, 0.9, points)
    assert found.enlarged(1) is found
    large = found.enlarged(4)
    np.testing.assert_array_equal(large.box, np.array([5.5, 9.5, 13.5, 17.5], np.float32))  # of the centres of pixels
    np.testing.assert_array_equal(large.landmarks, np.full((5, 2), 29.5, np.float32))
    named = Identification(found, (), 0.9)
    assert (named.enlarged(1), named.enlarged(4).detection.size) == (named, large.size)


def test_boxes_are_in_pixels_of_the_file(pipeline, samples, tmp_path, monkeypatch):
    from facepipe.cli import app, options

    monkeypatch.setattr(options, "open_pipeline", lambda *_, **__: pipeline)
    path = samples / "obama.jpg"
    boxes = []
    for most in (10**7, 400_000):
        monkeypatch.setattr(image, "MAX_PIXELS", most)
        stream = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr("sys.stdout", stream)
        monkeypatch.setattr("sys.argv", ["facepipe", "detect", "--json", str(path)])
        with pytest.raises(SystemExit):
            app.main()
        stream.seek(0)
        boxes.append(json.loads(stream.read())["faces"][0]["box"])
    assert read_image(path).shrunk == 2
    np.testing.assert_allclose(boxes[0], boxes[1], atol=25)
