"""The file in which an index rests between runs: sealed, so that damage is noticed and never loaded.

Layout, little-endian: magic (8 bytes), format version u32, dimension u32, count u64, the gallery's uuid (16 bytes), the
record's ``state`` i64 (see database.py), length of the payload u64, then a BLAKE2b-256 of all of that and the payload;
then the payload: ids i64 × count, stamps i64 × count, and the bytes of the back end's index.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facepipe.gallery.base import Ids

_HEAD = struct.Struct("<8sIIQ16sqQ")
_MAGIC = b"facepipe"
_VERSION = 1
_DIGEST = 32


class Damaged(ValueError):
    """The file cannot be trusted; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """An index with the state of the record it was made from. ``ids`` and ``stamps`` (count,) by position."""

    uuid: bytes
    state: int
    dimension: int
    ids: Ids
    stamps: Ids
    index: bytes


def read(path: Path) -> Sealed:
    """Raises FileNotFoundError, or Damaged for anything that ``write`` did not leave exactly so."""
    try:
        data = memoryview(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from None
    start = _HEAD.size + _DIGEST
    if len(data) < start:
        raise Damaged(f"cut short, {len(data)} bytes")
    magic, version, dimension, count, uuid, state, length = _HEAD.unpack_from(data)
    if (magic, version) != (_MAGIC, _VERSION):
        raise Damaged("not an index of this version of facepipe")
    payload = data[start:]
    if len(payload) != length or length < 16 * count:
        raise Damaged(f"expected {length} bytes after the header, got {len(payload)}")
    if _digest(data[: _HEAD.size], payload) != data[_HEAD.size : start]:
        raise Damaged("its checksum does not fit its content")
    ids, stamps = np.frombuffer(payload[: 16 * count], "<i8").astype(np.int64).reshape(2, count)
    return Sealed(uuid, state, dimension, ids, stamps, bytes(payload[16 * count :]))


def write(path: Path, sealed: Sealed, mode: int) -> None:
    """Replace ``path`` in one step; ``mode`` are its permissions. One writer at a time: the temporary name is fixed, so
    that what a killed process left is overwritten and not littered. Raises OSError, and then leaves no part behind."""
    payload = sealed.ids.astype("<i8").tobytes() + sealed.stamps.astype("<i8").tobytes() + sealed.index
    count = len(sealed.ids)
    head = _HEAD.pack(_MAGIC, _VERSION, sealed.dimension, count, sealed.uuid, sealed.state, len(payload))
    partial = partial_path(path)
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            os.chmod(partial, mode)
            for part in (head, _digest(head, payload), payload):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def delete(path: Path) -> None:
    """Remove the file and what a killed ``write`` may have left of it: vectors are personal data."""
    path.unlink(missing_ok=True)
    partial_path(path).unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _digest(head: bytes | memoryview, payload: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(head, digest_size=_DIGEST)
    digest.update(payload)
    return digest.digest()
