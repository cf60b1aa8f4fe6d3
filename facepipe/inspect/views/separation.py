"""How well scores tell pairs of one person from pairs of two: AUC and EER, with intervals over people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, roc_curve

from facepipe.inspect.views.features import Doubles

DRAWS = 400
PAIRS = 10_000  # of two people, at most: the intervals depend on the people, more pairs would not narrow them

Pairs = npt.NDArray[np.int64]  # (P, 2) numbers of chips


@dataclass(frozen=True)
class Interval:
    """A measured ``value`` and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True)
class Separation:
    """``auc``: how often a pair of one person scores above a pair of two; ``eer``: the error rate at the threshold at
    which as many pairs of one person fail as pairs of two pass (ISO/IEC 19795-1). 0.5 is chance for both."""

    auc: Interval
    eer: Interval


def all_pairs(people: Sequence[str], seed: int = 0) -> Pairs:
    """All pairs of chips of one person and of two, of the latter at most PAIRS, drawn by ``seed``; (P, 2)."""
    names = np.asarray(people)
    pairs = np.stack(np.triu_indices(len(names), 1), axis=1)
    same = names[pairs[:, 0]] == names[pairs[:, 1]]
    different = np.flatnonzero(~same)
    if len(different) > PAIRS:
        different = np.sort(np.random.default_rng(seed).choice(different, PAIRS, replace=False))
    return pairs[np.concatenate([np.flatnonzero(same), different])]


def split_people(people: Sequence[str], seed: int = 0) -> tuple[list[int], list[int]]:
    """The chips (numbers) to fit on and those to judge, of different people: half of the people with several chips
    each, drawn by ``seed``; who has one chip only is fitted on. ``people`` names each chip's person."""
    several = sorted({name for name in people if people.count(name) > 1})
    chosen = np.random.default_rng(seed).permutation(len(several))[: (len(several) + 1) // 2]
    judged = {several[i] for i in chosen}
    found: tuple[list[int], list[int]] = [], []
    for number, name in enumerate(people):
        found[name in judged].append(number)
    return found


class Judge:
    """Measures scores of one list of ``pairs`` again and again, by the same draws of people, so that measures compare.

    The bootstrap draws people, not pairs, since pairs that share a person are not independent: a person drawn n times
    has their pairs counted n times, a pair of people drawn n and m times n · m times (Owen 2007, "The pigeonhole
    bootstrap", Annals of Applied Statistics 1). ``people`` names each chip's person. Raises ValueError
    unless there are pairs of one person and pairs of two.
    """

    def __init__(self, people: Sequence[str], pairs: Pairs, draws: int = DRAWS, seed: int = 0) -> None:
        _, persons = np.unique(np.asarray(people), return_inverse=True)
        a, b = persons[pairs[:, 0]], persons[pairs[:, 1]]
        self.same = a == b
        if self.same.all() or not self.same.any():
            raise ValueError(
                f"{self.same.sum()} pairs of one person, {(~self.same).sum()} of two: expected some of each"
            )
        present = np.unique([a, b])
        self.people = len(present)
        rng = np.random.default_rng(seed)
        drawn = np.zeros((draws, persons.max() + 1))
        drawn[:, present] = rng.multinomial(self.people, np.full(self.people, 1 / self.people), size=draws)
        self._weights = drawn[:, a] * np.where(self.same, 1.0, drawn[:, b])

    def judge(self, scores: Doubles) -> Separation:
        """AUC and EER of ``scores`` (P,), the higher the more alike."""
        aucs, eers = _curves(scores, self.same, self._weights)
        return Separation(
            _rate(float(roc_auc_score(self.same, scores)), aucs), _rate(equal_error(self.same, scores), eers)
        )


def equal_error(same: npt.NDArray[np.bool_], scores: Doubles) -> float:
    """The equal error rate, on the straight lines between the ROC's points."""
    fmr, tmr, _ = roc_curve(same, scores, drop_intermediate=False)
    return float(_crossing(fmr[None], 1 - tmr[None])[0])


def _crossing(fmr: Doubles, fnmr: Doubles) -> Doubles:
    """Where ``fmr`` (B, T), rising, meets ``fnmr``, falling, along each row; (B,)."""
    after = np.argmax(fmr >= fnmr, axis=1)
    rows, before = np.arange(len(fmr)), np.maximum(after - 1, 0)
    gap, next_gap = (fnmr - fmr)[rows, before], (fmr - fnmr)[rows, after]
    share = gap / np.where(gap + next_gap > 0, gap + next_gap, 1)
    return np.asarray(fmr[rows, before] + share * (fmr[rows, after] - fmr[rows, before]))


def _curves(scores: Doubles, same: npt.NDArray[np.bool_], weights: Doubles) -> tuple[Doubles, Doubles]:
    """AUC and EER for each row of ``weights`` (B, P); NaN where a row has no pair of one kind."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of equal scores the last: one threshold
    rates = []
    for kind in (~same, same):
        passed = np.cumsum(weights[:, order] * kind[order], axis=1)[:, last]
        with np.errstate(invalid="ignore"):
            rates.append(np.pad(passed / passed[:, -1:], ((0, 0), (1, 0))))
    fmr, tmr = rates
    aucs = (np.diff(fmr, axis=1) * (tmr[:, 1:] + tmr[:, :-1]) / 2).sum(axis=1)
    return aucs, np.where(np.isnan(aucs), np.nan, _crossing(fmr, 1 - tmr))


def _rate(value: float, draws: Doubles) -> Interval:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(value, float(low), float(high))
