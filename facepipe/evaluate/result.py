"""What an evaluation found: the record that the table, the JSON and the page are made from."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facepipe.evaluate.measures.folds import Accuracy
from facepipe.evaluate.measures.identification import IdentificationRates
from facepipe.evaluate.measures.reliability import Reliability
from facepipe.evaluate.measures.verification import VerificationRates
from facepipe.records import Pixels


@dataclass(frozen=True)
class Failure:
    """An image that could not be read, and the first ``row`` of the list that names it."""

    image: str
    row: int | None
    error: str


@dataclass(frozen=True)
class Images:
    """How many ``images`` there were, of how many ``people`` (``named``, or joined by the pairs of one person); those
    in which no face was found (failure to acquire), apart from those that could not be read; and of ``pairs`` that
    were listed, those that either cost."""

    images: int
    people: int
    named: bool
    no_face: tuple[str, ...]
    failures: tuple[Failure, ...]
    several_faces: int
    listed_pairs: int | None
    pairs_without_face: int
    pairs_failed: int


@dataclass(frozen=True, eq=False)
class Mistake:
    """A pair that the network sees wrongly, or nearly: ``score``, two images, their aligned ``faces`` (2, h, w, 3)."""

    score: float
    a: str
    b: str
    faces: Pixels


@dataclass(frozen=True)
class Measured:
    """All that one kind of score is worth: verification, accuracy by folds, honest probabilities, identification."""

    verification: VerificationRates
    accuracy: Accuracy | None
    reliability: tuple[Reliability, ...]
    identification: IdentificationRates | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """``measured``: by cosines first, then, where there is a cohort, by scores it corrected. ``alike``: the pairs of
    two people that are most alike; ``unlike``: the pairs of one person that are least alike. ``remarks``: one line
    each. ``kept``: the file that new embeddings were put into."""

    source: str
    backbone: str
    detector: str
    facepipe: str
    seed: int
    images: Images
    cohort: str
    measured: tuple[Measured, ...]
    alike: tuple[Mistake, ...]
    unlike: tuple[Mistake, ...]
    remarks: tuple[str, ...]
    kept: Path | None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON has it, without pictures."""
        return dict(_plain(self))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name != "faces"}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
