"""Answers: who a face is, whether two faces are one person's, what a layer saw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facepipe import words
from facepipe.records.arrays import Floats, cosine, expect, share
from facepipe.records.faces import Detection
from facepipe.records.people import Candidate
from facepipe.records.record import BaseRecord
from facepipe.scoring.decide import decide, reaches


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Identification(BaseRecord):
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

    def to_dict(self) -> dict[str, Any]:
        candidates = [candidate.to_dict() for candidate in self.candidates]
        about = {"name": self.name, "threshold": cosine(self.threshold), "candidates": candidates}
        return self.detection.to_dict() | about

    def __str__(self) -> str:
        who, where, best = words.who(self.name, self.guess), words.place(self.detection.box), self.guess
        score = "" if best is None or best.probability is not None else words.against(best.score, self.threshold) + ", "
        return f"{words.printable(who)}, {score}{where}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Verification(BaseRecord):
    """1:1: the cosine ``score`` of two faces, ``a`` and ``b`` as found in their images, and the ``threshold``.

    ``sources``: what the two images are called, where that is known.
    ``probability`` that they are one person, where that was measured, if before looking it was as likely as not.
    """

    score: float
    threshold: float
    a: Detection
    b: Detection
    probability: float | None = None
    sources: tuple[str | None, str | None] = (None, None)

    @property
    def match(self) -> bool:
        return reaches(self.score, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        a, b = ({"source": s} | face.to_dict() for s, face in zip(self.sources, (self.a, self.b), strict=True))
        about = {"score": cosine(self.score), "threshold": cosine(self.threshold), "match": self.match}
        return {"a": a, "b": b, **about, "probability": share(self.probability)}

    def __str__(self) -> str:
        return words.match(self.match, self.score, self.threshold, self.probability)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Activation(BaseRecord):
    """What one layer put out for one chip: ``values`` (C, H, W) float32; a vector of n numbers is (n, 1, 1)."""

    layer: str
    values: Floats

    def __post_init__(self) -> None:
        expect("Activation.values", self.values, (None, None, None), np.float32)

    def to_dict(self) -> dict[str, Any]:
        return {"layer": self.layer, "shape": list(self.values.shape)}

    def __str__(self) -> str:
        return f"{self.layer}, {'×'.join(map(str, self.values.shape))}"
