"""References whose picture shows too little of the face.

Measured on lfw-dev, fold 0, on crops as they are and blurred, moved, shrunk and darkened (scripts/measure_doctor.py):
of what is known of a reference, only the sharpness of its aligned face and the size of the face it was cut from tell
how well it will match. Above the limits 87 % of a person's other photos match (false match rate 1e-3), below them 26 to
73 %. The detector's score, the norm of the raw embedding, the variance of the Laplacian and the light say next to
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import cv2
import numpy as np

from facepipe import gate
from facepipe.cards import Card
from facepipe.doctor.enrolled import Enrolled, Progress
from facepipe.embed.chip import similarity, supersampled
from facepipe.errors import ReferenceNotFound
from facepipe.gallery import Gallery
from facepipe.records import Floats
from facepipe.threads import Threads

SHARPNESS = 0.09  # as in gate.Measures
SIZE = 24.0  # px, the box's shorter side
GROUP = 512  # pictures in memory


def find_weak(gallery: Gallery, enrolled: Enrolled, card: Card | None, report: Progress) -> dict[int, tuple[str, ...]]:
    """References that had better be taken anew, and why: "small", "blurred".

    Sharpness is measured on the kept thumbnails, which are chips as the ``card`` has them; without a card it is not.
    """
    small = set(np.flatnonzero(enrolled.sizes < SIZE).tolist())
    blurred = set() if card is None else _blurred(gallery, enrolled, card, report)
    return {
        row: tuple(name for name, rows in (("small", small), ("blurred", blurred)) if row in rows)
        for row in sorted(small | blurred)
    }


def _blurred(gallery: Gallery, enrolled: Enrolled, card: Card, report: Progress) -> set[int]:
    found, ids = set[int](), enrolled.ids.tolist()
    sharpness = partial(_sharpness, landmarks=card.chip.template_points() / np.float32(card.chip.size))
    with Threads(os.cpu_count(), "facepipe-doctor") as pool:
        for start in range(0, len(ids), GROUP):
            report("looking at pictures", start, len(ids))
            pictures = list(_thumbnails(gallery, ids[start : start + GROUP]))
            measured = pool.map(sharpness, pictures)
            found |= {start + number for number, value in enumerate(measured) if value < SHARPNESS}
    return found


def _thumbnails(gallery: Gallery, ids: list[int]) -> Iterator[bytes | None]:
    for id in ids:
        picture = None
        with suppress(ReferenceNotFound):  # somebody removed it meanwhile
            picture = gallery.thumbnail(id)
        yield picture


def _sharpness(picture: bytes | None, landmarks: Floats) -> float:
    """Of an encoded chip, with its ``landmarks`` (5, 2) as shares of its side; infinite where there is none."""
    grey = None if picture is None else cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        return np.inf
    width = grey.shape[1]
    to_side = similarity(landmarks * np.float32(width), gate.ALIGNED.template_points())
    samples = max(1, round(width / gate.SIDE))  # without aliasing, as chips are cut
    fine = cv2.warpAffine(grey, supersampled(to_side, samples), (gate.SIDE * samples,) * 2)
    return gate.sharpness(cv2.resize(fine, (gate.SIDE, gate.SIDE), interpolation=cv2.INTER_AREA))
