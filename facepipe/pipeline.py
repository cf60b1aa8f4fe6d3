"""The story from top to bottom: an image goes in; faces are found, cut, summarised and matched with names."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from facepipe.align.cut import cut_chips
from facepipe.batches import Failed, Outcome, each, expect_many, within_memory
from facepipe.defaults import BACKBONE, DETECTOR, FULL, MIN_FACE
from facepipe.detect.base import load_detector
from facepipe.detect.turned import find_faces
from facepipe.embed.base import Backbone, load_backbone, templates
from facepipe.enroll.enrolment import TOGETHER, Enroller, Policy
from facepipe.enroll.enrolment import Enrolment as Enrolment
from facepipe.enroll.enrolment import pick_face as pick_face
from facepipe.errors import EmbeddingInvalid, UsageError
from facepipe.faces import Faces
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.names import clean_name
from facepipe.gallery.network import network_of
from facepipe.gallery.thresholds import Thresholds
from facepipe.image import ImageLike, is_one, read_image
from facepipe.machine.devices import workers
from facepipe.machine.forks import PerProcess, made_once
from facepipe.networks.cards import find_card
from facepipe.records import Activation, Chip, Consent, Detection, Face, Identification, Image, Template, Verification
from facepipe.scoring.calibration import Rate
from facepipe.scoring.evidence import probability

T = TypeVar("T")
Seen = tuple[Image, list[Detection]]  # an image, and where its faces are


class Pipeline:
    """Detector → chip → backbone, ready for use.

    ``detector`` and ``backbone`` are names of model cards (``facepipe models list``); the backbone loads when first
    needed, from its card's weights or from the file ``weights``. ``min_face`` is the shorter side of the smallest face
    looked for, image px; ``min_score`` the least detection score, 0 to 1, None for the detector's own. With
    ``precision`` half the backbone computes with 16 bits: quicker where the device does, and its templates may be
    compared with those of full precision.

    An image is a path, the bytes of a file, a PIL image, an ``Image``, or an array (H, W, 3) uint8 in the order RGB.
    OpenCV's frames are BGR and cost score without a word: give ``read_image(frame, colour="BGR")``.

    Any number of threads may use one pipeline at once; a child of ``fork`` goes on with its parent's, on one core; to
    other processes it goes as an argument, and loads its networks there.
    Raises ModelNotFound, WeightsMissing, WeightsAltered, DeviceUnavailable, UsageError.
    """

    def __init__(
        self,
        backbone: str = BACKBONE,
        *,
        detector: str = DETECTOR,
        device: str = "cpu",
        weights: str | Path | None = None,
        min_face: float = MIN_FACE,
        min_score: float | None = None,
        precision: str = FULL,
    ) -> None:
        self._given = tuple(locals().items())[1:]  # without self
        self._device = device
        self.detector = load_detector(detector, device, min_face, min_score)
        file = None if weights is None else Path(weights)
        self._load = cache(partial(load_backbone, find_card(backbone).name, device, file, precision))
        self._loading = PerProcess(Lock)
        self._workers = PerProcess(partial(workers, "facepipe-detect"))

    @classmethod
    def for_gallery(cls, gallery: Gallery, **settings: Any) -> Pipeline:
        """With the network that ``gallery`` was made with, the usual one where nobody was ever enrolled; ``settings``
        are the other arguments. Raises GalleryMismatch where that network is not here, and as above."""
        weights = settings.get("weights")
        return cls(network_of(gallery, None if weights is None else Path(weights)), **settings)

    def with_backbone(self, name: str) -> Pipeline:
        """The same with another network, and its card's own weights. Raises as above."""
        return type(self)(**(dict(self._given) | {"backbone": name, "weights": None}))

    def __reduce__(self) -> tuple[Any, ...]:
        """It goes to another process as its arguments, and loads its networks there."""
        return made_once, (type(self), self._given)

    def __repr__(self) -> str:
        given = dict(self._given)
        return f"<Pipeline: {given['detector']}, {given['backbone']}, {given['device']}>"

    @property
    def backbone(self) -> Backbone:
        """The network that summarises chips."""
        with self._loading():  # threads that need it at once share one
            return self._load()

    def detect(self, image: ImageLike) -> Faces[Detection]:
        """Every face of one image (an array: RGB), largest first. Raises ImageError."""
        return self._find(read_image(image))

    def faces(self, image: ImageLike) -> Faces[Face]:
        """Every face of one image (an array: RGB) with its chip and template, largest first. Raises ImageError."""
        return self._describe([self._look(read_image(image))])[0]

    def describe(self, image: Image, detections: Sequence[Detection]) -> Faces[Face]:
        """The faces that were found already, with chip and template, in their order. Raises FaceError."""
        return self.describe_together([image], [detections])[0]

    def describe_together(
        self, images: Sequence[Image], detections: Sequence[Sequence[Detection]]
    ) -> list[Faces[Face]]:
        """``describe`` for several images; the faces of all go through the backbone as one batch."""
        chips = [self._cut(image, found) for image, found in zip(images, detections, strict=True)]
        summaries = iter(self._summaries(images, [chip for row in chips for chip in row]))
        rows = [
            [Face(detection, chip, next(summaries)) for detection, chip in zip(found, row, strict=True)]
            for found, row in zip(detections, chips, strict=True)
        ]
        return [Faces.of(image, row) for image, row in zip(images, rows, strict=True)]

    def summarise(self, image: Image, detections: Sequence[Detection]) -> list[Template]:
        """The templates alone of faces that were found already, in their order. Raises FaceError."""
        return self._summaries([image], self._cut(image, detections))

    def templates(self, image: ImageLike) -> list[tuple[Detection, Template]]:
        """Every face of one image (an array: RGB) as (detection, template), largest first. Raises ImageError."""
        return [(face.detection, face.template) for face in self.faces(image)]

    def identify(
        self,
        image: ImageLike,
        gallery: Gallery,
        *,
        top: int = 1,
        threshold: float | None = None,
        fmr: Rate | None = None,
        fpir: Rate | None = None,
    ) -> Faces[Identification]:
        """1:N: who each face of one image (an array: RGB) is, largest face first; ``top`` candidates each, best first.

        ``threshold`` is a cosine; else the one for ``fpir`` or ``fmr``, else the usual one, see ``threshold``. Raises
        ImageError, GalleryError, UsageError.
        """
        limit = self.threshold(threshold, fmr, fpir=fpir, gallery=gallery)
        faces = self.faces(image)
        return faces.told_as(self._match(faces, gallery, top, limit))

    def match(
        self, faces: Sequence[Face], gallery: Gallery, *, top: int = 1, threshold: float | None = None
    ) -> list[Identification]:
        """1:N for faces that are found and summarised already, in their order; else as ``identify``."""
        return self._match(faces, gallery, top, self.threshold(threshold, gallery=gallery))

    def _match(self, faces: Sequence[Face], gallery: Gallery, top: int, limit: float) -> list[Identification]:
        templates = [face.template for face in faces]
        candidates = gallery.search(templates, top, evidence=self.backbone.card.evidence)
        return [Identification(face.detection, row, limit) for face, row in zip(faces, candidates, strict=True)]

    def verify(
        self,
        a: ImageLike,
        b: ImageLike,
        *,
        threshold: float | None = None,
        fmr: Rate | None = None,
        pick: int | tuple[int | None, int | None] | None = None,
    ) -> Verification:
        """1:1: are two images (arrays: RGB) of one person? Each must hold one face, or ``pick`` says which (1 is the
        largest): in both, or one for each. ``threshold`` is a cosine; else the one for ``fmr``. Raises ImageError,
        NoFace, SeveralFaces, UsageError."""
        limit = self.threshold(threshold, fmr)
        rows = [outcome.unwrap().in_file() for outcome in self.faces_each([a, b])]
        picks = pick if isinstance(pick, tuple) else (pick, pick)
        first, second = (pick_face(faces, faces, number) for faces, number in zip(rows, picks, strict=True))
        return self._compare(first, second, limit, (rows[0].source, rows[1].source))

    def compare(
        self,
        first: Face,
        second: Face,
        *,
        threshold: float | None = None,
        sources: tuple[str | None, str | None] = (None, None),
    ) -> Verification:
        """1:1 for faces that are found and summarised already; ``sources``: what their images are called."""
        return self._compare(first, second, self.threshold(threshold), sources)

    def _compare(self, first: Face, second: Face, limit: float, sources: tuple[str | None, str | None]) -> Verification:
        score, evidence = first.template.cosine(second.template), self.backbone.card.evidence
        odds = None if evidence is None else float(probability(evidence.single.log_ratio(score)))
        return Verification(score, limit, first.detection, second.detection, odds, sources)

    def enroll(
        self,
        person: str,
        images: ImageLike | Iterable[ImageLike],
        gallery: Gallery,
        *,
        pick: int | None = None,
        consent: Consent | None = None,
        gate: bool = False,
        anyway: bool = False,
    ) -> list[Enrolment]:
        """Store one reference per image (an array: RGB) under ``person``: all or, when one cannot be used, none.

        Each image must hold one face, or ``pick`` says which (1 is the largest). An image that is already enrolled
        under that person adds nothing. ``consent`` is stored with each. With ``gate`` each face must be a good shot
        (facepipe.enroll.gate). All must be of one person, with what is enrolled under that name already, whom no other
        name has, unless ``anyway``. Raises ImageError, NoFace, SeveralFaces, PoorShot, SeveralPeople, EnrolledAlready,
        GalleryError.
        """
        name = clean_name(person)
        many = isinstance(images, Iterable) and not is_one(images)
        given: Iterable[ImageLike] = images if many else [images]  # type: ignore[assignment, list-item]
        policy = Policy(pick=pick, gate=gate, consent=consent, anyway=anyway)
        return [outcome.unwrap() for outcome in self._enroll(((name, image) for image in given), gallery, policy)]

    def layers(self, image: ImageLike, names: str = "*") -> Iterator[Activation]:
        """What each layer of the backbone put out for the largest face of an image (an array: RGB); ``names`` is a
        glob. Raises NoFace."""
        decoded = read_image(image)
        faces = self.faces(decoded)
        chosen = [layer for layer in self.backbone.layers if fnmatchcase(layer, names)]
        if not chosen:
            raise UsageError(f"{names}: no layer of {self.backbone.card.name} has such a name")
        return self.backbone.activations(pick_face(decoded, faces, pick=1).chip.pixels, chosen)

    # Many images: quicker than one by one, in constant memory, and one bad image stops nothing. Each is Done or Failed;
    # with ``pictures`` what is Done holds its decoded image, which is let go else ---------------------------------

    def detect_each(
        self, images: Iterable[ImageLike], *, pictures: bool = False
    ) -> Iterator[Outcome[Faces[Detection]]]:
        """``detect`` for many images, in order."""
        return self._each(images, list, self._find, pictures)

    def faces_each(self, images: Iterable[ImageLike], *, pictures: bool = False) -> Iterator[Outcome[Faces[Face]]]:
        """``faces`` for many images, in order."""
        return self._each(images, self._describe, self._look, pictures)

    def identify_each(
        self,
        images: Iterable[ImageLike],
        gallery: Gallery,
        *,
        top: int = 1,
        threshold: float | None = None,
        fmr: Rate | None = None,
        fpir: Rate | None = None,
        pictures: bool = False,
    ) -> Iterator[Outcome[Faces[Identification]]]:
        """``identify`` for many images, in order."""
        limit = self.threshold(threshold, fmr, fpir=fpir, gallery=gallery)

        def work(group: list[Seen]) -> list[Faces[Identification]]:
            rows = self._describe(group)
            matched = iter(self._match([face for row in rows for face in row], gallery, top, limit))
            return [row.told_as([next(matched) for _ in row]) for row in rows]

        return self._each(images, work, self._look, pictures)

    def enroll_each(
        self,
        items: Iterable[tuple[str, ImageLike]],
        gallery: Gallery,
        *,
        pick: int | None = None,
        consent: Consent | None = None,
        gate: bool = False,
        anyway: bool = False,
    ) -> Iterator[Outcome[Enrolment]]:
        """Enrol many (person, image) pairs, in order; what was yielded is stored. Else as ``enroll``: what comes of one
        person without a break is judged and stored together, up to ``enrolment.TOGETHER`` images at a time."""
        expect_many(items)
        return self._enroll(items, gallery, Policy(pick, gate, consent, anyway, partial=True, together=TOGETHER))

    def _enroll(
        self, items: Iterable[tuple[str, ImageLike]], gallery: Gallery, policy: Policy
    ) -> Iterator[Outcome[Enrolment]]:
        """Every enrolment from images; those that somebody has already are not looked at."""
        enroller, names = Enroller(gallery, self.backbone.card, policy), deque[str]()  # of images that are under way

        def images() -> Iterator[ImageLike]:
            for name, image in items:
                names.append(name)
                yield image

        def look(image: Image) -> tuple[Image, list[Detection] | None]:
            return image, None if enroller.holds(image) else self._find(image)

        def work(group: list[tuple[Image, list[Detection] | None]]) -> list[NewReference | Failed | Image]:
            faces = iter(self._describe([(image, found) for image, found in group if found is not None]))
            return [image if found is None else enroller.try_new(image, next(faces)) for image, found in group]

        seen = ((names.popleft(), outcome) for outcome in self._each(images(), work, look))
        return enroller.each(seen, self.faces)

    def _each(
        self,
        images: Iterable[ImageLike],
        work: Callable[[list[Any]], Sequence[T]],
        look: Callable[[Image], Any],
        pictures: bool = False,
    ) -> Iterator[Outcome[T]]:
        """``batches.each`` on all cores: images side by side, a core each, beat one image on all (1.5× on two)."""
        return each(images, work, look, self._workers() if self._device == "cpu" else None, pictures=pictures)

    def _look(self, image: Image) -> Seen:
        return image, self._find(image)

    def _describe(self, seen: list[Seen]) -> list[Faces[Face]]:
        return self.describe_together([image for image, _ in seen], [found for _, found in seen])

    def threshold(
        self,
        given: float | None = None,
        fmr: Rate | None = None,
        *,
        fpir: Rate | None = None,
        gallery: Gallery | None = None,
    ) -> float:
        """The cosine threshold in force (``facepipe.gallery.thresholds``): the ``given`` one, else that for a false
        positive identification rate ``fpir`` among the people of ``gallery``, else that for a false match rate ``fmr``.
        Without any, in a gallery the stricter of FPIR 1e-2 and FMR 1e-3, without one FMR 1e-3.

        The ``gallery``'s own calibration goes before its own people, and these before the card; an ``fpir`` calibrated
        with far fewer people in it comes with a warning in the log. Raises UsageError for a rate that nothing says.
        """
        return self.limits(gallery).find(given, fmr, fpir).threshold

    def limits(self, gallery: Gallery | None = None) -> Thresholds:
        """What ``threshold`` goes by, as it is now: where it comes from, and how often strangers get a name."""
        return Thresholds(self.backbone.card, gallery)

    def _find(self, image: Image) -> Faces[Detection]:
        with within_memory(image):
            return Faces.of(image, find_faces(self.detector, image))

    def _summaries(self, images: Sequence[Image], chips: Sequence[Chip]) -> list[Template]:
        """The templates of ``chips`` that were cut out of ``images``."""
        try:
            return templates(self.backbone, chips)
        except EmbeddingInvalid as error:
            raise EmbeddingInvalid(f"{' or '.join(image.source for image in images)}: {error}") from None

    def _cut(self, image: Image, found: Sequence[Detection]) -> list[Chip]:
        with within_memory(image):
            return cut_chips(image, [face.landmarks for face in found], self.backbone.card.chip, self._device)
