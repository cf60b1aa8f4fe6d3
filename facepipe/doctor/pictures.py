"""What the kept pictures of references show: how sharp each face is, and whether it lies.

All are brought into one alignment, that of ``align.quality``. What was measured at the enrolment is not measured again;
it was of the photo: where it matters, about 0.09, it differs by less than 0.01 from that of what is kept of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from facepipe.align import quality
from facepipe.align.kept import recut
from facepipe.doctor.enrolled import Enrolled
from facepipe.doctor.lying import find_lying, may_lie
from facepipe.errors import FaceError, ReferenceNotFound
from facepipe.gallery import Gallery
from facepipe.machine.threads import Threads
from facepipe.networks.cards import Card, Input
from facepipe.progress import Progress
from facepipe.records import Floats, Pixels, StoredChip

GROUP = 512  # pictures in memory


@dataclass(frozen=True, eq=False)
class Seen:
    """Of R references: ``sharpness`` (R,) as in quality.Measures, infinite where nothing says it; ``lying`` (R,):
    whether the face lies on its side or stands on its head, as far as is known."""

    sharpness: Floats
    lying: npt.NDArray[np.bool_]


def look(gallery: Gallery, enrolled: Enrolled, card: Card | None, report: Progress) -> Seen:
    """Look at the kept pictures of references, where there is something to find. ``card``: that of the gallery's
    network, which says where the face is in pictures that were kept without the places of its landmarks."""
    unknown = np.isnan(enrolled.sharpness)
    wanted = np.flatnonzero(unknown | may_lie(enrolled.scores))
    seen = Seen(np.where(unknown, np.float32(np.inf), enrolled.sharpness), np.zeros(len(enrolled), bool))
    aligned = partial(_aligned, of=None if card is None else card.chip)
    with Threads(os.cpu_count(), "facepipe-doctor") as pool:
        for start in range(0, len(wanted), GROUP):
            report("looking at pictures", start, len(wanted))
            group = wanted[start : start + GROUP]
            found = list(pool.map(aligned, list(_chips(gallery, enrolled.ids[group].tolist()))))
            faces = {row: face for row, face in zip(group.tolist(), found, strict=True) if face is not None}
            seen.lying[[*faces]] = find_lying([*faces.values()], enrolled.scores[[*faces]])
            unmeasured = [row for row in faces if unknown[row]]
            seen.sharpness[unmeasured] = list(pool.map(_sharpness, [faces[row] for row in unmeasured]))
    return seen


def _chips(gallery: Gallery, ids: list[int]) -> Iterator[StoredChip | None]:
    for id in ids:
        stored = None
        with suppress(ReferenceNotFound):  # somebody removed it meanwhile
            stored = gallery.chip(id)
        yield stored


def _aligned(stored: StoredChip | None, of: Input | None) -> Pixels | None:
    """The face, (quality.SIDE, quality.SIDE, 3) RGB; None where there is none."""
    with suppress(FaceError):
        chip = None if stored is None else recut(stored, quality.ALIGNED, of)
        return None if chip is None else chip.pixels
    return None


def _sharpness(face: Pixels) -> float:
    return quality.sharpness(np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8))
