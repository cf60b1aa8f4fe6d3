"""From the faces of an image to what is stored of them: which face, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypeVar

import cv2

from facepipe.errors import NoFace, SeveralFaces, UsageError
from facepipe.gallery import Gallery, NewReference
from facepipe.gate import expect_good
from facepipe.records import Consent, Detection, Face, Image, Reference

Found = TypeVar("Found", Face, Detection)


@dataclass(frozen=True)
class Enrolment:
    """What became of one image at enrolment: the new ``reference``, or None when the image was enrolled before.

    ``before``: the id of the reference that holds it since then; ``others``: whose names it is enrolled under besides.
    """

    person: str
    source: str
    reference: Reference | None
    before: int | None = None
    others: tuple[str, ...] = ()


def agreed(wording: str | None, field: str = "consent") -> Consent | None:
    """The consent to ``wording``, given now; None to none. Raises UsageError, which names the ``field``."""
    try:
        return None if wording is None else Consent(wording, datetime.now(timezone.utc))
    except ValueError as error:
        raise UsageError(f"{field}: {str(error).partition(': ')[2]}") from None


def pick_face(image: Image, faces: Sequence[Found], pick: int | None = None) -> Found:
    """The only face of ``image``, or the ``pick``-th largest from 1. Raises NoFace, SeveralFaces, UsageError."""
    if pick is not None and pick < 1:
        raise UsageError(f"pick {pick}: expected a whole number from 1, the largest face")
    if not faces:
        raise NoFace(f"{image.source}: no face found; use a photo with a larger, frontal face, or a lower min-face")
    if pick is not None:
        if pick > len(faces):
            raise NoFace(f"{image.source}: face {pick} was picked, but it has {len(faces)}; count from 1, the largest")
        return faces[pick - 1]
    if len(faces) > 1:
        sizes = ", ".join(f"{face.size:.0f} px" for face in faces)
        raise SeveralFaces(
            f"{image.source}: {len(faces)} faces ({sizes}), expected one; crop it, or pick one, 1 for the largest"
        )
    return faces[0]


def new_reference(
    image: Image, faces: Sequence[Face], pick: int | None = None, consent: Consent | None = None, gate: bool = False
) -> NewReference:
    """What is stored of ``image``'s only or picked face, the chip as a JPEG with it; with ``gate`` only of a good shot.

    Raises as ``pick_face``, PoorShot.
    """
    face = pick_face(image, faces, pick)
    if gate:
        expect_good(image, face.detection)
    bgr = cv2.cvtColor(face.chip.pixels, cv2.COLOR_RGB2BGR)
    _, thumbnail = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return NewReference(face.template, face.quality, image.source, image.sha256, thumbnail.tobytes(), consent)


def enrolled(gallery: Gallery, person: str, source: str, sha256: str, reference: Reference | None) -> Enrolment:
    """What became of the image ``sha256``, now that its ``reference`` is stored, or was there before."""
    holders = gallery.holders(sha256)
    before = holders.pop(person, None)
    return Enrolment(person, source, reference, before if reference is None else None, tuple(holders))
