"""The labelled faces of an evaluation or a calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facepipe.errors import FacepipeError
from facepipe.evaluate.cache import Cache
from facepipe.evaluate.embedded import Embedded, embed, recipe
from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.evaluate.result import Failure
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress
from facepipe.records import Floats


@dataclass(frozen=True, eq=False)
class LabelledFaces:
    """F faces of N images: ``number`` (N,) of each image's face, -1 where it has none; of each face its ``image``,
    ``vectors`` (F, D), ``landmarks`` (F, 5, 2) image px, and ``people`` (F,): numbers from 0, each there is used, of
    those who are ``called`` so."""

    images: tuple[Path, ...]
    embedded: Embedded
    image: tuple[Path, ...]
    people: Ints
    called: tuple[str, ...]
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
        """Of each face's person."""
        return [self.called[number] for number in self.people]

    def failures(self, rows: dict[int, int]) -> tuple[Failure, ...]:
        """``rows``: of the list, by the number of an image."""
        return tuple(Failure(str(self.images[n]), rows.get(n), str(e)) for n, e in self.embedded.errors.items())


@contextmanager
def remembering(pipe: Pipeline, cached: bool) -> Iterator[Cache | None]:
    """What is kept of what ``pipe`` finds; None where nothing is ``cached``. What is refused in the end keeps nothing
    that was not there before; what is stopped goes on from there. Raises WriteFailed."""
    if not cached:
        yield None
        return
    with Cache(recipe(pipe)) as cache:
        try:
            yield cache
        except FacepipeError:
            cache.forget()
            raise


def find_faces(
    pipe: Pipeline, images: Sequence[Path], people: Sequence[str], cache: Cache | None, report: Progress
) -> LabelledFaces:
    """Find and embed; ``people`` (N,) names each image's person. Raises UsageError when no image has a face."""
    found, kept = embed_cached(pipe, images, cache, report)
    there = np.flatnonzero(found.place >= 0)
    called, numbers = np.unique([people[n] for n in there.tolist()], return_inverse=True)
    shown = tuple(images[n] for n in there.tolist())
    return LabelledFaces(tuple(images), found, shown, numbers.astype(np.int64), tuple(called.tolist()), kept)


def embed_cached(
    pipe: Pipeline, images: Sequence[Path], cache: Cache | None, report: Progress
) -> tuple[Embedded, Path | None]:
    """As ``embed``; and the file that new embeddings are kept in."""
    found = embed(pipe, images, cache, report)
    return found, cache.path if cache is not None and cache.stored else None
