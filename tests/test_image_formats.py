"""What phones, scanners and cameras write besides JPEG: HEIC, AVIF, TIFF, JPEG 2000."""

import io
import logging
import random
import struct
import warnings

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest

from facepipe import errors
from facepipe.image import read_image
from facepipe.records import Image
from tests.encoded import HEIC, PICTURE, PIXELS, STORED, encoded, exif, refused

KINDS = ["TIFF", "AVIF", "JPEG 2000", "HEIC"]
EXIF = exif(6).replace(struct.pack("<H", 0x0112), struct.pack("<H", 0x010F))  # one entry that is no orientation
LOSS = 6  # grey levels, mean; the nearest wrong turn of this picture costs 43


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def made(kind, picture=PICTURE, **options):
    if kind == "HEIC":
        return (HEIC / "turned-1.heic").read_bytes()
    return encoded({"JPEG 2000": "JPEG2000"}.get(kind, kind), picture, **options)


def off(data, expected=PIXELS):
    pixels = read_image(data).pixels
    assert pixels.shape == expected.shape
    return np.abs(pixels.astype(int) - expected).mean()


def patched_exif(data, block):
    """A file of boxes with the EXIF that was written into it overwritten."""
    at = data.index(b"II*\0")
    return data[:at] + block.ljust(26, b"\0") + data[at + 26 :]


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_read(kind, tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(made(kind))
    assert off(path) < LOSS


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd"])
def test_compressed_tiff(compression):
    assert off(encoded("TIFF", compression=compression)) < LOSS


def test_large_and_swapped_tiff():
    assert off(encoded("TIFF", big_tiff=True)) == 0
    grey = PICTURE.convert("L")
    deep = PIL.Image.fromarray(np.asarray(grey).astype(">u2") * 257)  # written as MM
    assert off(encoded("TIFF", deep), np.asarray(grey.convert("RGB"))) == 0


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, mode) for kind in ("TIFF", "AVIF", "JPEG 2000") for mode in ("L", "RGBA", "LA", "CMYK", "P", "1", "I;16")]
    + [("TIFF", "PA")],
)
def test_modes(kind, mode):
    given = PIL.Image.fromarray(np.asarray(PICTURE.convert("L")).astype(np.uint16) * 257)
    given = given if mode == "I;16" else PICTURE.convert(mode)
    if (kind, mode) == ("AVIF", "I;16"):
        pytest.skip("Pillow 13.0 writes its low byte")
    try:
        data = made(kind, given, **({"quality": 95, "subsampling": "4:4:4"} if kind == "AVIF" else {}))
    except (OSError, ValueError):
        pytest.skip(f"Pillow writes no {kind} of mode {mode}")
    expected = PICTURE.convert("L") if mode == "I;16" else given
    assert off(data, np.asarray(expected.convert("RGB"))) < LOSS


def test_what_a_heic_may_hold():
    assert off((HEIC / "deep.heic").read_bytes()) < LOSS  # ten bits a colour
    assert off((HEIC / "grey.heic").read_bytes(), np.asarray(PICTURE.convert("L").convert("RGB"))) < LOSS
    clear = read_image((HEIC / "clear.heic").read_bytes()).pixels  # its upper half is transparent
    assert clear[:28].min() > 240
    assert np.abs(clear[36:].astype(int) - PIXELS[36:]).mean() < LOSS


@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "JPEG 2000"])
def test_transparent_parts_become_white(kind):
    picture = PIL.Image.new("RGBA", (32, 32), (9, 9, 9, 255))
    picture.paste((9, 9, 9, 0), (0, 0, 32, 16))
    pixels = read_image(made(kind, picture)).pixels
    assert (pixels[:12] > 250).all()
    assert (pixels[20:] < 16).all()


@pytest.mark.parametrize("orientation", STORED)
def test_all_orientations_come_out_upright(orientation):
    stored = PIL.Image.fromarray(np.ascontiguousarray(STORED[orientation](PIXELS)))
    assert off(encoded("TIFF", stored, tiffinfo={274: orientation})) == 0
    assert off(encoded("AVIF", stored, exif=exif(orientation), quality=90)) < LOSS
    assert off((HEIC / f"turned-{orientation}.heic").read_bytes()) < LOSS  # EXIF says it as well as the boxes


def test_only_the_boxes_turn():
    """EXIF alone does not, in a file of boxes; HEIC and AVIF say so."""
    heic = (HEIC / "turned-1.heic").read_bytes()
    assert off(heic.replace(exif(1)[6:], exif(6)[6:])) < LOSS
    assert off(patched_exif(encoded("AVIF", exif=EXIF, quality=90), exif(6)[6:])) < LOSS


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_turn_that_there_is_not_is_ignored(orientation):
    assert off(encoded("TIFF", tiffinfo={274: orientation})) == 0


@pytest.mark.parametrize("block", [b"garbage", b"II*\0" + b"\xff" * 22, random.Random(1).randbytes(26), bytes(26)])
def test_garbage_exif_is_ignored(block, capfd):
    assert off(patched_exif(encoded("AVIF", exif=EXIF, quality=90), block)) < LOSS
    assert off(patched_exif((HEIC / "turned-6.heic").read_bytes(), block)) < LOSS
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (encoded("TIFF", save_all=True, append_images=[PIL.Image.new("RGB", (50, 50))]), "several pages in one TIFF"),
        (encoded("AVIF", save_all=True, append_images=[PIL.Image.new("RGB", (96, 64))]), "animated AVIF"),
        ((HEIC / "two.heic").read_bytes(), "several pictures in one HEIC, only the main one"),
    ],
)
def test_of_several_the_first_is_used_and_that_is_said(data, words, caplog):
    with caplog.at_level(logging.INFO, "facepipe"):
        assert off(data) < LOSS
    assert words in caplog.text


@pytest.mark.parametrize("brand", [b"mif1", b"msf1", b"miaf"])
@pytest.mark.parametrize("kind", ["HEIC", "AVIF"])
def test_the_first_brand_may_be_a_general_one(kind, brand):
    data = made(kind)
    assert off(data[:8] + brand + data[12:]) < LOSS


def test_a_motion_photo_is_its_picture():
    video = b"\0\0\0\x18ftypmp42" + bytes(12) + b"\0\0\x10\0mdat" + random.Random(1).randbytes(4088)
    assert off(encoded("JPEG", quality=95) + video) < LOSS
    heic = (HEIC / "turned-1.heic").read_bytes()
    assert off(heic + struct.pack(">I4s", 8 + len(video), b"mpvd") + video) < LOSS


# Faults ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_cut_anywhere_is_truncated(kind, capfd):
    data = made(kind)
    for cut in sorted({16, 20, 30, *range(40, len(data) - 1, max(1, len(data) // 60)), len(data) // 2}):
        refused(data[:cut], errors.ImageTruncated, "truncated", kind)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg"])
def test_a_cut_tiff_whose_directory_comes_first(compression, capfd):
    data = encoded("TIFF", compression=compression)
    (at,) = struct.unpack_from("<I", data, 4)
    directory, shift = bytearray(data[at:]), len(data) - at
    (count,) = struct.unpack_from("<H", directory)
    for entry in range(2, 2 + 12 * count, 12):
        tag, kind, values, where = struct.unpack_from("<HHII", directory, entry)
        size = values * {2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind]
        if size > 4 or tag == 273:
            moved = 8 + where - at if where >= at else where + shift
            struct.pack_into("<I", directory, entry + 8, moved)
            if tag == 273 and size > 4:
                strips = struct.unpack_from(f"<{values}I", directory, moved - 8)
                struct.pack_into(f"<{values}I", directory, moved - 8, *(strip + shift for strip in strips))
    whole = data[:4] + struct.pack("<I", 8) + bytes(directory) + data[8:at]
    assert off(whole) < LOSS
    refused(whole[:-40], errors.ImageTruncated, "truncated TIFF")
    assert capfd.readouterr().err == ""


def resized(data, width, height):
    """As HEIC and AVIF state it."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def jp2(width, height):
    data = bytearray(made("JPEG 2000"))
    at = data.index(b"ihdr") + 4
    data[at : at + 8] = struct.pack(">II", height, width)
    return bytes(data)


def tiff(width, height):
    data = encoded("TIFF")
    (at,) = struct.unpack_from("<I", data, 4)
    whole = bytearray(data)
    for entry in range(at + 2, at + 2 + 24, 12):
        size = width if struct.unpack_from("<H", data, entry)[0] == 256 else height
        struct.pack_into("<HII", whole, entry + 2, 4, 1, size)
    return bytes(whole)


@pytest.mark.parametrize("size", [(10_000, 12_001), (20_000, 20_000), (60_000, 60_000)])
@pytest.mark.parametrize("kind", ["TIFF", "HEIC", "AVIF"])
def test_pixel_bomb_is_refused_from_the_header(kind, size, monkeypatch):
    monkeypatch.setattr(PIL.ImageFile.ImageFile, "load", lambda *_: pytest.fail("decoded"))
    data = tiff(*size) if kind == "TIFF" else resized(made(kind), *size)
    if kind == "AVIF" and size[0] * size[1] > 2**28:  # more than libavif itself opens
        with pytest.raises(errors.ImageError):
            read_image(data)
    else:
        refused(data, errors.ImageTooLarge, "{}x{}".format(*size))


def test_a_large_heic_that_says_it_is_small_is_not_decoded():
    refused(resized(made("HEIC"), 16, 16), errors.ImageDamaged)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_numbers_without_a_range(mode):
    refused(
        encoded("TIFF", PIL.Image.new(mode, (20, 20))),
        errors.ImageFormatError,
        "grey or RGB of 8 or 16 bits",
        mode,
        "save it",
    )


def raw(*entries):
    """A TIFF directory as cameras write it."""
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(400)


@pytest.mark.parametrize(
    "data",
    [
        b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(40),
        b"FUJIFILMCCD-RAW 0201" + bytes(40),
        b"IIRO\x08\0\0\0" + bytes(40),
        b"IIU\0\x08\0\0\0" + bytes(40),
        b"FOVb" + bytes(40),
        raw((254, 1), (330, 400)),  # a preview, and where the rest is
        raw((262, 32803)),  # what the sensor saw
        raw((254, 1), (330, 400), (50706, 0x0401)),  # DNG
    ],
)
def test_raw_pictures_are_named(data):
    refused(data, errors.ImageFormatError, "raw picture")


@pytest.mark.parametrize("kind", KINDS)
def test_mangled_bytes_never_leak_another_error(kind, capfd):
    rng = random.Random(kind)
    whole = made(kind)
    outcomes = set[type]()
    for _ in range(150):
        data = bytearray(whole[: rng.choice([len(whole), rng.randrange(len(whole))])])
        for _ in range(rng.choice([0, 1, 3, 20])):
            if data:
                data[rng.choice([rng.randrange(len(data)), rng.randrange(min(len(data), 400))])] = rng.randrange(256)
        try:
            outcomes.add(type(read_image(bytes(data))))
        except errors.ImageError as error:
            outcomes.add(type(error))
    assert {Image, errors.ImageTruncated, errors.ImageDamaged} <= outcomes
    assert capfd.readouterr().err == ""


def test_nothing_is_registered_with_pillow():
    read_image(made("HEIC"))
    assert "HEIF" not in PIL.Image.OPEN
    with pytest.raises(PIL.UnidentifiedImageError):
        PIL.Image.open(io.BytesIO(made("HEIC")))
