"""A file, bytes, a PIL image or an array -> Image: RGB, upright, within limits. The only decoder in facepipe.

Formats go by content, never by extension (``formats/``). Nothing global in Pillow is changed, and none of its errors
gets out. Colour profiles are not applied.
"""

from __future__ import annotations

import io
import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias, TypeGuard

import numpy as np
import PIL.Image

from facepipe.errors import (
    FacepipeError,
    ImageDamaged,
    ImageEmpty,
    ImageError,
    ImageFormatError,
    ImageNotFound,
    ImageTooLarge,
    ImageTooSmall,
    ImageTruncated,
    UsageError,
)
from facepipe.formats import (
    ACCEPTED,
    OPENERS,
    READ_WHOLE,
    ends_in_nothing,
    is_cut,
    kind_of,
    orientation,
    shrink,
    with_end_mark,
)
from facepipe.records import Image, Pixels

ImageLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | PIL.Image.Image | np.ndarray | Image

_ONE = (str, os.PathLike, bytes, bytearray, memoryview, PIL.Image.Image, Image)

MAX_BYTES = 256 * 2**20  # of an encoded picture
MAX_PIXELS = 120_000_000  # lets a phone's 108 megapixels pass; each takes several bytes of memory while it is decoded
BAND = 64  # rows
MIN_SIDE = 12  # px: the smallest window in which MTCNN looks for a face

log = logging.getLogger("facepipe")

_NO_RANGE = ("I", "F", "LAB")  # modes whose black and white are not known
_SEVERAL = {"TIFF": ("several pages in one", "first"), "HEIC": ("several pictures in one", "main one")}
_UPRIGHT = {  # EXIF orientation -> what turns the picture upright
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_270,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_90,
}


def read_image(
    given: ImageLike, source: str | None = None, *, max_pixels: int | None = None, colour: str = "RGB"
) -> Image:
    """Return ``given`` as an Image: pixels (H, W, 3) uint8 RGB, upright, read-only; ``source`` overrides its label.

    ``given`` is a path, the bytes of an encoded picture, a PIL image, a (H, W, 3) RGB or (H, W) grey uint8 array (not
    copied when contiguous), or an Image (returned as it is). ``colour``: "BGR" for an array as OpenCV has them; nothing
    in it tells, and one taken for RGB costs score without a word. JPEG, PNG, WEBP, BMP, GIF, TIFF, HEIC, AVIF and JPEG
    2000 are decoded, of several pages or frames the first. The file's orientation is applied, transparent parts become
    white, 16 bits become 8. ``max_pixels``: None takes ``MAX_PIXELS``, and a JPEG or JPEG 2000 that has more is decoded
    at 1/2, 1/4 or 1/8 of its size, ``Image.shrunk``: faces are then found in pixels of that.

    Raises ImageNotFound, ImageEmpty, ImageTruncated, ImageDamaged, ImageTooLarge (``MAX_BYTES``, ``max_pixels``),
    ImageTooSmall (``MIN_SIDE``), ImageFormatError; ImageError when the file may not be read; UsageError for an array or
    a PIL mode that would have to be guessed at.
    """
    if colour != "RGB" and not (colour == "BGR" and isinstance(given, np.ndarray)):
        raise UsageError(f'colour {colour!r}: expected "RGB", or "BGR" for an array as OpenCV has them')
    if isinstance(given, Image):
        return given
    label = label_of(given) if source is None else source
    pixels, shrunk = _read(given, one_line(label), max_pixels)
    if colour == "BGR":
        from facepipe.pixels import rgb_of  # brings in OpenCV, which files are read without

        pixels = rgb_of(pixels)
    return Image(pixels, label, shrunk)


def label_of(given: ImageLike) -> str:
    """What stands for ``given`` as a source: its path, or its kind."""
    if isinstance(given, str | os.PathLike):
        return os.fsdecode(given)
    if isinstance(given, PIL.Image.Image):
        return "<PIL image>"
    return "<array>" if isinstance(given, np.ndarray) else "<bytes>"


def is_one(given: object) -> TypeGuard[ImageLike]:
    """Whether ``given`` is one image, or its path, rather than many; an array of four axes is many."""
    return given.ndim < 4 if isinstance(given, np.ndarray) else isinstance(given, _ONE)


def one_line(label: str) -> str:
    """A label fit for a message: no line breaks, terminal codes or lone surrogates, and not kilobytes of it."""
    shown = label if label.isprintable() else ascii(label)
    return shown if len(shown) <= 300 else f"{shown[:300]}…"


def _read(given: ImageLike, label: str, most: int | None) -> tuple[Pixels, int]:
    """The pixels, and how many times as many a side the file has."""
    if isinstance(given, np.ndarray):
        return _from_array(given, label, most or MAX_PIXELS), 1
    if isinstance(given, PIL.Image.Image):
        with _pillow_errors_named("picture", label):
            _check_size(*given.size, label, most or MAX_PIXELS)
            return _from_pil(given, label), 1
    if isinstance(given, bytes | bytearray | memoryview):
        _check_bytes(memoryview(given).nbytes, label)
        return _decode(bytes(given), label, most)
    if isinstance(given, str | os.PathLike):
        return _decode(_read_file(given, label), label, most)
    raise UsageError(f"expected a path, bytes, a PIL image or an RGB uint8 array, got {type(given).__name__}")


# Files ----------------------------------------------------------------------------------------------------------------


def _read_file(path: str | os.PathLike[str], label: str) -> bytes:
    """Read a regular file, and no more of it than its size: a device or a pipe could block or never end."""
    try:
        status = os.stat(path)
        _check_kind(status.st_mode, label)
        _check_bytes(status.st_size, label)
        with open(path, "rb") as file:
            return file.read(status.st_size)
    except PermissionError as error:
        raise ImageError(f"{label}: no permission to read it; change the file's permissions") from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL or a lone surrogate
        raise ImageNotFound(f"{label}: no such file; {_missing_hint(label)}") from error
    except OSError as error:  # a name too long, a loop of links, a failing disk
        raise ImageError(f"{label}: cannot be read ({error.strerror}); check the path and the disk") from error


def _missing_hint(label: str) -> str:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", label):  # two letters or more: C:/ is a drive
        return "URLs are not fetched: download the picture and give its path"
    return "check the path"


def _check_kind(mode: int, label: str) -> None:
    if stat.S_ISDIR(mode):
        raise ImageNotFound(f"{label}: expected a file, got a directory; name a file in it")
    if not stat.S_ISREG(mode):
        raise ImageNotFound(f"{label}: expected a regular file, got a device, pipe or socket; save the picture first")


def _check_bytes(count: int, label: str) -> None:
    if count == 0:
        raise ImageEmpty(f"{label}: expected {ACCEPTED}, got 0 bytes; copy or download it again")
    if count > MAX_BYTES:
        raise ImageTooLarge(f"{label}: expected at most {MAX_BYTES} bytes, got {count}; save it smaller")


# Encoded pictures -----------------------------------------------------------------------------------------------------


def _decode(data: bytes, label: str, most: int | None) -> tuple[Pixels, int]:
    _check_bytes(len(data), label)  # again for a file: it may have shrunk since it was measured
    kind = kind_of(data)
    if kind not in OPENERS:
        raise ImageFormatError(f"{label}: expected {ACCEPTED}, got {kind}; save it as one of these")
    try:
        if kind == "JPEG" and ends_in_nothing(data):
            raise _truncated(kind, label)
        return _decode_as(kind, data, label, most)
    except ImageTruncated:
        whole = with_end_mark(data, lambda jpeg: _open(kind, jpeg, label, most)[0]) if kind == "JPEG" else None
        if whole is None:
            raise
        log.warning("%s: the JPEG lacks its end mark, but all pixels are there", label)
        return _decode_as(kind, whole, label, most)


def _decode_as(kind: str, data: bytes, label: str, most: int | None) -> tuple[Pixels, int]:
    with _pillow_errors_named(kind, label, data):
        picture, shrunk = _open(kind, data, label, most)
        if picture.mode in _NO_RANGE:
            raise ImageFormatError(
                f"{label}: expected grey or RGB of 8 or 16 bits, got a {kind} of mode {picture.mode}; save it as such"
            )
        if getattr(picture, "is_animated", False):
            what, part = _SEVERAL.get(kind, ("animated", "first frame"))
            log.warning("%s: %s %s, only the %s is used", label, what, kind, part)
        if shrunk > 1:
            log.warning("%s: more than %d pixels, decoded at 1/%d of its size", label, MAX_PIXELS, shrunk)
        return _from_pil(picture, label), shrunk


def _open(kind: str, data: bytes, label: str, most: int | None) -> tuple[PIL.Image.Image, int]:
    """Read the header, so that nothing too large is decoded; and at what part of its size it will be.

    Raises ImageTruncated when the header takes up all the data, so that no pixels can follow.
    """
    stream = io.BytesIO(data)
    try:
        picture = OPENERS[kind](stream)
    finally:
        if kind not in READ_WHOLE and stream.tell() >= len(data):
            raise _truncated(kind, label)
    width, height = picture.size
    shrunk = shrink(picture, stream, MAX_PIXELS) if most is None else 1
    _check_size(width, height, label, (most or MAX_PIXELS) * shrunk**2)
    return picture, shrunk


def _truncated(kind: str, label: str) -> ImageTruncated:
    return ImageTruncated(f"{label}: truncated {kind}: the file ends too early; copy or download it again")


@contextmanager
def _pillow_errors_named(kind: str, label: str, data: bytes = b"") -> Iterator[None]:
    try:
        yield
    except FacepipeError:
        raise
    except (MemoryError, PIL.Image.DecompressionBombError) as error:
        raise ImageTooLarge(f"{label}: the {kind} needs too much memory; save it smaller") from error
    except Exception as error:  # bad data makes Pillow raise nearly anything: OSError, SyntaxError, struct.error
        if "truncated" in str(error) or is_cut(kind, data):
            raise _truncated(kind, label) from error
        raise ImageDamaged(f"{label}: damaged {kind}, cannot be decoded; copy or save it again") from error


# Pixels ---------------------------------------------------------------------------------------------------------------


def _from_pil(picture: PIL.Image.Image, label: str) -> Pixels:
    picture.load()
    turn = _UPRIGHT.get(orientation(picture.info.get("exif", b"")))  # after load: PNG may keep its EXIF at the end
    picture = _to_rgb(picture, label)
    return _to_array(picture if turn is None else picture.transpose(turn))


def _to_array(picture: PIL.Image.Image) -> Pixels:
    """Band by band: Pillow hands over a whole picture by way of two copies more, which takes longer as well."""
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, BAND):
        bottom = min(top + BAND, height)
        pixels[top:bottom] = np.asarray(picture.crop((0, top, width, bottom)))
    pixels.setflags(write=False)
    return pixels


def _to_rgb(picture: PIL.Image.Image, label: str) -> PIL.Image.Image:
    if picture.mode in _NO_RANGE:
        raise UsageError(f"{label}: a PIL image of mode {picture.mode} has no known range; convert it to RGB first")
    if picture.mode.startswith("I;16"):  # Pillow would clip at 255; the high byte is what it takes of 16-bit colour
        picture = PIL.Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        return _on_white(picture.convert("RGBA"))
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _on_white(picture: PIL.Image.Image) -> PIL.Image.Image:
    """What viewers and pages show. The colours hidden under alpha 0 are left over from editing and mean nothing."""
    canvas = PIL.Image.new("RGB", picture.size, "white")
    canvas.paste(picture, mask=picture.getchannel("A"))
    return canvas


def _from_array(array: np.ndarray, label: str, most: int) -> Pixels:
    rgb = array.ndim == 3 and array.shape[2] == 3
    if array.dtype != np.uint8 or not (rgb or array.ndim == 2):
        got = f"{array.dtype} {array.shape}"
        raise UsageError(f"{label}: expected uint8 pixels, (H, W, 3) RGB or (H, W) grey, got {got}; convert it first")
    _check_size(array.shape[1], array.shape[0], label, most)
    pixels = np.ascontiguousarray(array if rgb else np.repeat(array[..., None], 3, axis=2)).view()
    pixels.setflags(write=False)  # as decoded pictures are; the caller's own array stays writable
    return pixels


def _check_size(width: int, height: int, label: str, most: int) -> None:
    if width * height > most:
        raise ImageTooLarge(f"{label}: expected at most {most} pixels, got {width}x{height}; save it smaller")
    if min(width, height) < MIN_SIDE:
        raise ImageTooSmall(
            f"{label}: expected {MIN_SIDE} px or more a side, got {width}x{height}; use a larger picture"
        )
