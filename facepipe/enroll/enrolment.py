"""One enrolment, whoever asks for it: held already? which face, good enough, whose, stored, told.

The shell, the page, HTTP and Python differ in what their ``Policy`` says, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Protocol, TypeVar

from facepipe.align import kept
from facepipe.align.quality import measure, quality_of
from facepipe.batches import Done, Failed, Outcome
from facepipe.enroll.gate import expect_good, problems_of
from facepipe.enroll.identity import Rule, expect_theirs, rule_of
from facepipe.errors import FaceError, FacepipeError, ImageError, NameInvalid, NoFace, SeveralFaces, UsageError
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.names import clean_name
from facepipe.image import one_line
from facepipe.machine.lazy import cached_property
from facepipe.networks.cards import Card
from facepipe.records import BaseRecord, Consent, Detection, Face, Image, Reference
from facepipe.words import printable

TOGETHER = 16  # images of one person that are judged and stored together, of however many there are

Found = TypeVar("Found", Face, Detection)


@dataclass(frozen=True, slots=True)
class Policy:
    """In what enrolments differ.

    ``pick``: which face of an image, 1 the largest; None: it must be the only one. ``gate``: good shots only.
    ``consent``: stored with each. ``anyway``: whoever the faces are; else they must be of one person whom no other name
    has, as the network's card says or by the cosine ``threshold``. ``partial``: an image that cannot be used is left
    out; else none is stored. ``together``: how many images of one person are judged and stored at once; None: all.
    """

    pick: int | None = None
    gate: bool = False
    consent: Consent | None = None
    anyway: bool = False
    threshold: float | None = None
    partial: bool = False
    together: int | None = None


class Sourced(Protocol):
    """What is called something: an image, or the faces of one."""

    @property
    def source(self) -> str: ...


@dataclass(frozen=True, repr=False)
class Enrolment(BaseRecord):
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


@dataclass(frozen=True, slots=True)
class Held:
    """An image that the person has already; as it was accepted once, it is not judged again."""

    source: str
    image_sha256: str


@dataclass(frozen=True, slots=True)
class Refused(Failed):
    """One of so many ``images`` of a person that are refused together; ``why`` is about all of them."""

    why: FaceError
    images: int


Taken = NewReference | Held | Failed
"""What one image gives."""


class Enroller:
    """Enrols into ``gallery`` by ``policy``, with templates of the network that ``card`` describes."""

    def __init__(self, gallery: Gallery, card: Card, policy: Policy) -> None:
        self.policy = policy
        self._gallery, self._card = gallery, card

    @cached_property
    def _rule(self) -> Rule | None:
        """Who counts as one person; None: nobody is refused."""
        return None if self.policy.anyway else rule_of(self._card, self._gallery, self.policy.threshold)

    def holds(self, image: Image) -> bool:
        """Whether somebody has the image already."""
        return bool(self._gallery.holders(image.sha256))

    def take(self, person: str, image: Image, look: Callable[[Image], Sequence[Face]]) -> NewReference | Held:
        """What ``image`` gives ``person``; ``look`` finds its faces where they are needed. Raises as
        ``new_reference``."""
        if person in self._gallery.holders(image.sha256):
            return Held(image.source, image.sha256)
        return new_reference(image, look(image), self.policy)

    def try_new(self, image: Image, faces: Sequence[Face]) -> NewReference | Failed:
        """``new_reference``, or why there is none."""
        try:
            return new_reference(image, faces, self.policy)
        except (FaceError, ImageError) as error:
            return Failed(image.source, error)

    def store(self, person: str, taken: Sequence[Taken]) -> list[Enrolment | Failed]:
        """Store what is new, all in one transaction, and say what became of each image.

        Raises the first error of images that cannot be used, where none is left or the policy is not ``partial``;
        SeveralPeople, EnrolledAlready; ``details`` then tell of each image that it is about. Raises GalleryError.
        """
        refused = {number: one for number, one in enumerate(taken) if isinstance(one, Failed)}
        if refused and not (self.policy.partial and len(refused) < len(taken)):
            details = [detail(number, one.source, one.error) for number, one in refused.items()]
            raise next(iter(refused.values())).error.again(details=details)
        new = {number: one for number, one in enumerate(taken) if isinstance(one, NewReference)}
        try:
            expect_theirs(person, list(new.values()), self._gallery, self._rule)
        except FaceError as error:
            numbers = [list(new)[about["image"]] for about in error.details or ()]
            raise error.again(details=[detail(number, new[number].source, error) for number in numbers]) from None
        added = iter(self._gallery.add(person, list(new.values())))
        return [one if isinstance(one, Failed) else self._told(person, one, added) for one in taken]

    def _told(self, person: str, one: NewReference | Held, added: Iterator[Reference | None]) -> Enrolment:
        reference = next(added) if isinstance(one, NewReference) else None
        holders = self._gallery.holders(one.image_sha256)
        before = holders.pop(person, None)
        return Enrolment(person, one.source, reference, before if reference is None else None, tuple(holders))

    def each(
        self, seen: Iterable[tuple[str, Outcome[NewReference | Failed | Image]]], look: Callable[[Image], list[Face]]
    ) -> Iterator[Outcome[Enrolment]]:
        """Store (person, what an image gives) one after another; where that is the image itself, as somebody has it,
        ``look`` finds its faces if that is somebody else.

        What comes of one person without a break is judged and stored together, as the policy says. Where that is
        ``partial``, those of one person who are refused because of each other stop nobody else. Raises as
        ``store``, at once.
        """
        for person, rows in groupby(seen, key=itemgetter(0)):
            while part := [self._taken(person, outcome, look) for _, outcome in islice(rows, self.policy.together)]:
                for one in self._settled(person, part):
                    yield one if isinstance(one, Failed) else Done(one.source, one)

    def _taken(
        self, person: str, outcome: Outcome[NewReference | Failed | Image], look: Callable[[Image], list[Face]]
    ) -> Taken:
        try:
            taken = outcome.unwrap()
            name = clean_name(person)
            if isinstance(taken, Image):
                return self.take(name, taken, look)
            if isinstance(taken, Failed):
                raise taken.error
            return taken
        except (FaceError, ImageError, NameInvalid) as error:
            if not self.policy.partial:
                raise
            named = NameInvalid(f"{one_line(outcome.source)}: {error}") if isinstance(error, NameInvalid) else error
            return Failed(outcome.source, named)

    def _settled(self, person: str, part: Sequence[Taken]) -> Sequence[Enrolment | Failed]:
        usable = [one for one in part if not isinstance(one, Failed)]
        if not usable:
            return [one for one in part if isinstance(one, Failed)]
        try:
            return self.store(clean_name(person), part)
        except FaceError as error:
            if not self.policy.partial:
                raise
            new = sum(isinstance(one, NewReference) for one in part)
            blamed = [_blamed(one, error, new) if isinstance(one, NewReference) else one for one in part]
            return self._settled(person, blamed)


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


def new_reference(image: Image, faces: Sequence[Face], policy: Policy = Policy()) -> NewReference:
    """What is stored of ``image``'s only or picked face, its picture with it. Raises as ``pick_face``, PoorShot."""
    face = pick_face(image, faces, policy.pick)
    measures = (expect_good if policy.gate else measure)(image, face.detection)
    chip, origin = kept.keep(image, face.detection.landmarks), (image.source, image.sha256)
    quality = quality_of(face.detection, measures)
    return NewReference(face.template, quality, *origin, chip.image, policy.consent, chip.landmarks)


def detail(number: int, source: str, error: FacepipeError) -> dict[str, Any]:
    """What ``error`` says of the ``number``-th image of several, from 0; for JSON."""
    about = {"image": number, "source": source, "code": error.code, "message": str(error)}
    return about | {"problems": problems_of(error)}


def _blamed(new: NewReference, refused: FaceError, images: int) -> Refused:
    """Why the image was not enrolled, when it may be another's fault."""
    return Refused(new.source, refused.again(f"{new.source}: not enrolled: {refused}"), refused, images)
