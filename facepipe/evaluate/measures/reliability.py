"""Is a stated probability honest? Of all pairs that were given 70 %, seven of ten should be of one person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facepipe.evaluate.measures.bootstrap import Estimate, Ints, rate
from facepipe.evaluate.measures.comparisons import Bools
from facepipe.evaluate.measures.folds import Trial
from facepipe.evaluate.measures.rates import Doubles
from facepipe.scoring.evidence import Evidence, probability

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The comparisons that were given a probability from ``low`` to ``high``: how many, the mean ``stated``, and the
    share that was of one person."""

    low: float
    high: float
    pairs: int
    stated: float
    observed: Estimate


@dataclass(frozen=True)
class Reliability:
    """``brier``: the mean squared difference between probability and truth, 0.25 for always saying one half.
    ``expected_error``: the mean difference between stated and observed, by bins; without an interval, as any draw makes
    it larger. Pairs of one person and of two count
    as much in all as each other. ``source``: which probabilities these are."""

    bins: tuple[Bin, ...]
    brier: Estimate
    expected_error: Estimate
    pairs: int
    source: str


def state_by_folds(trial: Trial) -> Doubles:
    """The probability of each pair (P,), from scores of other people: fitted on the other folds. NaN where there are
    too few of them."""
    stated = np.full(len(trial.scores), np.nan)
    for fold in range(len(trial.names)):
        inside, others = trial.parts(fold)
        try:
            evidence = Evidence.fit(trial.scores[others & trial.same], trial.scores[others & ~trial.same])
        except ValueError:
            continue
        stated[inside] = probability(evidence.log_ratio(trial.scores[inside]))
    return stated


def measure_reliability(stated: Doubles, same: Bools, people: Ints, drawn: Ints, source: str) -> Reliability | None:
    """Compare ``stated`` (P,), of which NaN is left out, with ``same`` (P,); ``people`` (P, 2) are drawn again by
    ``drawn`` (B, people) for the intervals. None without pairs of both kinds."""
    usable = np.isfinite(stated)
    stated, same, people = stated[usable], same[usable], people[usable]
    if not same.any() or same.all():
        return None
    places = np.minimum((stated * BINS).astype(int), BINS - 1)
    ones = np.ones(len(same))
    again = [_measured(stated, same, places, _weights(people, same, counts)) for counts in drawn]
    brier, error, observed = _measured(stated, same, places, ones)
    briers, _, shares = (np.array(values) for values in zip(*again, strict=True))
    bins = []
    for number in np.unique(places):
        within = places == number
        mean = float(np.average(stated[within], weights=_balanced(same, ones)[within]))
        share = rate(float(observed[number]), shares[:, number])
        bins.append(Bin(number / BINS, (number + 1) / BINS, int(within.sum()), mean, share))
    return Reliability(tuple(bins), rate(brier, briers), Estimate(error), len(same), source)


def _weights(people: Ints, same: Bools, counts: Ints) -> Doubles:
    return np.asarray(counts[people[:, 0]] * np.where(same, 1.0, counts[people[:, 1]]), np.float64)


def _balanced(same: Bools, weights: Doubles) -> Doubles:
    """``weights`` (P,) so that both kinds sum to one half."""
    with np.errstate(invalid="ignore", divide="ignore"):
        kinds = [weights * kind / (weights * kind).sum() / 2 for kind in (same, ~same)]
    return np.asarray(kinds[0] + kinds[1])


def _measured(stated: Doubles, same: Bools, places: Ints, weights: Doubles) -> tuple[float, float, Doubles]:
    """(Brier score, expected error, observed share by bin)."""
    each = _balanced(same, weights)
    brier = float((each * (stated - same) ** 2).sum())
    total, said, seen = (np.bincount(places, each * values, BINS) for values in (1.0, stated, same))
    with np.errstate(invalid="ignore"):
        return brier, float(np.abs(said - seen).sum()), seen / total
