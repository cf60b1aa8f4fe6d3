"""Scores corrected by a cohort: the other people of an evaluation, or strangers of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.machine.lazy import cached_property
from facepipe.records import Floats
from facepipe.scoring.cohort import Cohort, Near

SIDE = 1024  # images a side of a block


@dataclass(frozen=True, eq=False)
class Corrected:
    """The cosine of ``vectors`` (N, D) as ``cohort`` corrects it; ``people`` (N) says whose each is, so that nobody is
    among the strangers of their own comparison."""

    vectors: Floats
    people: Sequence[str]
    cohort: Cohort

    def block(self, start: int, stop: int) -> Floats:
        """As ``comparisons.Scorer.block``."""
        rows = np.arange(start, stop)
        parts = [self._scores(rows, np.arange(at, min(at + SIDE, self._end))) for at in range(start, self._end, SIDE)]
        return np.concatenate(parts, axis=1)

    def pairs(self, a: Ints, b: Ints) -> Floats:
        """As ``comparisons.Scorer.pairs``. Of blocks of images that hold a pair, only the pairs' scores are kept."""
        scores = np.empty(len(a), np.float32)
        blocks = a // SIDE * (self._end // SIDE + 1) + b // SIDE
        for block in np.unique(blocks):
            these = np.flatnonzero(blocks == block)
            rows, row = np.unique(a[these], return_inverse=True)
            columns, column = np.unique(b[these], return_inverse=True)
            scores[these] = self._scores(rows, columns)[row, column]
        return scores

    @property
    def _end(self) -> int:
        return len(self.vectors)

    @cached_property
    def _near(self) -> Near:
        """Of every image, found once; in blocks, as each comes with its cosine to the whole cohort."""
        starts = range(0, self._end, SIDE)
        parts = [self.cohort.near(self.vectors[at : at + SIDE], self.people[at : at + SIDE]) for at in starts]
        sides = ([getattr(part, side) for part in parts] for side in ("cosines", "codes", "own"))
        return Near(*map(np.concatenate, sides))

    def _scores(self, rows: Ints, columns: Ints) -> Floats:
        cosines = np.clip(self.vectors[rows] @ self.vectors[columns].T, -1, 1)
        return self.cohort.correct_near(cosines, self._near[rows], self._near[columns])
