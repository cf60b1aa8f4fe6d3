"""How sure one can be that two faces are of one person, in a gallery of so many people."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from facepipe.defaults import FMR
from facepipe.doctor.enrolled import Enrolled, Ints
from facepipe.errors import UsageError
from facepipe.gallery import Gallery
from facepipe.networks.cards import Card
from facepipe.records import Floats
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.cohort import FEWEST, Cohort
from facepipe.scoring.evidence import Evidence
from facepipe.scoring.strangers import TWICE

COHORT = 2000  # people at most, one reference of each
SAMPLE = 2000  # references that the gallery's own evidence is taken from

# Before looking. Chosen on lfw-dev, fold 0 (scripts/measure_doctor.py)
WRONG = 0.01  # share of references that are under another enrolled person's name
LAPSE = 0.005  # at most: the share of a person's photos that show nothing; wrong labels, which are looked for, raise it


@dataclass(frozen=True, eq=False)
class Odds:
    """``evidence`` says what a score means; ``threshold``: the least that counts as the same person, None where none
    was measured; ``cohort``: people whom scores are corrected for, None in a small gallery. ``source`` of the evidence:
    "given", "calibration", "card" or "gallery"."""

    evidence: Evidence
    threshold: float | None
    cohort: Cohort | None
    people: int
    source: str

    def log_ratio(self, scores: Floats | float) -> Floats:
        return np.asarray(self.evidence.log_ratio(scores), np.float32)

    def line(self, scores: Floats | float) -> Floats:
        """As ``log_ratio``, but as low as can be: not held up by the share of photos that show nothing."""
        return np.asarray(self.evidence.slope * np.asarray(scores) + self.evidence.offset, np.float32)

    def corrected(self, score: float, a: Floats, b: Floats, whose_a: str, whose_b: str) -> float:
        """``score`` of the vectors ``a`` and ``b`` (D,), corrected for the cohort where there is one."""
        if self.cohort is None:
            return score
        table = np.array([[score]], np.float32)
        return float(self.cohort.correct(table, a[None], b[None], [whose_b], [whose_a])[0, 0])

    def wrong(self, other: float, own: float) -> float:
        """The probability that a reference is the other person's, by its likeness to them and to its own."""
        return _sure(float(self.log_ratio(other) - self.log_ratio(own)) + self._one_of_all(WRONG))

    def twice(self, score: float) -> float:
        """The probability that two people are one."""
        return _sure(float(self.log_ratio(score)) + self._one_of_all(TWICE))

    def _one_of_all(self, share: float) -> float:
        """ln of the odds, before looking, that something holds of one of all the others."""
        return math.log(share / (1 - share) / max(self.people - 1, 1))


def _sure(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -700), 700)))


def find_odds(gallery: Gallery, enrolled: Enrolled, card: Card | None, evidence: Evidence | None) -> Odds | None:
    """By the evidence ``given``, else the gallery's calibration, else the card's, else what the gallery itself shows.

    None where nothing says what a score means.
    """
    calibration = gallery.calibration
    choices = {
        "given": evidence,
        "calibration": None if calibration is None else calibration.evidence.single,
        "card": None if card is None or card.evidence is None else card.evidence.single,
    }
    source, chosen = next(((name, found) for name, found in choices.items() if found is not None), ("gallery", None))
    chosen = chosen or _own_evidence(enrolled)
    if chosen is None:
        return None
    people = len(enrolled.people)
    pairs = people * (people - 1) / 2  # with so many the upper end is known further out
    chosen = replace(chosen, lapse=min(chosen.lapse, LAPSE), most=max(chosen.most, math.log(max(pairs, 1))))
    return Odds(chosen, _threshold(calibration, card), _cohort(enrolled), people, source)


def _threshold(calibration: Calibration | None, card: Card | None) -> float | None:
    """As ``Pipeline.threshold``; None where the usual rate was not measured."""
    table = {} if card is None else card.thresholds
    with suppress(UsageError):
        if calibration is not None:
            return calibration.threshold(FMR, card=table)
        return None if card is None else card.threshold(FMR)
    return None


def _own_evidence(enrolled: Enrolled) -> Evidence | None:
    """From the references of people who have several."""
    rows = np.flatnonzero(enrolled.counts[enrolled.owners] > 1)[:SAMPLE]
    if len(rows) < 2:
        return None
    a, b = np.triu_indices(len(rows), 1)
    scores = (enrolled.vectors[rows] @ enrolled.vectors[rows].T)[a, b]
    same = enrolled.owners[rows][a] == enrolled.owners[rows][b]
    try:
        return Evidence.fit(scores[same], scores[~same])
    except ValueError:  # too few, or everything is upside down
        return None


def _cohort(enrolled: Enrolled) -> Cohort | None:
    people = len(enrolled.people)
    if people < FEWEST:
        return None
    some: Ints = np.linspace(0, people - 1, min(people, COHORT)).astype(np.int64)
    return Cohort(enrolled.vectors[enrolled.starts[some]], [enrolled.people[person] for person in some.tolist()])
