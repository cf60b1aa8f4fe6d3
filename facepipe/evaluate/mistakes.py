"""The pairs that the network gets most wrong, as pictures: often it is a label that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from facepipe.align.cut import cut_chip
from facepipe.errors import FaceError, ImageError
from facepipe.evaluate.measures.comparisons import Comparisons
from facepipe.evaluate.result import Mistake
from facepipe.image import read_image
from facepipe.pipeline import Pipeline
from facepipe.records import Floats, Pixels

SHOWN = 12


def most_alike(
    pipe: Pipeline, comparisons: Comparisons, images: Sequence[Path], landmarks: Floats
) -> tuple[Mistake, ...]:
    """The pairs of two people that are most alike, each image once."""
    pairs = zip(comparisons.kept, comparisons.kept_pairs.tolist(), strict=True)
    return tuple(_cut(pipe, pairs, images, landmarks))


def least_alike(
    pipe: Pipeline, comparisons: Comparisons, images: Sequence[Path], landmarks: Floats
) -> tuple[Mistake, ...]:
    """The pairs of one person that are least alike, each image once."""
    pairs = zip(comparisons.genuine, comparisons.genuine_pairs.tolist(), strict=True)
    return tuple(_cut(pipe, pairs, images, landmarks))


def _cut(
    pipe: Pipeline, pairs: Iterable[tuple[float, list[int]]], images: Sequence[Path], landmarks: Floats
) -> list[Mistake]:
    found: list[Mistake] = []
    seen: set[int] = set()
    for score, pair in pairs:
        if len(found) == SHOWN:
            break
        if seen.isdisjoint(pair):
            seen.update(pair)
            try:
                faces = np.stack([_face(pipe, images[n], landmarks[n]) for n in pair])
            except (ImageError, FaceError):  # it was there when it was embedded
                continue
            found.append(Mistake(float(score), str(images[pair[0]]), str(images[pair[1]]), faces))
    return found


def _face(pipe: Pipeline, path: Path, landmarks: Floats) -> Pixels:
    return cut_chip(read_image(path), landmarks, pipe.backbone.card.chip).pixels
