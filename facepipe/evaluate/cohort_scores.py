"""Scores corrected by a cohort: the other people of an evaluation, or strangers of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facepipe.decision.cohort import Cohort
from facepipe.evaluate.bootstrap import Ints
from facepipe.records import Floats

SIDE = 1024  # images a side of a block: with each comes its cosine to the whole cohort


@dataclass(frozen=True, eq=False)
class Corrected:
    """The cosine of ``vectors`` (N, D) as ``cohort`` corrects it; ``people`` (N) says whose each is, so that nobody is
    among the strangers of their own comparison."""

    vectors: Floats
    people: Sequence[str]
    cohort: Cohort

    def block(self, start: int, stop: int) -> Floats:
        """As ``comparisons.Scorer.block``."""
        rows = range(start, stop)
        parts = [self._scores(rows, range(at, min(at + SIDE, self._end))) for at in range(start, self._end, SIDE)]
        return np.concatenate(parts, axis=1)

    def pairs(self, a: Ints, b: Ints) -> Floats:
        """As ``comparisons.Scorer.pairs``. Of blocks of images that hold a pair, only the pairs' scores are kept."""
        scores = np.empty(len(a), np.float32)
        blocks = a // SIDE * (self._end // SIDE + 1) + b // SIDE
        for block in np.unique(blocks):
            these = np.flatnonzero(blocks == block)
            rows, row = np.unique(a[these], return_inverse=True)
            columns, column = np.unique(b[these], return_inverse=True)
            scores[these] = self._scores(rows.tolist(), columns.tolist())[row, column]
        return scores

    @property
    def _end(self) -> int:
        return len(self.vectors)

    def _scores(self, rows: Sequence[int], columns: Sequence[int]) -> Floats:
        a, b = self.vectors[rows], self.vectors[columns]
        cosines = np.clip(a @ b.T, -1, 1)
        who, whose = ([self.people[n] for n in numbers] for numbers in (rows, columns))
        return self.cohort.correct(cosines, a, b, whose, who)
