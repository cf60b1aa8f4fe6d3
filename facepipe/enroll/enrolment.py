"""From the faces of images to what is stored of them: which face, whose they may be, and what became of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Protocol, TypeVar

from facepipe.align import kept
from facepipe.batches import Done, Failed, Outcome
from facepipe.enroll.gate import expect_good
from facepipe.enroll.identity import Rule, expect_theirs
from facepipe.errors import FaceError, FacepipeError, ImageError, NameInvalid, NoFace, SeveralFaces, UsageError
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.names import clean_name
from facepipe.image import one_line
from facepipe.records import Consent, Detection, Face, Image, Record, Reference
from facepipe.words import printable

TOGETHER = 16  # images of one person that are judged and stored together, of however many there are

Found = TypeVar("Found", Face, Detection)
Take = Callable[[Image, list[Face]], NewReference]
Look = Callable[[Image], list[Face]]
Looked = tuple[Image, list[Face] | None]


class Sourced(Protocol):
    """What is called something: an image, or the faces of one."""

    @property
    def source(self) -> str: ...


@dataclass(frozen=True, repr=False)
class Enrolment(Record):
    """What became of one image at enrolment: the new ``reference``, or None when the image was enrolled before.

    ``before``: the id of the reference that holds it since then; ``others``: whose names it is enrolled under besides.
    """

    person: str
    source: str
    reference: Reference | None
    before: int | None = None
    others: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        reference = None if self.reference is None else self.reference.id
        about = {"reference": reference, "before": self.before, "others": list(self.others)}
        return {"source": self.source, "person": self.person, **about}

    def __str__(self) -> str:
        new = self.reference
        what = f"was enrolled before, as reference {self.before}" if new is None else f"reference {new.id}"
        return printable(f"{self.person}: {self.source}: {what}")


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What one image gives: a ``new`` reference, None where the person has the image already, or an ``error``."""

    source: str
    sha256: str = ""
    new: NewReference | None = None
    error: FacepipeError | None = None


def agreed(wording: str | None, field: str = "consent") -> Consent | None:
    """The consent to ``wording``, given now; None to none. Raises UsageError, which names the ``field``."""
    try:
        return None if wording is None else Consent(wording, datetime.now(timezone.utc))
    except ValueError as error:
        raise UsageError(f"{field}: {str(error).partition(': ')[2]}") from None


def pick_face(image: Sourced, faces: Sequence[Found], pick: int | None = None) -> Found:
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
    """What is stored of ``image``'s only or picked face, its picture with it; with ``gate`` only of a good shot.

    Raises as ``pick_face``, PoorShot.
    """
    face = pick_face(image, faces, pick)
    if gate:
        expect_good(image, face.detection)
    chip, origin = kept.keep(image, face.detection.landmarks), (image.source, image.sha256)
    return NewReference(face.template, face.quality, *origin, chip.image, consent, chip.landmarks)


def enrolled(gallery: Gallery, person: str, source: str, sha256: str, reference: Reference | None) -> Enrolment:
    """What became of the image ``sha256``, now that its ``reference`` is stored, or was there before."""
    holders = gallery.holders(sha256)
    before = holders.pop(person, None)
    return Enrolment(person, source, reference, before if reference is None else None, tuple(holders))


def store(gallery: Gallery, person: str, taken: Sequence[Taken], rule: Rule | None) -> list[Enrolment]:
    """Store what was ``taken`` without an error, all in one transaction, and say what became of each image.

    By the ``rule`` all must be of one person, whom no other name has; None: whoever they are. Raises SeveralPeople,
    EnrolledAlready, GalleryError.
    """
    new = [one.new for one in taken if one.new is not None]
    expect_theirs(person, new, gallery, rule)
    added = iter(gallery.add(person, new))
    references = [None if one.new is None else next(added) for one in taken]
    return [
        enrolled(gallery, person, one.source, one.sha256, reference)
        for one, reference in zip(taken, references, strict=True)
    ]


def store_each(
    seen: Iterable[tuple[str, Outcome[Looked]]], gallery: Gallery, take: Take, look: Look, rule: Rule | None
) -> Iterator[Outcome[Enrolment]]:
    """Store (person, faces of an image) one after another; faces that are None are looked for when they are needed.

    What comes of one person without a break is judged and stored together, up to TOGETHER images at a time: all or none
    of those that can be used.
    """
    for person, rows in groupby(seen, key=itemgetter(0)):
        while part := [_taken(person, outcome, gallery, take, look) for _, outcome in islice(rows, TOGETHER)]:
            yield from _stored(person, part, gallery, rule)


def _taken(person: str, outcome: Outcome[Looked], gallery: Gallery, take: Take, look: Look) -> Taken:
    if isinstance(outcome, Failed):
        return Taken(outcome.source, error=outcome.error)
    image, found = outcome.value
    try:
        if clean_name(person) in gallery.holders(image.sha256):
            return Taken(image.source, image.sha256)
        return Taken(image.source, image.sha256, take(image, look(image) if found is None else found))
    except NameInvalid as error:
        return Taken(image.source, error=NameInvalid(f"{one_line(image.source)}: {error}"))
    except (FaceError, ImageError) as error:
        return Taken(image.source, error=error)


def _stored(person: str, part: list[Taken], gallery: Gallery, rule: Rule | None) -> Iterator[Outcome[Enrolment]]:
    usable = [one for one in part if one.error is None]
    try:
        done = store(gallery, clean_name(person), usable, rule) if usable else []
    except FaceError as refused:
        part = [one if one.new is None else Taken(one.source, error=_blamed(one.source, refused)) for one in part]
        done = store(gallery, clean_name(person), [one for one in part if one.error is None], None)
    found = iter(done)
    for one in part:
        yield Done(one.source, next(found)) if one.error is None else Failed(one.source, one.error)


def _blamed(source: str, refused: FaceError) -> FaceError:
    """Why the image was not enrolled, when it is another's fault."""
    return refused.again(f"{source}: not enrolled: {refused}")
