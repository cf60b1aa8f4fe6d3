"""image.py: one picture in whatever wrapping, and every fault of an input picture."""

import io
import logging
import os
import random
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest

from facepipe import errors, image
from facepipe.image import read_image
from facepipe.records import Image
from tests.encoded import JPEG_LOSS, PICTURE, PIXELS, SAMPLES, STORED, encoded, exif, png, refused

FORMATS = ["JPEG", "PNG", "WEBP", "BMP", "GIF"]


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# What works -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [
        lambda data, path: path,
        lambda data, path: str(path),
        lambda data, path: data,
        lambda data, path: bytearray(data),
        lambda data, path: memoryview(data),
        lambda data, path: PICTURE,
        lambda data, path: PIXELS,
        lambda data, path: PIL.Image.open(path),
    ],
)
def test_one_picture_in_every_wrapping(wrap, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoded("PNG"))
    given = wrap(path.read_bytes(), path)
    read = read_image(given)
    np.testing.assert_array_equal(read.pixels, PIXELS)
    assert not read.pixels.flags.writeable
    assert read.pixels.flags.c_contiguous
    assert read.source == (str(path) if isinstance(given, str | Path) else read.source)


@pytest.mark.parametrize(
    ("given", "label"), [(encoded("PNG"), "<bytes>"), (PICTURE, "<PIL image>"), (PIXELS, "<array>")]
)
def test_labels(given, label):
    assert read_image(given).source == label
    assert read_image(given, source="camera 1").source == "camera 1"
    assert read_image(given, source="").source == ""


def test_an_image_is_returned_as_it_is():
    given = Image(PIXELS, "a")
    assert read_image(given) is given


@pytest.mark.parametrize("kind", FORMATS)
def test_content_decides_not_the_extension(kind, tmp_path):
    path = tmp_path / "picture.txt"
    path.write_bytes(encoded(kind))
    with PIL.Image.open(path) as picture:
        expected = np.asarray(picture.convert("RGB"))
    np.testing.assert_array_equal(read_image(path).pixels, expected)


def test_mpo_of_a_phone_gives_its_first_picture():
    data = encoded("MPO", save_all=True, quality=95, subsampling=0, append_images=[PIL.Image.new("RGB", (50, 50))])
    assert np.abs(read_image(data).pixels.astype(int) - PIXELS).mean() < JPEG_LOSS


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame_and_says_so(kind, caplog):
    black, white = PIL.Image.new("RGB", (20, 30)), PIL.Image.new("RGB", (20, 30), "white")
    data = encoded(kind, black, save_all=True, append_images=[white])
    with caplog.at_level(logging.INFO, "facepipe"):
        assert not read_image(data).pixels.any()
    assert "first frame" in caplog.text
    caplog.clear()
    read_image(encoded(kind, black))
    assert caplog.text == ""


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr", "RGBX", "LA", "RGBA", "PA", "HSV"])
def test_modes_become_rgb(mode):
    given = PICTURE.convert(mode)
    paletted = mode in ("P", "PA")  # its few colours are the reference
    expected = (given if paletted or mode in ("L", "1", "LA") else PICTURE).convert("RGB")
    assert np.abs(read_image(given).pixels.astype(int) - np.asarray(expected)).mean() < 3


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_jpeg_of_other_colours(mode):
    read = read_image(encoded("JPEG", PICTURE.convert(mode), quality=95))
    expected = np.asarray(PICTURE.convert("L" if mode == "L" else "RGB").convert("RGB"))
    assert np.abs(read.pixels.astype(int) - expected).mean() < JPEG_LOSS


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    data = encoded("PNG", PIL.Image.fromarray(ramp))
    np.testing.assert_array_equal(read_image(data).pixels, np.repeat((ramp // 256)[..., None], 3, axis=2))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_transparent_parts_become_white(mode):
    clear, solid = {"RGBA": ((9, 9, 9, 0), (9, 9, 9, 255)), "LA": ((9, 0), (9, 255))}.get(mode, ((7,) * 3, (9,) * 3))
    if mode == "P":
        picture = PIL.Image.new("P", (20, 20), 1)
        picture.putpalette([7, 7, 7, 9, 9, 9])
        picture.paste(0, (0, 0, 20, 10))
        data = encoded("PNG", picture, transparency=0)
    else:
        picture = PIL.Image.new(mode, (20, 20), solid)
        picture.paste(clear, (0, 0, 20, 10))
        data = encoded("PNG", picture, **({"transparency": clear} if mode == "RGB" else {}))
    pixels = read_image(data).pixels
    assert (pixels[:10] == 255).all()
    assert (pixels[10:] == 9).all()


def test_half_transparent_is_blended():
    assert read_image(PIL.Image.new("RGBA", (20, 20), (0, 0, 0, 128))).pixels[0, 0].tolist() == [127, 127, 127]


def test_grey_and_flipped_arrays():
    grey = np.arange(600, dtype=np.uint8).reshape(20, 30)
    np.testing.assert_array_equal(read_image(grey).pixels, np.stack([grey] * 3, axis=2))
    mirrored = read_image(PIXELS[:, ::-1])
    np.testing.assert_array_equal(mirrored.pixels, PIXELS[:, ::-1])
    assert mirrored.pixels.flags.c_contiguous


def test_a_contiguous_array_is_neither_copied_nor_locked():
    array = PIXELS.copy()
    assert np.shares_memory(read_image(array).pixels, array)
    assert array.flags.writeable


# EXIF -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", STORED)
def test_all_orientations_come_out_upright(orientation, kind):
    stored = PIL.Image.fromarray(np.ascontiguousarray(STORED[orientation](PIXELS)))
    settings: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}
    read = read_image(encoded(kind, stored, exif=exif(orientation), **settings.get(kind, {})))
    assert read.pixels.shape == PIXELS.shape
    assert np.abs(read.pixels.astype(int) - PIXELS).mean() < (JPEG_LOSS if kind == "JPEG" else 1e-9)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [3, 4])
def test_orientation_in_either_byte_order_and_width(order, kind):
    assert read_image(encoded("PNG", exif=exif(6, order, kind))).pixels.shape == (96, 64, 3)


@pytest.mark.parametrize(
    "block",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0" + b"\xff" * 4,
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0" * 9,
        exif(6)[:-8],
        exif(0),
        exif(9),
        exif(6)[:16] + b"\xff\xff" + exif(6)[18:26],
        b"Exif\0\0MM\0*" + random.Random(1).randbytes(200),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_garbage_exif_is_ignored(block, kind, capfd):
    assert read_image(encoded(kind, exif=block)).pixels.shape == PIXELS.shape
    assert capfd.readouterr().err == ""


# Faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [b"", bytearray(), memoryview(b"")])
def test_empty_bytes(given):
    refused(given, errors.ImageEmpty, "<bytes>", "0 bytes")


def test_empty_file(tmp_path):
    (tmp_path / "a.jpg").touch()
    refused(tmp_path / "a.jpg", errors.ImageEmpty, str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("missing.jpg", ["missing.jpg", "no such file"]),
        ("https://example.org/a.jpg", ["URLs are not fetched"]),
        ("https:/example.org/a.jpg", ["URLs are not fetched"]),
        ("a\0.jpg", ["a\\x00.jpg", "no such file"]),
        ("a\n\x1b[31m.jpg", ["a\\n\\x1b[31m.jpg"]),
        ("\udcff.jpg", ["\\udcff.jpg"]),
        ("", ["no such file"]),
    ],
)
def test_missing_path(given, words):
    refused(given, errors.ImageNotFound, *words)


def test_a_file_as_a_folder_and_a_dangling_link(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
    (tmp_path / "link.jpg").symlink_to("gone.jpg")
    refused(tmp_path / "a.jpg" / "b.jpg", errors.ImageNotFound, "no such file")
    refused(tmp_path / "link.jpg", errors.ImageNotFound, "no such file")


def test_unusable_paths(tmp_path):
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    refused(tmp_path / "loop.jpg", errors.ImageError, "cannot be read")
    refused("x" * 10_000, errors.ImageError, "cannot be read", "…")


def test_directory(tmp_path):
    refused(tmp_path, errors.ImageNotFound, "expected a file, got a directory", "name a file in it")


def test_special_files_are_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(tmp_path / "pipe.jpg", errors.ImageNotFound, "regular file")
    refused("/dev/zero", errors.ImageNotFound, "regular file")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (PermissionError(13, "Permission denied"), "no permission"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_unreadable_file(failure, words, tmp_path, monkeypatch):
    def fail(*_):
        raise failure

    (tmp_path / "a.jpg").write_bytes(encoded("JPEG"))
    monkeypatch.setattr(image, "open", fail, raising=False)
    refused(tmp_path / "a.jpg", errors.ImageError, "a.jpg", words)


@pytest.mark.parametrize("kind", FORMATS)
def test_cut_anywhere_is_truncated(kind):
    data = encoded(kind)
    cuts = sorted({20, 30, *range(40, len(data) - 64, max(1, len(data) // 60)), len(data) // 2})
    for cut in cuts:
        refused(data[:cut], errors.ImageTruncated, "truncated", kind)


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.[jp]*g")))
def test_half_a_sample(name, tmp_path):
    data = (SAMPLES / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    refused(tmp_path / name, errors.ImageTruncated, str(tmp_path / name), "truncated")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encoded("EPS"), "EPS"),
        (encoded("PDF"), "PDF"),
        (b"8BPS\0\1" + bytes(40), "PSD"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), "JPEG XL"),
        (b"P3\n# by hand\n2 2\n255\n0 0 0 0 0 0 0 0 0 0 0 0\n", "PNM picture"),
        (encoded("PPM"), "PNM picture"),
        (encoded("XBM", PIL.Image.new("1", (20, 20))), "X11 picture"),
        (b'/* XPM */\nstatic char *a[] = {"1 1 1 1"};\n', "X11 picture"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 2\n" + bytes(16), "Radiance picture"),
        (encoded("DDS"), "DDS picture"),
        (encoded("PCX"), "PCX picture"),
        (encoded("SGI"), "SGI picture"),
        (b"qoif" + bytes(20), "QOI picture"),
        (b"P1 is the first of 4 priorities", "text"),
        (b"#define WIDTH 20\n", "text"),
        (b"\0\0\0\x18ftypisom" + bytes(20), "video"),
        (b"PK\3\4" + bytes(40), "ZIP"),
        (b"<html>not found</html>", "text"),
        (b"BMW makes cars, not pictures", "text"),
        (b"\0\1\2\3" * 10, "unknown format"),
        (b"\x80", "unknown format"),
    ],
)
def test_other_formats_are_named(data, name, tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    refused(path, errors.ImageFormatError, name, "a JPEG, PNG, WEBP, BMP, GIF, TIFF, HEIC, AVIF or JPEG 2000 picture")


def bmp(width, height):
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(64)


def gif(width, height):
    whole = bytearray(encoded("GIF"))
    whole[6:10] = struct.pack("<HH", width, height)
    return bytes(whole)


def jpeg(width, height):
    whole = encoded("JPEG")
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


@pytest.mark.parametrize(
    ("make", "size"),
    [(make, size) for make in (png, bmp, gif) for size in ((10_000, 12_001), (15_000, 10_000), (60_000, 60_000))]
    + [(jpeg, (31_000, 31_000)), (jpeg, (65_500, 65_500))],
)
def test_pixel_bomb_is_refused_from_the_header(make, size, monkeypatch):
    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", lambda *_: pytest.fail("decoded"))
    refused(make(*size), errors.ImageTooLarge, "{}x{}".format(*size), str(image.MAX_PIXELS))


def test_webp_bomb():
    webp = bytearray(encoded("WEBP", lossless=True))
    webp[21:25] = struct.pack("<I", 16382 | 16382 << 14)
    refused(bytes(webp), errors.ImageTooLarge)


@pytest.mark.parametrize("size", [(10_000, 10_000), (11_000, 10_950), (65_535, 65_535)])
@pytest.mark.parametrize("options", [{}, {"comment": b"x" * 300, "disposal": 2}])
def test_gif_whose_frame_is_larger_than_it_says(size, options):
    frame = bytearray(encoded("GIF", **options))
    at = frame.index(b"," + struct.pack("<HHHH", 0, 0, *PICTURE.size))
    frame[at + 5 : at + 9] = struct.pack("<HH", *size)
    refused(bytes(frame), errors.ImageTooLarge)


def test_the_limits_are_inclusive(monkeypatch):
    monkeypatch.setattr(image, "MAX_PIXELS", 96 * 64)
    monkeypatch.setattr(image, "MIN_SIDE", 64)
    monkeypatch.setattr(image, "MAX_BYTES", len(encoded("PNG")))
    assert read_image(encoded("PNG")).width == 96
    refused(encoded("PNG") + b"\0", errors.ImageTooLarge, "bytes")
    refused(np.zeros((64, 97, 3), np.uint8), errors.ImageTooLarge, "97x64")
    refused(PIL.Image.new("RGB", (70, 63)), errors.ImageTooSmall, "70x63")


def test_a_huge_file_is_refused_unread(tmp_path, monkeypatch):
    with open(tmp_path / "a.jpg", "wb") as file:
        file.truncate(image.MAX_BYTES + 1)  # sparse: takes no room
    monkeypatch.setattr(image, "open", lambda *_: pytest.fail("opened"), raising=False)
    refused(tmp_path / "a.jpg", errors.ImageTooLarge, "bytes")


@pytest.mark.parametrize("size", [(1, 1), (20_000, 10), (11, 500)])
@pytest.mark.parametrize("wrap", [lambda p: p, np.asarray, lambda p: encoded("PNG", p)])
def test_too_small(size, wrap):
    refused(wrap(PIL.Image.new("RGB", size)), errors.ImageTooSmall, "{}x{}".format(*size))


@pytest.mark.parametrize(
    "given",
    [
        PIXELS.astype(np.float32) / 255,
        PIXELS.astype(np.uint16),
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((3, 20, 20), np.uint8),
        np.zeros((1, 20, 20, 3), np.uint8),
        np.zeros(20, np.uint8),
        np.ones((), np.uint8),
    ],
)
def test_arrays_that_would_need_a_guess(given):
    refused(given, errors.UsageError, "<array>", str(given.dtype), str(given.shape))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pil_modes_that_would_need_a_guess(mode):
    refused(PIL.Image.new(mode, (20, 20)), errors.UsageError, mode)


@pytest.mark.parametrize("given", [None, 3, ["a.jpg"], io.BytesIO(b"x")])
def test_other_types(given):
    refused(given, errors.UsageError, type(given).__name__)


def test_a_lazily_opened_pil_image_that_is_truncated():
    data = encoded("PNG")
    refused(PIL.Image.open(io.BytesIO(data[: len(data) // 2])), errors.ImageTruncated, "<PIL image>")


def test_damaged_is_told_from_truncated():
    data = bytearray(encoded("PNG"))
    data[data.index(b"IDAT") + 10] ^= 0xFF
    refused(bytes(data), errors.ImageDamaged, "damaged PNG")


@pytest.mark.parametrize("kind", FORMATS)
def test_mangled_bytes_never_leak_another_error(kind):
    rng = random.Random(kind)
    whole = encoded(kind, exif=exif(6)) if kind in ("JPEG", "PNG", "WEBP") else encoded(kind)
    outcomes = set[type]()
    for _ in range(120):
        data = bytearray(whole[: rng.choice([len(whole), rng.randrange(len(whole))])])
        for _ in range(rng.choice([0, 1, 3, 20])):
            if data:
                data[rng.choice([rng.randrange(len(data)), rng.randrange(min(len(data), 80))])] = rng.randrange(256)
        try:
            outcomes.add(type(read_image(bytes(data))))
        except errors.ImageError as error:
            outcomes.add(type(error))
    assert {Image, errors.ImageTruncated, errors.ImageDamaged} <= outcomes


# Manners --------------------------------------------------------------------------------------------------------------


def test_pillow_is_left_as_it_was_and_threads_agree():
    before = PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)
    data = [encoded(kind, exif=exif(3)) for kind in ("PNG", "JPEG", "WEBP")] * 8
    start = threading.Barrier(4)

    def work(_):
        start.wait(10)
        return [read_image(each).sha256 for each in data]

    with ThreadPoolExecutor(4) as pool:
        hashes = list(pool.map(work, range(4)))
    assert all(each == hashes[0] for each in hashes)
    assert len(set(hashes[0])) == 3  # each format its own pixels
    assert (PIL.Image.MAX_IMAGE_PIXELS, PIL.ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_frames_of_opencv_are_given_with_their_order_of_colours() -> None:
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for array in (frame, frame[:, ::-1], np.asfortranarray(frame)):
        image = read_image(array, colour="BGR")
        assert (image.pixels == array[..., ::-1]).all()
        assert not image.pixels.flags.writeable
        assert (read_image(array, "frame").pixels == array).all()
    assert frame.flags.writeable
    grey = frame[..., 0]
    assert (read_image(grey, colour="BGR").pixels == grey[..., None]).all()


@pytest.mark.parametrize("given", [b"data", "a.jpg", PIL.Image.new("RGB", (20, 20))], ids=["bytes", "path", "pil"])
def test_an_order_of_colours_is_refused_where_the_picture_says_its_own(given: image.ImageLike) -> None:
    with pytest.raises(errors.UsageError, match="colour 'BGR'"):
        read_image(given, colour="BGR")


def test_an_order_of_colours_is_one_of_two() -> None:
    with pytest.raises(errors.UsageError, match=r"""colour 'rgb': expected "RGB", or "BGR" for an array"""):
        read_image(np.zeros((20, 20, 3), np.uint8), colour="rgb")
