"""JPEGs that lack their end mark: whether anything else is missing.

libjpeg makes up what is missing, and Pillow does not pass on that it did. So the scans are counted, and the last one is
decoded with different bytes after it: where no pixel depends on them, all pixels are there.
"""

from __future__ import annotations

import hashlib
import random
import re
import struct
from collections.abc import Callable, Iterator

import PIL.Image

END = b"\xff\xd9"
RESTARTS = [bytes([0xFF, 0xD0 + number]) for number in range(8)]  # which come in this order, again and again
SEQUELS = 16  # tried after the data: a bit may be all that is missing, and in half of them it is as it was
ROOM = bytes(9)  # so many zeros at the end are room that was never written to, rather than a scan's own
BAND = 256  # rows looked at at once

_MARKER = re.compile(rb"\xff+([^\0\xff\xd0-\xd7])", re.DOTALL)  # in the data of a scan only zeros and restarts follow


def with_end_mark(data: bytes, opener: Callable[[bytes], PIL.Image.Image]) -> bytes | None:
    """The JPEG ``data`` with its end mark; None when more than that is missing, or may be. ``opener`` opens it."""
    try:
        scan = _last_scan(data)
        return None if scan is None else _if_whole(data[: scan.stop], scan.start, opener)
    except Exception:  # bad data makes Pillow raise nearly anything
        return None


def ends_in_nothing(data: bytes) -> bool:
    """Whether zeros are where a JPEG should go on: libjpeg takes them for pixels."""
    try:
        return data.endswith(ROOM) and _last_scan(data) is not None
    except (struct.error, ValueError, LookupError):  # damaged otherwise
        return False


def _if_whole(data: bytes, scan: int, opener: Callable[[bytes], PIL.Image.Image]) -> bytes | None:
    pixels = data.rstrip(b"\xff")  # half a mark, or room that was never written to
    if pixels.endswith(ROOM):
        pixels = pixels.rstrip(b"\0\xff")
    restarts = [pixels.rfind(mark, scan) for mark in RESTARTS]
    due = restarts.index(max(restarts)) + 1 if max(restarts) >= 0 else 0
    alone = _looks(pixels + END, opener)
    sequels = (_sequel(random.Random(seed), due) for seed in range(SEQUELS))
    return pixels + END if all(_looks(pixels + more + END, opener) == alone for more in sequels) else None


def _sequel(chance: random.Random, due: int) -> bytes:
    """Data as a scan may have it, through a round of its restarts, of which one is ``due``: what is missing may be
    before the next, or after it."""
    marks = [b"", *RESTARTS[due:], *RESTARTS[:due]]
    return b"".join(mark + chance.randbytes(64).replace(b"\xff", b"\x7f") for mark in marks)


def _last_scan(data: bytes) -> slice | None:
    """Where the data of the last scan are; None when a scan is still to come, or the end mark is there."""
    missing: dict[int, set[int]] = {}  # coefficients by component that are not there with all their bits
    at = 2
    while (marker := _MARKER.match(data, at)) is not None and marker[1] != END[1:]:
        at = marker.end()
        (length,) = struct.unpack_from(">H", data, at)
        segment = data[at + 2 : at + length]
        at += length
        if 0xC0 <= marker[1][0] <= 0xCF and marker[1][0] not in (0xC4, 0xC8, 0xCC):
            missing = {segment[6 + 3 * number]: set(range(64)) for number in range(segment[5])}
        elif marker[1][0] == 0xDA:
            for component, first, last, bits in _scan(segment):
                missing[component].difference_update(range(first, last + 1) if bits == 0 else ())
            found = _MARKER.search(data, at)
            start, at = at, len(data) if found is None else found.start()
            if not any(missing.values()):
                return None if found is not None and found[1] == END[1:] else slice(start, at)
    return None


def _scan(segment: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(component, first coefficient, last, bits still to come) of each component in a scan."""
    count = segment[0]
    first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
    for number in range(count):
        yield segment[1 + 2 * number], first, last, bits & 15


def _looks(data: bytes, opener: Callable[[bytes], PIL.Image.Image]) -> bytes:
    """A hash of the pixels."""
    picture = opener(data)
    picture.load()
    digest = hashlib.blake2b()
    for top in range(0, picture.height, BAND):
        digest.update(picture.crop((0, top, picture.width, min(top + BAND, picture.height))).tobytes())
    return digest.digest()
