"""How a face is found: what each network of a detector let through, and what the detector that found it proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facepipe.records import Floats, Image

ON = 0.3  # intersection over union from which a box lies on the face


@dataclass(frozen=True, eq=False)
class OtherFinder:
    """The detector ``name`` that found the face in one step: the ``sizes`` (height, width), px, at which it looked at
    the photo, and the ``boxes`` (N, 4) image px that it proposed; None where it does not tell."""

    name: str
    sizes: tuple[tuple[int, int], ...] = ()
    boxes: Floats | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """How the detector ``name`` searches ``photo``: ``stages`` are its networks' names for what they let through and
    the boxes (N, 4) image px; ``kept`` says of each whether one of these lies on the ``face`` (4,).

    ``finder``: what found the face, where that is another detector.
    """

    name: str
    photo: Image
    face: Floats
    stages: tuple[tuple[str, Floats], ...]
    finder: OtherFinder | None = None

    @property
    def kept(self) -> tuple[bool, ...]:
        return tuple(_lies_on(boxes, self.face) for _, boxes in self.stages)


def _lies_on(boxes: Floats, face: Sequence[float] | Floats) -> bool:
    corners = np.asarray(face, np.float64)
    first, last = np.maximum(boxes[:, :2], corners[:2]), np.minimum(boxes[:, 2:], corners[2:])
    shared = (last - first).clip(0).prod(axis=1)
    own, theirs = (corners[2:] - corners[:2]).prod(), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    return bool((shared > ON * (own + theirs - shared)).any())
