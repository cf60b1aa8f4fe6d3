"""What goes into a gallery and comes out of it, and what an index back end is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from facepipe.records import BaseRecord, Consent, Floats, Quality, Template
from facepipe.records.faces import NORM_TOLERANCE
from facepipe.words import count, printable

Ids = npt.NDArray[np.int64]
THUMBNAIL_LIMIT = 1 << 20  # bytes
_SHA256 = re.compile("[0-9a-f]{64}")


class Index(Protocol):
    """Unit vectors searched by inner product, that is by cosine. Back ends implement this and nothing else.

    A vector's *position* counts from 0 in the order of ``add``; ``remove`` closes the gaps and keeps the order.
    """

    @property
    def dimension(self) -> int: ...

    def __len__(self) -> int: ...

    def reserve(self, count: int) -> None:
        """Make room for ``count`` vectors in all, so that adding them takes no more memory than they need."""

    def add(self, vectors: Floats) -> None:
        """Append ``vectors`` (N, D) float32."""

    def remove(self, positions: Ids) -> None:
        """Drop the vectors at ``positions`` (M,)."""

    def search(self, probes: Floats, k: int) -> tuple[Floats, Ids]:
        """The ``k`` ≤ len best for each of ``probes`` (N, D): scores (N, k), best first, and positions (N, k)."""

    def vectors(self, positions: Ids) -> Floats:
        """A copy of the vectors at ``positions`` (M,): (M, D), exactly as they were added."""


@dataclass(frozen=True, slots=True, eq=False)
class NewReference:
    """A template to enrol, with what is kept about where it came from.

    ``image_sha256``: ``Image.sha256``, 64 hex digits, or "" when there is no image (two equal vectors are then the same
    enrolment). ``thumbnail``: the face as an encoded JPEG or PNG, at most 1 MiB, and ``landmarks``: as in
    ``StoredChip``. ``consent``: what was agreed to.
    """

    template: Template
    quality: Quality | None = None
    source: str = ""
    image_sha256: str = ""
    thumbnail: bytes | None = None
    consent: Consent | None = None
    landmarks: Floats | None = None

    def __post_init__(self) -> None:
        if self.image_sha256 and not _SHA256.fullmatch(self.image_sha256):
            raise ValueError(f"image_sha256: expected 64 hex digits or nothing, got {self.image_sha256[:80]!r}")
        seen = self.quality
        if seen is not None and not all(map(math.isfinite, (seen.score, seen.size, seen.sharpness or 0.0))):
            raise ValueError(f"quality: expected finite numbers, got {self.quality}")
        if self.thumbnail is not None and not self.thumbnail.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
            raise ValueError("thumbnail: expected an encoded JPEG or PNG")
        if self.thumbnail is not None and len(self.thumbnail) > THUMBNAIL_LIMIT:
            raise ValueError(f"thumbnail: expected at most {THUMBNAIL_LIMIT} bytes, got {len(self.thumbnail)}")
        if self.landmarks is not None and self.thumbnail is None:
            raise ValueError("landmarks: expected only with a thumbnail, of which they are")
        if self.landmarks is not None and (self.landmarks.shape != (5, 2) or not np.isfinite(self.landmarks).all()):
            raise ValueError(f"landmarks: expected 5 points (x, y), got {self.landmarks.tolist()!r:.80}")


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """A cohort as a gallery keeps it: ``vectors`` (C, D) of norm 1, whose each is, and the hash of its image or "".

    ``references``: their ids, where they are the gallery's own.
    """

    vectors: Floats
    people: Sequence[str]
    images: Sequence[str]
    references: Sequence[int] = ()

    def __getitem__(self, some: Sequence[int]) -> Strangers:
        people, images = ([values[at] for at in some] for values in (self.people, self.images))
        references = [self.references[at] for at in some] if self.references else ()
        return Strangers(self.vectors[some], people, images, references)


@dataclass(frozen=True, slots=True, repr=False)
class Person(BaseRecord):
    """A person, how many references they have, the id of the first, and when (UTC) it and the last were enrolled.

    ``id`` stays when the name changes and is never used again. First and last go by the order of enrolment, not by the
    clock, which may have been set back in between.
    """

    id: int
    name: str
    references: int
    first_reference: int
    first_enrolled: datetime
    last_enrolled: datetime

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "references": self.references,
            "first_enrolled": self.first_enrolled.isoformat(),
            "last_enrolled": self.last_enrolled.isoformat(),
            "picture": self.first_reference,
        }

    def __str__(self) -> str:
        return f"{self.id}, {printable(self.name)}, {count(self.references, 'reference')}"


@dataclass(frozen=True, slots=True)
class Tally:
    """What an operation on many references did: ``added`` (or moved), and ``skipped`` as they were there already."""

    added: int
    skipped: int


@dataclass(frozen=True, slots=True)
class GalleryInfo:
    """``index``: "valid", "missing", "stale" (of another state of the record or another version of facepipe) or
    "damaged"; all but the first are put right at the next search. ``uuid``, ``backbone`` and ``dimension`` are None
    until the first enrolment. ``calibration``: on what it was measured, None without one;
    ``cohort``: how many faces of strangers are kept with it. ``changed_from``: the backbone of before a change of
    network that is not settled, and ``left_out``: how many references could not be made anew then.
    """

    path: Path
    uuid: str | None
    backbone: str | None
    dimension: int | None
    people: int
    references: int
    thumbnails: int
    record_bytes: int
    index_bytes: int
    index: str
    calibration: str | None
    cohort: int
    changed_from: str | None = None
    left_out: int = 0


def first_fault(vectors: Floats) -> tuple[int, str] | None:
    """The first row of ``vectors`` (N, D) that is no finite unit vector, and what is wrong with it."""
    norms = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    bad = np.flatnonzero(~(np.abs(norms - 1) <= NORM_TOLERANCE))  # NaN compares false, hence the double negation
    if not bad.size:
        return None
    row = int(bad[0])
    got = f"norm {norms[row]:.6g}" if np.isfinite(vectors[row]).all() else "NaN or infinity"
    return row, f"expected finite values and norm 1, got {got}"
