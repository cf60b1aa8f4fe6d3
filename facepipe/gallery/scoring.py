"""From the nearest references to ranked people: references fused, scores corrected, with the odds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facepipe.gallery import calibrated
from facepipe.gallery.live_index import LiveIndex
from facepipe.gallery.store import Record
from facepipe.records import Candidate, Floats
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.cohort import Cohort
from facepipe.scoring.evidence import ByReferences, shares

BLOCK = 256  # probes ranked at a time, each block scored against everybody who was found for any of it
MORE = 5  # people looked at beyond those asked for: fusing and correcting may bring them up


class Scoring:
    """How a gallery scores: by its ``calibration`` and ``cohort``, as of the record's last state that was looked at."""

    def __init__(self, calibration: Calibration | None = None, cohort: Cohort | None = None) -> None:
        self.state: int | None = None
        self.calibration, self.cohort = calibration, cohort

    def follow(self, record: Record) -> None:
        """Take in what the record has. Call inside ``record.reading()``."""
        if record.state != self.state:
            self.calibration, self.cohort = calibrated.read(record)
            self.state = record.state

    def rank(
        self, index: LiveIndex, probes: Floats, top: int, evidence: ByReferences | None, who: Sequence[str] = ()
    ) -> list[tuple[Candidate, ...]]:
        """The ``top`` best people for each of ``probes`` (N, D), best first; ``evidence`` says what a score means,
        ``who`` (N,) whose the probes are, where that is known."""
        blocks = [slice(start, start + BLOCK) for start in range(0, len(probes), BLOCK)]
        return [row for block in blocks for row in self._rank(index, probes[block], top, evidence, who[block])]

    def _rank(
        self, index: LiveIndex, probes: Floats, top: int, evidence: ByReferences | None, who: Sequence[str]
    ) -> list[tuple[Candidate, ...]]:
        found = index.nearest(probes, top + MORE)
        if not found.size:
            return [()] * len(probes)
        references, column = np.unique(found, return_inverse=True)
        fused, counts = index.fused(references)
        scores = np.clip(probes @ fused.T, -1, 1)
        if self.cohort is not None:
            whose = [index.named(reference)[0] for reference in references.tolist()]
            scores = self.cohort.correct(scores, probes, fused, whose, who)
        scores = np.take_along_axis(scores, column.reshape(found.shape), axis=1)
        odds = (
            None
            if evidence is None
            else shares(evidence.log_ratio(scores, counts[column].reshape(found.shape)), index.people)
        )
        order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
        columns = [found, scores] if odds is None else [found, scores, odds]
        sorted_ = [np.take_along_axis(values, order, axis=1).tolist() for values in columns]
        return [
            tuple(_candidate(index, rank, *each) for rank, each in enumerate(zip(*row, strict=True), 1))
            for row in zip(*sorted_, strict=True)
        ]


def _candidate(index: LiveIndex, rank: int, position: int, score: float, odds: float | None = None) -> Candidate:
    person, reference = index.named(position)
    return Candidate(person, score, rank, reference, odds)
