"""Several references of one person as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facepipe.records import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Fused:
    """The mean of a person's reference vectors, as a ``direction`` (D,) of norm 1 and its ``length``, 0 to 1: short
    when the references differ."""

    direction: Floats
    length: float

    @property
    def scaled(self) -> Floats:
        """The vector (D,) whose inner product with a probe is the score.

        Score = cosine to the mean × √length = √(mean of the cosines × cosine to the mean). The cosine to the mean
        rises with every reference, of strangers too; the mean of the cosines falls back to that of a poor reference. In
        between, strangers reach a threshold as often with eight references as with one (docs/evaluate.md), so that the
        rates measured on pairs hold for people.
        """
        return np.asarray(self.direction * np.float32(np.sqrt(self.length)), np.float32)


def fuse(vectors: Floats) -> Fused:
    """``vectors`` (R, D) of norm 1 → their fusion. Vectors that cancel each other out are left as the first."""
    mean = vectors.mean(axis=0, dtype=np.float32)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        return Fused(vectors[0], 0.0)
    return Fused(np.asarray(mean / np.float32(length), np.float32), min(length, 1.0))
