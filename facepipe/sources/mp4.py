"""The boxes that MP4 and QuickTime files are made of, looked at for what points out of the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from facepipe.errors import SourceDamaged, SourceRefused

MOST_BOXES = 1_000_000  # looked at in one file: a recording in fragments has a few for each second
MOST_INDEX = 256 * 2**20  # bytes: the index of a day at 60 frames a second has about 100 MB

_NESTED = {b"trak", b"mdia", b"minf", b"dinf"}  # the way from the index down to where the media are said to be
_POINTERS = {b"rmra": "a reference movie", b"cmov": "a compressed index"}


def look_at_boxes(file: IO[bytes], size: int, label: str) -> bool:
    """Walk through a file of ``size`` bytes. Returns whether its end is missing.

    Raises SourceRefused when the pictures or sound are said to be in other files or addresses, or when that cannot be
    told; SourceDamaged when there is no index: nothing can be decoded without.
    """
    at, indexed, cut = 0, False, False
    for _ in range(MOST_BOXES):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            break
        kind, start, end = _box(header, at, size)
        cut = end > size
        if kind == b"moov" and not cut:
            _check_size(end - start, label)
            file.seek(start)
            _check_inside(file.read(end - start), label)
            indexed = True
        if cut or end <= at:
            break
        at = end
    if not indexed:
        raise SourceDamaged(f"{label}: no index in it: not recorded to its end, or truncated; copy or record it again")
    return cut


def _check_inside(index: bytes, label: str) -> None:
    """Raise SourceRefused at what points elsewhere, however deep in the boxes of ``index``."""
    left = [(0, len(index))]
    while left:
        at, end = left.pop()
        for kind, start, stop in _boxes(index, at, end):
            if kind in _POINTERS:
                raise SourceRefused(f"{label}: {_POINTERS[kind]} inside; save the video as one self-contained file")
            if kind == b"dref":
                _check_references(index, start, stop, label)
            elif kind in _NESTED:
                left.append((start, stop))


def _check_references(index: bytes, start: int, stop: int, label: str) -> None:
    """Each entry of a data reference has a flag: the media are in this very file."""
    for kind, inside, _ in _boxes(index, start + 8, stop):  # after version, flags and the number of entries
        if not index[inside + 3 : inside + 4] or not index[inside + 3] & 1:
            raise SourceRefused(
                f"{label}: its media are in another file ({kind.decode('latin-1')!r} reference); "
                "save the video as one self-contained file"
            )


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of what is inside, end) of each box in ``data[at:end]``, cut at ``end``."""
    while at + 8 <= end:
        kind, start, stop = _box(data[at : at + 16], at, end)
        yield kind, start, min(stop, end)
        if stop <= at:
            return
        at = stop


def _box(header: bytes, at: int, end: int) -> tuple[bytes, int, int]:
    """(kind, start of what is inside, end) of the box at ``at``; the last box may leave its size out, as 0."""
    length, kind = struct.unpack_from(">I4s", header)
    if length == 1 and len(header) >= 16:
        return kind, at + 16, at + int(struct.unpack_from(">Q", header, 8)[0])
    return kind, at + 8, end if length == 0 else at + length


def _check_size(length: int, label: str) -> None:
    if length > MOST_INDEX:
        raise SourceRefused(f"{label}: an index of {length} bytes; expected at most {MOST_INDEX}; save it in parts")
