"""Pixels: a decoded picture, a frame of a film, the aligned face that is cut out and the one that is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from facepipe import words
from facepipe.machine.lazy import cached_property
from facepipe.records.arrays import Floats, Pixels, expect, rounded
from facepipe.records.record import BaseRecord


@dataclass(frozen=True, eq=False, repr=False)
class Image(BaseRecord):
    """A decoded picture: ``pixels`` (H, W, 3) uint8 RGB, upright; ``source`` says where it came from.

    ``shrunk``: so many times as many pixels a side has the file, where it is too large to be decoded whole; else 1.
    """

    pixels: Pixels
    source: str
    shrunk: int = 1

    def __post_init__(self) -> None:
        expect("Image.pixels", self.pixels, (None, None, 3), np.uint8)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @cached_property
    def sha256(self) -> str:
        """Hash of size and pixels, not of the file: the same picture saved losslessly elsewhere is the same image."""
        digest = hashlib.sha256(f"{self.height}x{self.width}\n".encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return {"source": self.source, "size": [self.width, self.height], "shrunk": self.shrunk}

    def __str__(self) -> str:
        return f"{words.printable(self.source)}, {self.width}×{self.height} px"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame(BaseRecord):
    """One picture of a source: the ``index``-th from 0, dropped ones counted; ``time`` in seconds since the first, by
    the file's own clock or, of a live source, as the frames came in; ``at``: when that was (UTC), of a live source."""

    image: Image
    index: int
    time: float
    at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        at = None if self.at is None else self.at.isoformat()
        return {"index": self.index, "time": round(self.time, 3), "at": at, "image": self.image.to_dict()}

    def __str__(self) -> str:
        return f"{self.index}, at {self.time:.3f} s, {self.image}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Chip(BaseRecord):
    """An aligned face: ``pixels`` (h, w, 3) uint8 RGB; ``to_chip`` (2, 3) float32 affine from image px to chip px."""

    pixels: Pixels
    to_chip: Floats

    def __post_init__(self) -> None:
        expect("Chip.pixels", self.pixels, (None, None, 3), np.uint8)
        expect("Chip.to_chip", self.to_chip, (2, 3), np.float32)

    def to_dict(self) -> dict[str, Any]:
        height, width = self.pixels.shape[:2]
        return {"size": [width, height], "to_chip": [rounded(row, 6) for row in self.to_chip]}

    def __str__(self) -> str:
        return f"{self.pixels.shape[1]}×{self.pixels.shape[0]} px"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StoredChip(BaseRecord):
    """The aligned face that is kept with a reference: ``image``, an encoded JPEG or PNG, and where its five
    ``landmarks`` are, (5, 2) float32 px of it, in the order of ``Detection``. None: where the card of the gallery's
    network has them, as it was cut for that network."""

    image: bytes
    landmarks: Floats | None = None

    def to_dict(self) -> dict[str, Any]:
        points = None if self.landmarks is None else [rounded(point) for point in self.landmarks]
        return {"bytes": len(self.image), "landmarks": points}

    def __str__(self) -> str:
        return f"{len(self.image)} bytes"
