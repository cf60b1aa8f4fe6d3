"""The file in which an index rests between runs: sealed, so that damage is noticed and never used.

Layout, little-endian: magic (8 bytes), format version u32, dimension D u32, count u64, the gallery's uuid (16 bytes),
the record's ``state`` i64 (see database.py); ids i64 × count, stamps i64 × count, vectors f32 × D × count, in the order
of their positions; at the end a BLAKE2b-256 of all that. It is read and written in blocks, with the checksum on the
way, so that no second copy of the vectors is ever in memory.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facepipe.gallery.base import Ids, Index

_HEAD = struct.Struct("<8sIIQ16sq")
_MAGIC = b"facepipe"
_VERSION = 2
_DIGEST = 32
_BLOCK = 1 << 20  # bytes of vectors read or written at a time


class Damaged(ValueError):
    """The file cannot be trusted; the message says why."""


class OtherVersion(Damaged):
    """The file is of a facepipe with another format, as far as its head says."""


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """An index with the state of the record it was made from. ``ids`` and ``stamps`` (len(index),) by position."""

    uuid: bytes
    state: int
    ids: Ids
    stamps: Ids
    index: Index


def read(path: Path, into: Index) -> Sealed:
    """Add the vectors of the file to ``into``, which is empty and to be thrown away when this fails.

    Raises FileNotFoundError, or Damaged for anything that ``write`` did not leave exactly so.
    """
    try:
        with path.open("rb") as file:
            return _read(file, into)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from None


def _read(file: BufferedReader, into: Index) -> Sealed:
    size, digest = os.fstat(file.fileno()).st_size, hashlib.blake2b(digest_size=_DIGEST)
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise Damaged(f"cut short, {size} bytes")
    digest.update(head)
    magic, version, dimension, count, uuid, state = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise Damaged("not an index of facepipe")
    if version != _VERSION:
        raise OtherVersion(f"format {version}, expected {_VERSION}")
    expected = _HEAD.size + (16 + 4 * dimension) * count + _DIGEST
    if size != expected:  # so no count is believed before its bytes are there
        raise Damaged(f"expected {expected} bytes, got {size}")
    if dimension != into.dimension:
        raise Damaged("its vectors are not this gallery's")

    def take(array: npt.NDArray[np.generic]) -> None:
        if file.readinto(array.data) != array.nbytes:
            raise Damaged("cut short while it was read")
        digest.update(array.data)

    ids, stamps = np.empty(count, "<i8"), np.empty(count, "<i8")
    take(ids)
    take(stamps)
    into.reserve(count)
    for start, stop in _blocks(count, dimension):
        block = np.empty((stop - start, dimension), "<f4")
        take(block)
        into.add(block)
    if file.read(_DIGEST) != digest.digest():
        raise Damaged("its checksum does not fit its content")
    return Sealed(uuid, state, ids.astype(np.int64, copy=False), stamps.astype(np.int64, copy=False), into)


def write(path: Path, sealed: Sealed, mode: int) -> None:
    """Replace ``path`` in one step; ``mode`` are its permissions. One writer at a time: the temporary name is fixed, so
    that what a killed process left is overwritten and not littered. Raises OSError, and then leaves no part behind."""
    partial = partial_path(path)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            os.chmod(partial, mode)
            digest = hashlib.blake2b(digest_size=_DIGEST)
            for part in _parts(sealed):
                file.write(part)
                digest.update(part)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _parts(sealed: Sealed) -> Iterator[bytes]:
    index, count = sealed.index, len(sealed.ids)
    yield _HEAD.pack(_MAGIC, _VERSION, index.dimension, count, sealed.uuid, sealed.state)
    yield sealed.ids.astype("<i8").tobytes()
    yield sealed.stamps.astype("<i8").tobytes()
    for start, stop in _blocks(count, index.dimension):
        yield index.vectors(np.arange(start, stop)).astype("<f4", copy=False).tobytes()


def _blocks(count: int, dimension: int) -> Iterator[tuple[int, int]]:
    """The positions of a block's first vector, and of the next block's."""
    step = max(1, _BLOCK // (4 * dimension))
    return ((start, min(start + step, count)) for start in range(0, count, step))


def delete(path: Path) -> None:
    """Remove the file and what a killed ``write`` may have left of it: vectors are personal data."""
    path.unlink(missing_ok=True)
    partial_path(path).unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
