"""The face that is kept of a reference: cut wider than any backbone needs it, so that the chip of another can be cut
from it later, without the photo.

A backbone's chip is cut from it as from the photo, by the landmarks, whose places in it are kept too. What that costs
is measured by scripts/measure_upgrade.py: docs/gallery.md has the table.
"""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.align.cut import cut_chip
from facepipe.align.transform import ARCFACE, ARCFACE_SIZE
from facepipe.networks.cards import Input
from facepipe.records import Chip, Floats, Image, StoredChip

SIDE = 224  # px
INNER = 192  # px of it, in the middle, are what networks of today look at, ArcFace's crop; the rest is margin
QUALITY = 92  # of the JPEG


def _wide() -> Input:
    """ArcFace's places of the landmarks, so scaled that its crop is ``INNER`` px, in the middle of ``SIDE`` px."""
    scale, start = INNER / ARCFACE_SIZE, (SIDE - INNER) / 2
    points = tuple((start + (x + 0.5) * scale - 0.5, start + (y + 0.5) * scale - 0.5) for x, y in ARCFACE)
    return Input(SIDE, "RGB", (0.0,), (1.0,), points)


WIDE = _wide()


def keep(image: Image, landmarks: Floats) -> StoredChip:
    """What is kept of the face with these ``landmarks`` (5, 2), image px. Raises FaceError."""
    chip = cut_chip(image, landmarks, WIDE)
    bgr = cv2.cvtColor(chip.pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    places = landmarks @ chip.to_chip[:, :2].T + chip.to_chip[:, 2]
    return StoredChip(data.tobytes(), places.astype(np.float32))


def open_chip(stored: StoredChip, of: Input | None) -> tuple[Image, Floats | None] | None:
    """The picture that is kept of a face, and where its landmarks are, (5, 2) px of it; None where it is no picture.

    ``of``: how it was cut, where its landmarks are not kept with it, as older facepipes did. Nothing says where they
    are if that is not known either: None.
    """
    bgr = cv2.imdecode(np.frombuffer(stored.image, np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        return None
    image = Image(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8), "a stored chip")
    if stored.landmarks is not None or of is None:
        return image, stored.landmarks
    return image, of.template_points() * np.float32(image.width / of.size)


def recut(stored: StoredChip, spec: Input, of: Input | None) -> Chip | None:
    """The chip that ``spec`` describes, from what is kept of a face; ``to_chip`` is from there. ``of`` as in
    ``open_chip``. None where there is no picture or its landmarks are not known. Raises FaceError: they are no face's.
    """
    opened = open_chip(stored, of)
    if opened is None or opened[1] is None:
        return None
    return cut_chip(opened[0], opened[1], spec)
