"""How often a stranger gets a name in a gallery of so many people, as its own people say: each of them is a stranger to
all the others.

Their best scores tell how often strangers come near. How fast such scores thin out is better known from many pairs
(``Curve``): it goes on from the highest of them, so that few people say something of rare errors too. Between one
person and N: a stranger to all of them gets no name with a probability of (1 − FMR) ** N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from facepipe.scoring.evidence import Doubles, Floats
from facepipe.scoring.tail import RAREST, Curve

TWICE = 0.02  # before looking: the share of people who are enrolled under a second name (scripts/measure_doctor.py)
FEWEST = 50  # people: fewer say less than what is known of others
# Chosen on lfw-dev (scripts/measure_fpir.py), fold 0, when both folds had been seen
NEAREST = 20  # best scores at least, by which it is judged how often strangers come near
PRIOR = 2.0  # as much as so many of them the curve itself counts
TOGETHER = 2  # of them count as one: where somebody is near to another, that one is near to them
SEEN = 10  # so many must be above a threshold that rests on nothing else


@dataclass(frozen=True, slots=True)
class Chance:
    """That a stranger gets a name: ``value``, between ``low`` and ``high`` with 95 % confidence (None: not known)."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class OwnStrangers:
    """``scores`` (P,), descending: the best of each probe, a reference of somebody enrolled, with anybody else of
    ``people`` in all. ``weights`` (P,): how many people each stands for; they sum to those who were probes. ``alike``:
    pairs of people who are likely one under two names, and were not compared."""

    people: int
    scores: Floats
    weights: Doubles
    alike: tuple[tuple[str, str], ...] = ()

    def chance(self, score: float, curve: Curve | None) -> Chance:
        """That a stranger reaches ``score`` with anybody."""
        near = float(self.weights[self.scores >= score].sum())
        if curve is None:
            by = _between(near)
            return Chance(near / self.asked, by[0] * near / self.asked, min(by[1] * max(near, 1) / self.asked, 1.0))
        anchor, count = self._nearest(max(near, NEAREST))
        expected = self._times(anchor, count, curve) * self.people * _hazard(curve.rate(score))
        low, high = _between(PRIOR + count)
        ends = _wider(curve, curve.rate(anchor), curve.rate(score))
        if ends is None:
            return Chance(-math.expm1(-expected))
        return Chance(*(-math.expm1(-expected * by) for by in (1.0, low * ends[0], high * ends[1])))

    def threshold(self, fpir: float, curve: Curve | None) -> float | None:
        """The least score that only a share ``fpir`` of strangers reaches; None where that cannot be said."""
        if curve is None:
            wanted = fpir * self.asked
            return self._nearest(wanted)[0] if wanted >= SEEN else None
        anchor, count = self._nearest(max(fpir * self.asked, NEAREST))
        each = -math.log1p(-fpir) / (self.people * self._times(anchor, count, curve))
        return curve.score(max(-math.expm1(-each), RAREST))

    @property
    def asked(self) -> float:
        """How many people were probes."""
        return float(self.weights.sum())

    def _nearest(self, wanted: float) -> tuple[float, float]:
        """A score that about ``wanted`` of the probes reach, and how many do."""
        counts = np.cumsum(self.weights)
        last = min(int(np.searchsorted(counts, wanted - 1e-9)), len(counts) - 2)
        return float(self.scores[last : last + 2].mean()), float(counts[last])

    def _times(self, anchor: float, count: float, curve: Curve) -> float:
        """How many times as often as the curve says it strangers reach ``anchor``, as ``count`` probes do."""
        seen = self.asked * _hazard(count / self.asked)
        expected = self.asked * (self.people - 1) * _hazard(curve.rate(anchor))
        return (PRIOR + seen) / (PRIOR + expected)


def chance_by_curve(score: float, people: int, curve: Curve) -> Chance:
    """That a stranger reaches ``score`` with anybody of ``people``, as far as is known of others."""
    rate = curve.rate(score)
    ends = curve.between(rate) or (None, None)
    return Chance(*(None if end is None else _any_of(end, people) for end in (rate, *ends)))  # type: ignore[arg-type]


def threshold_by_curve(fpir: float, people: int, curve: Curve) -> float:
    """The least score that only a share ``fpir`` of strangers reaches with anybody of ``people``."""
    return curve.score(max(-math.expm1(math.log1p(-fpir) / max(people, 1)), RAREST))


def _any_of(rate: float, people: int) -> float:
    return -math.expm1(-people * _hazard(rate))


def _hazard(rate: float) -> float:
    return -math.log1p(-min(rate, 1 - 1e-9))


def _between(count: float) -> tuple[float, float]:
    """By how much the rate of something that was seen ``count`` times may be off (95 %)."""
    from scipy.special import gammaincinv

    events = max(count / TOGETHER, 0.5)
    return float(gammaincinv(events, 0.025) / events), float(gammaincinv(events, 0.975) / events)


def _wider(curve: Curve, near: float, far: float) -> tuple[float, float] | None:
    """What going on from a rate ``near`` that was seen to one ``far`` beyond adds to that; None: nobody knows."""
    if far >= near:
        return 1.0, 1.0
    at_near, at_far = curve.between(near), curve.between(far)
    if at_near is None or at_far is None:
        return None
    low, high = (end / far / (start / near) for start, end in zip(at_near, at_far, strict=True))
    return min(low, 1.0), max(high, 1.0)
