"""The directory of a TIFF file, which EXIF is made of too: its tags, and where the file should end.

Read here because Pillow warns about whatever is odd in one, through ``warnings``; what is odd is left out here."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

REDUCED, COMPRESSION, PHOTOMETRIC, ORIENTATION, SUB_DIRECTORIES, DNG_VERSION = 254, 259, 262, 274, 330, 50706
MOST_ENTRIES = 65_535  # looked at: as many as a classic file can have
_PIECES = ((273, 279), (324, 325))  # where strips or tiles begin, and how many bytes each has
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # kinds of entries that are whole numbers


class _Entry(NamedTuple):
    """So many ``values`` of a ``kind`` of number, which begin ``at``."""

    kind: int
    values: int
    at: int


def orientation(exif: bytes) -> int:
    """The orientation tag, 1..8 unless it is garbage itself; 1 without."""
    return tags(exif.removeprefix(b"Exif\0\0")).get(ORIENTATION, 1)


def tags(tiff: bytes) -> dict[int, int]:
    """The first directory's tags with the first value of each, where it is a whole number; 0 for other kinds. Of what
    is cut or damaged as much as can be read."""
    found = {}
    try:
        order, entries = _entries(tiff)
        for tag, entry in entries:
            found[tag] = _numbers(tiff, order, entry, 1)[0] if entry.kind in _NUMBERS else 0
    except (struct.error, IndexError):  # points past the end
        pass
    return found


def end_of(tiff: bytes, *, pixels: bool) -> int:
    """How far the first directory and what it points to reach, bytes; with ``pixels`` the picture's own too."""
    try:
        order, entries = _entries(tiff)
        known = dict(entries)
        ends = [entry.at + entry.values * _BYTES.get(entry.kind, 0) for entry in known.values()]
        for first, length in _PIECES if pixels else ():
            if first in known and length in known:
                pieces = (_numbers(tiff, order, known[tag], known[tag].values) for tag in (first, length))
                ends += [at + size for at, size in zip(*pieces, strict=False)]
        return max(ends, default=0)
    except struct.error:
        return len(tiff) + 1


def _entries(tiff: bytes) -> tuple[str, Iterator[tuple[int, _Entry]]]:
    """The byte order, and (tag, entry) for each of the first directory. Raises struct.error where it is cut."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return "<", iter(())
    big = tiff[2:4] in (b"+\0", b"\0+")
    number, width = ("Q", 8) if big else ("I", 4)
    (at,) = struct.unpack_from(order + number, tiff, width)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), tiff, at)
    count = min(count, MOST_ENTRIES)
    first, size = at + (8 if big else 2), 4 + 2 * width

    def walk() -> Iterator[tuple[int, _Entry]]:
        for start in range(first, first + size * count, size):
            tag, kind, values = struct.unpack_from(f"{order}HH{number}", tiff, start)
            place = start + 4 + width
            if values * _BYTES.get(kind, 0) > width:
                (place,) = struct.unpack_from(order + number, tiff, place)
            yield tag, _Entry(kind, values, place)

    return order, walk()


def _numbers(tiff: bytes, order: str, entry: _Entry, most: int) -> tuple[int, ...]:
    return struct.unpack_from(f"{order}{min(entry.values, most)}{_NUMBERS.get(entry.kind, 'I')}", tiff, entry.at)
