"""What the detector finds in many images: found in a first pass, kept on disk, told again in the same order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

import numpy as np

from facepipe.align.cut import cut_chip
from facepipe.batches import within_memory
from facepipe.detect.base import Candidates, Detector, OpenDetector
from facepipe.detect.turned import find_faces
from facepipe.errors import FaceError, FacepipeError, ImageError, NoFace
from facepipe.image import ImageLike, label_of, read_image
from facepipe.networks.cards import Input
from facepipe.records import Detection, Floats, Image

Which: TypeAlias = int | Callable[[Image, Sequence[Detection]], int | None] | None
"""Which face of an image: by its number, 1 is the largest; or what gives the number once the faces are found, so that
they are found once. None: the only one, or all of them."""

Stages: TypeAlias = Sequence[Candidates]
"""What each stage of a detector that can be looked into let through, in order; () of one that cannot."""


@dataclass(frozen=True, eq=False)
class Finds:
    """In one image: ``faces``, largest first, and what each stage of the detector let through, (N, 5) float32 each:
    x0, y0, x1, y1 in image px, score. ``position`` is the image's in the sequence."""

    position: int
    faces: list[Detection]
    stages: dict[str, Floats]


class Survey:
    """Looks at every image once, and tells what was found as often as asked.

    Memory holds the numbers of faces and ``candidates`` (of each stage), the names of the images, and the newest image;
    ``spool``, an empty file, the rest. Images that cannot be read, with a face that cannot be aligned, or
    without a ``pick``-th largest face, are ``skipped``: what stands for each, and the error.
    """

    def __init__(
        self, detector: Detector, spec: Input, images: Sequence[ImageLike], spool: BinaryIO, pick: Which = None
    ) -> None:
        self._detector, self._spec, self._spool, self._pick = detector, spec, spool, pick
        self._given = images
        self._newest: tuple[int, Image] | None = None
        self.faces = 0
        self.candidates: Counter[str] = Counter()
        self.images: list[tuple[int, str]] = []  # position and source of those that were not skipped
        self.skipped: list[tuple[str, FacepipeError]] = []
        for position, given in enumerate(images):
            try:
                self._keep(self._look(position))
            except (ImageError, FaceError) as error:
                source = given.source if isinstance(given, Image) else label_of(given)
                self.skipped.append((source, error.with_traceback(None)))  # a traceback would keep the image

    def image(self, position: int) -> Image:
        """One of the images; quick when it is the newest. Raises ImageError."""
        if self._newest is None or self._newest[0] != position:
            self._newest = None  # two at once would be one too many
            self._newest = position, read_image(self._given[position])
        return self._newest[1]

    def __iter__(self) -> Iterator[Finds]:
        self._spool.seek(0)
        for position, _ in self.images:
            stages = {stage: np.load(self._spool) for stage in self.candidates}
            rows = np.load(self._spool)
            yield Finds(position, [Detection(row[:4], float(row[4]), row[5:].reshape(5, 2)) for row in rows], stages)

    def _look(self, position: int) -> Finds:
        image = self.image(position)
        faces, stages = find(self._detector, image)
        number = number_of(self._pick, image, faces)
        if number is not None:
            if len(faces) < number:
                raise NoFace(f"{image.source}: face {number} was picked, but it has {len(faces)}")
            faces = [faces[number - 1]]
        for face in faces:
            cut_chip(image, face.landmarks, self._spec)  # fails now rather than when its row is due
        through = {each.stage: np.hstack([each.boxes, each.scores[:, None]]) for each in stages}
        return Finds(position, faces, through)

    def _keep(self, found: Finds) -> None:
        for stage, rows in found.stages.items():
            np.save(self._spool, rows)
            self.candidates[stage] += len(rows)
        faces = [np.hstack([face.box, np.float32(face.score), face.landmarks.ravel()]) for face in found.faces]
        np.save(self._spool, np.array(faces, np.float32).reshape(-1, 15))
        self.faces += len(found.faces)
        self.images.append((found.position, self.image(found.position).source))


def find(detector: Detector, image: Image) -> tuple[list[Detection], Stages]:
    """Every face of the image, largest first, and how it was found. Raises ImageError."""
    with within_memory(image):
        if not isinstance(detector, OpenDetector):
            return find_faces(detector, image), ()
        stages = detector.stages(image)
        return find_faces(detector, image, detector.report(stages[-1])), stages


def number_of(which: Which, image: Image, faces: Sequence[Detection]) -> int | None:
    """The number of the face that is meant; None: none in particular. Raises FaceError."""
    return which(image, faces) if callable(which) else which
