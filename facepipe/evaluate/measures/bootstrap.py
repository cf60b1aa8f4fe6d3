"""95 % intervals by drawing people again, not pairs: pairs that share a person are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepipe.errors import UsageError
from facepipe.evaluate.measures.rates import Doubles
from facepipe.records import Floats

Ints = npt.NDArray[np.int64]

DRAWS = 200


@dataclass(frozen=True)
class Estimate:
    """A measured ``value`` and its 95 % interval; None where the draws cannot tell (see ``rate``)."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class Draws:
    """What each draw gives: ``tmr`` (B, F) at each of F false match rates, ``eer`` (B,), and at each of L thresholds
    ``limit_fmr`` and ``limit_tmr`` (B, L). NaN: a draw without pairs of both kinds."""

    tmr: Doubles
    eer: Doubles
    limit_fmr: Doubles
    limit_tmr: Doubles


def expect_seed(seed: int) -> None:
    """Raise UsageError for what cannot seed a generator."""
    if seed < 0:
        raise UsageError(f"seed {seed}: expected a whole number from 0")


def draw_people(people: int, draws: int = DRAWS, seed: int = 0) -> Ints:
    """How often each of ``people`` is in each draw, (draws, people)."""
    return np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), size=draws)


def resample(
    genuine: Floats,
    genuine_person: Ints,
    impostor: Floats,
    impostor_people: tuple[Ints, ...],
    fmrs: Doubles,
    drawn: Ints,
    weight: Doubles | None = None,
    limits: Sequence[float] = (),
) -> Draws:
    """Measure again for each row of ``drawn`` (B, people), at the rates ``fmrs`` (F,) and the thresholds ``limits``.

    ``genuine`` (G,) ascending, with each one's person (G,). ``impostor`` (I,) descending, with the one or two people
    that each compares, (I,) each, and its ``weight``: how many comparisons it stands for (None: one). A person
    drawn n times has their genuine pairs counted n times, a pair of people drawn n and m times n · m times (Owen 2007,
    "The pigeonhole bootstrap", Annals of Applied Statistics 1).
    """
    passed = len(genuine) - np.searchsorted(genuine, impostor, side="right")  # genuine scores above each impostor's
    passed = np.append(passed, np.isfinite(genuine).sum())  # at −∞ lie those that no threshold lets through
    at = np.asarray(limits, np.float32)
    genuine_at = len(genuine) - np.searchsorted(genuine, at)  # how many match at each of ``limits``
    impostor_at = len(impostor) - np.searchsorted(impostor[::-1], at)
    measured = Draws(*(np.full((len(drawn), *shape), np.nan) for shape in ((len(fmrs),), (), at.shape, at.shape)))
    for row, counts in enumerate(drawn):
        of_genuine = np.concatenate([[0], np.cumsum(counts[genuine_person][::-1])])  # by how many are passed
        of_impostor = counts[impostor_people[0]].astype(np.float64)
        for people in impostor_people[1:]:
            of_impostor *= counts[people]
        if weight is not None:
            of_impostor *= weight
        matched = np.cumsum(of_impostor)
        if not (of_genuine[-1] and matched[-1]):
            continue
        fmr, share = matched / matched[-1], of_genuine / of_genuine[-1]
        first_refused = np.searchsorted(fmr, fmrs * (1 + 1e-12), side="right")
        measured.tmr[row] = share[passed[first_refused]]
        measured.eer[row] = _crossing(fmr, share, passed)
        measured.limit_tmr[row] = share[genuine_at]
        measured.limit_fmr[row] = np.append(0, fmr)[impostor_at]
    return measured


def _crossing(fmr: Doubles, share: Doubles, passed: Ints) -> float:
    """Where the ROC's steps meet FMR = FNMR: ``fmr`` (I,) as one impostor after the other matches, and ``share`` of the
    genuine scores of which ``passed`` (I + 1,) are above each impostor's."""
    low, high = -1, len(fmr) - 1  # once impostor ``low`` matches FMR < FNMR, once ``high`` does no more
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fmr[middle] < 1 - share[passed[middle + 1]] else (low, middle)
    return float(min(fmr[high], 1 - share[passed[high]]))


def rate(value: float, draws: Doubles) -> Estimate:
    """``value`` with the middle 95 % of its ``draws`` (B,).

    None where those are all the same: of something that was hardly ever seen, they cannot say how rare it is.
    """
    usable = draws[np.isfinite(draws)]
    if 2 * len(usable) < len(draws):
        return Estimate(value)
    low, high = np.quantile(usable, [0.025, 0.975])
    return Estimate(value) if low == high else Estimate(value, float(low), float(high))
