"""The faces of many images: found and embedded once, then remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from facepipe import __version__
from facepipe.batches import Failed, each
from facepipe.defaults import FULL
from facepipe.errors import FacepipeError, UsageError
from facepipe.evaluate.cache import Cache, Central
from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.faces import Faces
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress
from facepipe.records import Face, Floats, Image


@dataclass(frozen=True, eq=False)
class Embedded:
    """N images, by number: ``place`` (N,) of each one's face in ``vectors`` (F, D) and ``landmarks`` (F, 5, 2), image
    px; -1 where there is none. ``hashes``: of the images of the faces (F,). ``no_face`` and ``several``: of which
    images no face, or more than one, was found; ``errors``: those that could not be read."""

    place: Ints
    vectors: Floats
    landmarks: Floats
    hashes: tuple[str, ...]
    no_face: tuple[int, ...]
    several: tuple[int, ...]
    errors: dict[int, FacepipeError]


def recipe(pipe: Pipeline) -> str:
    """Everything that shapes what ``pipe`` makes of an image."""
    card = pipe.detector.card
    weights = ",".join(weight.sha256[:16] for weight in card.weights)
    settings = f"{getattr(pipe.detector, 'min_face', '')} {getattr(pipe.detector, 'min_score', '')}"
    precision = getattr(pipe.backbone, "precision", FULL)
    code = f"facepipe {__version__} {_code()}"
    return f"{pipe.backbone.id} {precision} {card.name}@{weights} {settings} {code} central, any way up"


@lru_cache(maxsize=1)
def _code() -> str:
    """A digest of the modules that find faces, cut chips and embed them: a number changed there is another recipe."""
    package = Path(__file__).parents[1]
    files = sorted(file for part in ("detect", "align", "embed") for file in (package / part).glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def embed(pipe: Pipeline, images: Sequence[Path], cache: Cache | None, report: Progress) -> Embedded:
    """The most central face of each of ``images``, those that the ``cache`` knows from there.

    What is done is in the cache at once, so a run that was stopped goes on where it was. Raises UsageError when there
    is no face in any image.
    """

    def work(group: list[Image]) -> list[tuple[str, Central | None]]:
        known = {} if cache is None else cache.find([image.sha256 for image in group])
        new = {image.sha256: image for image in group if image.sha256 not in known}
        if new:
            outcomes = pipe.faces_each(list(new.values()))
            made = {key: _central(outcome.unwrap()) for key, outcome in zip(new, outcomes, strict=True)}
            if cache is not None:
                cache.add(made)
            known |= made
        return [(image.sha256, known[image.sha256]) for image in group]

    faces: list[Central | None] = []
    hashes: list[str] = []
    errors: dict[int, FacepipeError] = {}
    for number, outcome in enumerate(each(images, work)):
        report("looking for faces", number, len(images))
        if isinstance(outcome, Failed):
            errors[number] = outcome.error
        mark, face = ("", None) if isinstance(outcome, Failed) else outcome.value
        faces.append(face)
        hashes.append(mark)
    found = [face for face in faces if face is not None]
    if not found:
        raise UsageError(f"{len(images)} images: {_why(errors, len(images))}; expected photos of people")
    there = np.array([face is not None for face in faces])
    return Embedded(
        np.where(there, np.cumsum(there) - 1, -1),
        np.stack([face.vector for face in found]),
        np.stack([face.landmarks for face in found]),
        tuple(mark for mark, face in zip(hashes, faces, strict=True) if face is not None),
        tuple(n for n, face in enumerate(faces) if face is None and n not in errors),
        tuple(n for n, face in enumerate(faces) if face is not None and face.faces > 1),
        errors,
    )


def _why(errors: dict[int, FacepipeError], images: int) -> str:
    first = next(iter(errors.values()), None)
    if first is None:
        return "no face found in any"
    if len(errors) == images:
        return f"none can be read, the first: {first}"
    return f"no face found in any, {len(errors)} cannot be read, the first: {first}"


def _central(faces: Faces[Face]) -> Central | None:
    if not faces:
        return None
    face = central_face(faces)
    return Central(len(faces), face.detection.landmarks, face.template.vector)


def central_face(faces: Faces[Face]) -> Face:
    """The face whose box is centred nearest to the image's centre: crops are centred on whom they are of."""
    middle = np.array(faces.size) / 2
    return min(faces, key=lambda face: float(np.linalg.norm(face.detection.box.reshape(2, 2).mean(axis=0) - middle)))
