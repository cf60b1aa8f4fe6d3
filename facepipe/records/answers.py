"""Answers: who a face is, whether two faces are one person's, what a layer saw."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facepipe.records.arrays import Floats, expect
from facepipe.records.faces import Detection
from facepipe.records.people import Candidate
from facepipe.scoring.decide import decide, reaches


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """1:N: the candidates for one face, best first, and the threshold that decides. ``name`` is None for *unknown*."""

    detection: Detection
    candidates: tuple[Candidate, ...]
    threshold: float

    def enlarged(self, times: int) -> Identification:
        """As ``Detection.enlarged``."""
        return self if times == 1 else replace(self, detection=self.detection.enlarged(times))

    @property
    def name(self) -> str | None:
        return decide(self.candidates, self.threshold)

    @property
    def guess(self) -> Candidate | None:
        """The best candidate, also of somebody unknown; None where nobody is enrolled."""
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """1:1: the cosine ``score`` of two faces, ``a`` and ``b`` as found in their images, and the ``threshold``.

    ``probability`` that they are one person, where that was measured, if before looking it was as likely as not.
    """

    score: float
    threshold: float
    a: Detection
    b: Detection
    probability: float | None = None

    @property
    def match(self) -> bool:
        return reaches(self.score, self.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """What one layer put out for one chip: ``values`` (C, H, W) float32; a vector of n numbers is (n, 1, 1)."""

    layer: str
    values: Floats

    def __post_init__(self) -> None:
        expect("Activation.values", self.values, (None, None, None), np.float32)
