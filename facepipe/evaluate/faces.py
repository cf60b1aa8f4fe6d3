"""The labelled faces of an evaluation, and the cohort they are seen against."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facepipe.decision.cohort import FEWEST, Cohort
from facepipe.errors import UsageError
from facepipe.evaluate.bootstrap import Ints
from facepipe.evaluate.cache import Cache
from facepipe.evaluate.embedded import Embedded, Progress, embed, recipe
from facepipe.evaluate.result import Failure
from facepipe.pipeline import Pipeline
from facepipe.records import Floats
from facepipe.sources import image_files

OTHERS, NONE = "others", "none"


@dataclass(frozen=True, eq=False)
class Faces:
    """F faces of N images: ``number`` (N,) of each image's face, -1 where it has none; of each face its ``image``,
    ``vectors`` (F, D), ``landmarks`` (F, 5, 2) image px, and ``people`` (F,): numbers from 0, each there is used."""

    images: tuple[Path, ...]
    embedded: Embedded
    image: tuple[Path, ...]
    people: Ints
    kept: Path | None

    @property
    def number(self) -> Ints:
        return self.embedded.place

    @property
    def vectors(self) -> Floats:
        return self.embedded.vectors

    @property
    def landmarks(self) -> Floats:
        return self.embedded.landmarks

    @property
    def names(self) -> list[str]:
        """A name for each face's person, unlike any name of a cohort's."""
        return [f"person {number}" for number in self.people]

    def failures(self, rows: dict[int, int]) -> tuple[Failure, ...]:
        """``rows``: of the list, by the number of an image."""
        return tuple(Failure(str(self.images[n]), rows.get(n), str(e)) for n, e in self.embedded.errors.items())


def find_faces(pipe: Pipeline, images: Sequence[Path], people: Ints, cached: bool, report: Progress) -> Faces:
    """Find and embed; ``people`` (N,) numbers each image's person. Raises UsageError when no image has a face."""
    with Cache(recipe(pipe)) if cached else nullcontext() as cache:
        found = embed(pipe, images, cache, report)
        kept = cache.path if cache is not None and cache.stored else None
    there = np.flatnonzero(found.place >= 0)
    numbers = np.unique(people[there], return_inverse=True)[1].astype(np.int64)
    return Faces(tuple(images), found, tuple(images[n] for n in there.tolist()), numbers, kept)


def choose_cohort(
    pipe: Pipeline, faces: Faces, wanted: str | Path | None, named: bool, cached: bool, report: Progress
) -> tuple[Cohort | None, str]:
    """The cohort and what it is, in words. ``wanted``: "others", "none", a folder, or None: the others if it can be.

    ``named``: everybody's person is known, so nobody is taken for a stranger to themselves. Raises UsageError.
    """
    count = int(faces.people.max()) + 1
    if wanted == NONE:
        return None, NONE
    if wanted is None or wanted == OTHERS:
        if named and count >= FEWEST:
            return Cohort(faces.vectors, faces.names), OTHERS
        why = f"{count} people; expected {FEWEST} or more" if named else "expected columns person_a and person_b"
        if wanted == OTHERS:
            raise UsageError(f"cohort others: {why}, or take a folder of strangers, or none")
        return None, NONE
    vectors, people = find_strangers(pipe, Path(wanted), cached, report)
    try:
        return Cohort(vectors, people), os.fspath(wanted)
    except ValueError as error:
        raise UsageError(f"{wanted}: {error}, with a face in each picture") from None


def find_strangers(pipe: Pipeline, folder: Path, cached: bool, report: Progress) -> tuple[Floats, list[str]]:
    """The faces of the pictures in ``folder``: vectors (C, D), and whose they are. Raises UsageError without any."""
    images, names = _strangers(folder)
    with Cache(recipe(pipe)) if cached else nullcontext() as cache:
        strangers = embed(pipe, images, cache, report)
    return strangers.vectors, [names[n] for n in np.flatnonzero(strangers.place >= 0)]


def _strangers(folder: Path) -> tuple[list[Path], list[str]]:
    """The pictures of a folder and whose they are: those of a sub-folder one person's, any other its own person's."""
    if not folder.is_dir():
        raise UsageError(f"cohort {folder}: no such folder; expected others, none, or a folder of strangers' pictures")
    pictures = [Path(path) for path in image_files([folder])]
    own = [path.relative_to(folder) for path in pictures]
    return pictures, [str(path.parts[0] if len(path.parts) > 1 else path) for path in own]
