"""What the kept pictures of references show: how sharp each face is, and whether it lies.

Pictures are chips as the backbone's card has them. All are brought into one alignment, the enrolment gate's.
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

from facepipe import gate
from facepipe.cards import Card
from facepipe.doctor.enrolled import Enrolled, Progress
from facepipe.doctor.lying import find_lying
from facepipe.embed.chip import similarity, supersampled
from facepipe.errors import ReferenceNotFound
from facepipe.gallery import Gallery
from facepipe.records import Floats, Pixels
from facepipe.threads import Threads

GROUP = 512  # pictures in memory


@dataclass(frozen=True, eq=False)
class Seen:
    """Of R references: ``sharpness`` (R,) as in gate.Measures, infinite where there is no picture; ``lying`` (R,):
    whether the face lies on its side or stands on its head, as far as is known."""

    sharpness: Floats
    lying: npt.NDArray[np.bool_]


def look(gallery: Gallery, enrolled: Enrolled, card: Card | None, report: Progress) -> Seen:
    """Look at the kept picture of every reference. Without a ``card`` nothing says where a face is in it."""
    ids = enrolled.ids.tolist()
    seen = Seen(np.full(len(ids), np.inf, np.float32), np.zeros(len(ids), bool))
    if card is None:
        return seen
    aligned = partial(_aligned, landmarks=card.chip.template_points() / np.float32(card.chip.size))
    with Threads(os.cpu_count(), "facepipe-doctor") as pool:
        for start in range(0, len(ids), GROUP):
            report("looking at pictures", start, len(ids))
            found = list(pool.map(aligned, list(_thumbnails(gallery, ids[start : start + GROUP]))))
            rows = [start + number for number, face in enumerate(found) if face is not None]
            faces = [face for face in found if face is not None]
            seen.sharpness[rows] = list(pool.map(_sharpness, faces))
            seen.lying[rows] = find_lying(faces, enrolled.scores[rows])
    return seen


def _thumbnails(gallery: Gallery, ids: list[int]) -> Iterator[bytes | None]:
    for id in ids:
        picture = None
        with suppress(ReferenceNotFound):  # somebody removed it meanwhile
            picture = gallery.thumbnail(id)
        yield picture


def _aligned(picture: bytes | None, landmarks: Floats) -> Pixels | None:
    """The face, (gate.SIDE, gate.SIDE, 3) RGB, of an encoded chip with its ``landmarks`` (5, 2) as shares of its side;
    None where there is none."""
    bgr = None if picture is None else cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        return None
    width = bgr.shape[1]
    to_side = similarity(landmarks * np.float32(width), gate.ALIGNED.template_points())
    samples = max(1, round(width / gate.SIDE))  # without aliasing, as chips are cut
    fine = cv2.warpAffine(bgr, supersampled(to_side, samples), (gate.SIDE * samples,) * 2)
    face = cv2.resize(fine, (gate.SIDE, gate.SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(face, cv2.COLOR_BGR2RGB), np.uint8)


def _sharpness(face: Pixels) -> float:
    return gate.sharpness(np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), np.uint8))
