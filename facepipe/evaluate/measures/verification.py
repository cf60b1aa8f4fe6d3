"""What scores of pairs are worth: ROC, EER, TMR at given false match rates, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facepipe.evaluate.measures.bootstrap import Estimate, Ints, draw_people, rate, resample
from facepipe.evaluate.measures.comparisons import Comparisons
from facepipe.evaluate.measures.rates import Doubles, Sorted

FMRS = (1e-2, 1e-3, 1e-4, 1e-5)
POINTS = 61  # of a curve
BARS = 60  # of a histogram


@dataclass(frozen=True)
class RocCurve:
    """TMR over FMR (or found over FPIR) at several places, from the lowest FMR to 1, with the 95 % band."""

    fmr: tuple[float, ...]
    tmr: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    @classmethod
    def of(cls, fmr: Doubles, tmr: Doubles, draws: Doubles) -> RocCurve:
        """``draws`` (B, F): the TMR of each draw."""
        rates = [rate(float(value), column) for value, column in zip(tmr, draws.T, strict=True)]
        lows, highs = tuple(r.low for r in rates), tuple(r.high for r in rates)
        return cls(tuple(map(float, fmr)), tuple(r.value for r in rates), lows, highs)


@dataclass(frozen=True)
class Histogram:
    """Shares of the genuine and of the impostor scores between ``edges`` (one more than there are shares)."""

    edges: tuple[float, ...]
    genuine: tuple[float, ...]
    impostor: tuple[float, ...]


@dataclass(frozen=True)
class AtFmr:
    """The ``tmr`` at the ``threshold`` at which at most ``fmr`` of the impostor scores match. ``rests_on``: how many
    these are; fewer than 30 make an unsteady figure. All None where there are fewer than 1/FMR scores."""

    fmr: float
    threshold: float | None
    tmr: Estimate | None
    rests_on: int


@dataclass(frozen=True)
class AtThreshold:
    """What the ``threshold`` that was measured elsewhere for ``fmr`` does here."""

    stated_fmr: float
    threshold: float
    fmr: Estimate
    tmr: Estimate


@dataclass(frozen=True)
class VerificationRates:
    """``score``: cosine, or corrected by a cohort. ``impostor_pairs``: of so many
    pairs of two people, all were scored, or of very many a random part."""

    score: str
    genuine: int
    impostor: int
    impostor_pairs: int
    people: int
    eer: Estimate
    eer_threshold: float
    area: float
    at: tuple[AtFmr, ...]
    stated: tuple[AtThreshold, ...]
    curve: RocCurve
    histogram: Histogram


def grid(impostors: int) -> Doubles:
    """The false match rates of a curve, from that of one impostor on."""
    return np.logspace(-np.log10(impostors), 0, POINTS)


def measure_verification(
    score: str, comparisons: Comparisons, people: Ints, stated: dict[str, float], seed: int = 0
) -> VerificationRates:
    """``people`` (N,) numbers each image's person; ``stated``: thresholds by the FMR they were measured for elsewhere.

    Raises ValueError without scores of both kinds.
    """
    rates = Sorted(comparisons.genuine, comparisons.impostor)
    present, numbers = np.unique(people, return_inverse=True)
    drawn = draw_people(len(present), seed=seed)
    points = np.unique([*FMRS, *grid(len(rates.impostor))])
    kept = numbers[comparisons.kept_pairs]
    whose = numbers[comparisons.genuine_pairs[:, 0]]
    both = kept[:, 0], kept[:, 1]
    limits = list(stated.values())
    draws = resample(comparisons.genuine, whose, comparisons.kept, both, points, drawn, comparisons.weight, limits)
    eer, eer_threshold = rates.equal_error()
    thresholds = np.array([rates.threshold(point) for point in points])
    tmr = rates.tmr(thresholds)
    steady = points * len(rates.impostor) >= 1 - 1e-9
    return VerificationRates(
        score,
        len(rates.genuine),
        len(rates.impostor),
        comparisons.of,
        len(present),
        rate(eer, draws.eer),
        eer_threshold,
        rates.area(),
        tuple(
            _at(fmr, rates, rate(float(tmr[n]), draws.tmr[:, n]))
            for fmr, n in zip(FMRS, np.searchsorted(points, FMRS), strict=True)
        ),
        tuple(
            AtThreshold(
                float(fmr),
                limit,
                rate(float(rates.fmr(limit)), draws.limit_fmr[:, n]),
                rate(float(rates.tmr(limit)), draws.limit_tmr[:, n]),
            )
            for n, (fmr, limit) in enumerate(stated.items())
        ),
        RocCurve.of(points[steady], tmr[steady], draws.tmr[:, steady]),
        _histogram(rates),
    )


def _at(fmr: float, rates: Sorted, tmr: Estimate) -> AtFmr:
    rests_on = int(len(rates.impostor) * fmr)
    return AtFmr(fmr, rates.threshold(fmr), tmr, rests_on) if rests_on else AtFmr(fmr, None, None, 0)


def _histogram(rates: Sorted) -> Histogram:
    low = min(rates.genuine[0], rates.impostor[0])
    high = max(rates.genuine[-1], rates.impostor[-1])
    edges = np.linspace(low, high if high > low else low + 1e-3, BARS + 1)
    genuine, impostor = (np.histogram(scores, edges)[0] / len(scores) for scores in (rates.genuine, rates.impostor))
    return Histogram(tuple(map(float, edges)), tuple(map(float, genuine)), tuple(map(float, impostor)))
