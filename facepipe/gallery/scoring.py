"""From the nearest references to ranked people: references fused, scores corrected, with the odds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facepipe.decision.calibration import Calibration
from facepipe.decision.cohort import Cohort
from facepipe.decision.evidence import Evidence, shares
from facepipe.gallery import calibrated
from facepipe.gallery.live_index import LiveIndex
from facepipe.gallery.store import Record
from facepipe.records import Candidate, Floats

MORE = 5  # people looked at beyond those asked for: fusing and correcting may bring them up


class Scoring:
    """How this gallery scores: its ``calibration`` and ``cohort``, as of the record's last state that was looked at."""

    def __init__(self) -> None:
        self._state: int | None = None
        self.calibration: Calibration | None = None
        self.cohort: Cohort | None = None

    def follow(self, record: Record) -> None:
        """Take in what the record has. Call inside ``record.reading()``."""
        if record.state != self._state:
            self.calibration, self.cohort = calibrated.read(record)
            self._state = record.state

    def rank(
        self, index: LiveIndex, probes: Floats, top: int, evidence: Evidence | None, cohort: Cohort | None
    ) -> list[tuple[Candidate, ...]]:
        """The ``top`` best people for each of ``probes`` (N, D), best first; ``evidence`` says what a score means."""
        found = index.search(probes, top + MORE)
        references = sorted({candidate.reference_id for row in found for candidate in row})
        if not references:
            return found
        place = {reference: number for number, reference in enumerate(references)}
        people = {candidate.reference_id: candidate.person for row in found for candidate in row}
        fused = index.fused(references)
        scores = np.clip(probes @ fused.T, -1, 1)
        if cohort is not None:
            scores = cohort.correct(scores, probes, fused, [people[reference] for reference in references])
        return [
            _ranked(row, line[[place[candidate.reference_id] for candidate in row]], top, evidence, index.people)
            for row, line in zip(found, scores, strict=True)
        ]


def _ranked(
    row: tuple[Candidate, ...], scores: Floats, top: int, evidence: Evidence | None, people: int
) -> tuple[Candidate, ...]:
    order = np.argsort(-scores, kind="stable")
    odds = [None] * len(row) if evidence is None else shares(evidence.log_ratio(scores), people).tolist()
    return tuple(
        replace(row[at], score=float(scores[at]), rank=rank, probability=odds[at])
        for rank, at in enumerate(order[:top].tolist(), 1)
    )
