"""How often strangers reach a score, as far as it was measured, and beyond by a tail fitted to the highest of them.

Peaks over threshold: what impostor scores have above a high threshold follows a generalised Pareto distribution
(Coles 2001, "An Introduction to Statistical Modeling of Extreme Values", section 4.2). Beyond the last rate that was
measured this is an extrapolation, and is called one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from facepipe.scoring.evidence import Doubles, Floats

FEWEST = 30  # scores above the threshold
RAREST = 1e-12  # no rate is said to be lower


@dataclass(frozen=True, slots=True)
class Tail:
    """Above ``threshold``, which a ``share`` of impostor scores reaches, the share falls as (1 + shape · (score −
    threshold) / scale)^(−1 / shape).

    ``interval``: by rate, between which rates it truly lies at the score given for it, with 95 % confidence. No rate
    below the lowest of them is said.
    """

    threshold: float
    share: float
    scale: float
    shape: float
    interval: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not np.isfinite([self.threshold, self.share, self.scale, self.shape]).all():
            raise ValueError(f"tail: expected finite numbers, got {self}")
        if not (0 < self.share < 1 and self.scale > 0):
            raise ValueError(f"tail: expected a share between 0 and 1 and a positive scale, got {self}")
        for rate, (low, high) in self.interval.items():
            if not 0 <= low <= float(rate) <= high:
                raise ValueError(f"tail.interval: {rate} does not lie between {low:g} and {high:g}")

    @property
    def lowest(self) -> float:
        """The lowest rate it may be asked for."""
        return min(map(float, self.interval), default=self.share)

    def score(self, rate: float) -> float:
        """The score that a share ``rate`` (at most ``share``) of strangers reaches."""
        times = math.log(self.share / rate)
        return self.threshold + self.scale * (times if self.shape == 0 else math.expm1(self.shape * times) / self.shape)

    def rate(self, score: float) -> float:
        """The share of strangers that reaches a ``score`` of at least ``threshold``."""
        above = (score - self.threshold) / self.scale
        if self.shape * above <= -1:  # beyond the end of a tail that has one
            return RAREST
        times = above if self.shape == 0 else math.log1p(self.shape * above) / self.shape
        return max(self.share * math.exp(-times), RAREST)

    def between(self, rate: float) -> tuple[float, float]:
        """The interval of ``rate``; between two that are given in proportion, above the first as there."""
        if not self.interval:
            return RAREST, 1.0
        known = sorted((float(text), ends) for text, ends in self.interval.items())
        rates = np.log([each for each, _ in known])
        times = np.log([[max(end, RAREST) / each for end in ends] for each, ends in known])
        low, high = (rate * math.exp(np.interp(math.log(rate), rates, column)) for column in times.T)
        return max(low, RAREST), min(high, 1.0)

    @classmethod
    def fit(cls, scores: Floats, threshold: float, total: float, weights: Doubles | None = None) -> Tail:
        """To the impostor ``scores`` (n,) above ``threshold``, of ``total`` in all, each counted ``weights`` (n,) times
        (None: once), by maximum likelihood. Raises ValueError for fewer than FEWEST of them."""
        above = scores[scores > threshold].astype(np.float64) - threshold
        counted = np.ones(len(above)) if weights is None else weights[scores > threshold]
        if counted.sum() < FEWEST:
            raise ValueError(
                f"{counted.sum():.0f} scores of two people above {threshold:.4f}: expected at least {FEWEST}"
            )
        return cls(threshold, float(counted.sum() / total), *_pareto(above, counted))


def _pareto(above: Doubles, weights: Doubles) -> tuple[float, float]:
    """Scale and shape of the generalised Pareto distribution of ``above`` (n,), all positive."""
    from scipy.optimize import minimize

    unit, total = float(np.average(above, weights=weights)), weights.sum()
    x = above / unit

    def loss(t: Doubles) -> float:
        shape, inside = t[1], t[1] / np.exp(t[0]) * x
        if inside.min() <= -1:
            return math.inf
        grown = x / np.exp(t[0]) if abs(shape) < 1e-9 else np.log1p(inside) / shape
        return float(t[0] + (1 + shape) * (weights @ grown) / total)

    found = minimize(loss, [0.0, 0.0], method="Nelder-Mead", bounds=[(-5, 5), (-0.5, 0.9)], options={"maxiter": 2000}).x
    return float(np.exp(found[0])) * unit, float(found[1])


@dataclass(frozen=True, slots=True)
class Curve:
    """How often strangers reach a score, smooth: by the ``tail`` from its threshold on, which varies less than a rate
    that rests on a dozen pairs; before it by ``table``, the score for each false match rate that was measured. Between
    two rates, above the first and, without a tail, below the last the logarithm of the rate is taken for a straight
    line. Raises ValueError for fewer than two rates."""

    table: Mapping[str, float]
    tail: Tail | None = None

    def __post_init__(self) -> None:
        if len(self.table) < 2:
            raise ValueError(f"{len(self.table)} rates: expected at least two")

    @property
    def lowest(self) -> float:
        """The lowest rate it may be asked for: without a tail one that was measured."""
        return min(map(float, self.table)) if self.tail is None else self.tail.lowest

    def through(self, table: Mapping[str, float]) -> Curve:
        """By the rates of ``table``, measured elsewhere; for others this curve, moved to meet the lowest of them."""
        lowest = min(table, key=float)
        moved = table[lowest] - self.score(float(lowest))
        here = {float(rate) for rate in table}
        others = {rate: score + moved for rate, score in self.table.items() if float(rate) not in here}
        tail = None if self.tail is None else replace(self.tail, threshold=self.tail.threshold + moved)
        return Curve(others | dict(table), tail)

    def score(self, rate: float) -> float:
        """The score that a share ``rate`` of strangers reaches."""
        if self.tail is not None and rate <= self.tail.share:
            return self.tail.score(rate)
        return _line(math.log(rate), *self._points()[::-1])

    def rate(self, score: float) -> float:
        """The share of strangers that reaches ``score``."""
        if self.tail is not None and score >= self.tail.threshold:
            return self.tail.rate(score)
        return min(max(math.exp(_line(score, *self._points())), RAREST), 1.0)

    def between(self, rate: float) -> tuple[float, float] | None:
        """The 95 % interval of ``rate``; None where nothing says it."""
        return None if self.tail is None or not self.tail.interval else self.tail.between(rate)

    def _points(self) -> tuple[Doubles, Doubles]:
        """Scores and logarithms of rates, by rate descending, the score never falling."""
        rows = sorted(((float(rate), score) for rate, score in self.table.items()), reverse=True)
        if self.tail is not None:
            rows = [row for row in rows if row[0] > self.tail.share] + [(self.tail.share, self.tail.threshold)]
        return np.maximum.accumulate([score for _, score in rows]), np.log([rate for rate, _ in rows])


def _line(x: float, xs: Doubles, ys: Doubles) -> float:
    """``ys`` at ``x`` by straight lines, continued at both ends. ``xs`` ascend or descend; one is a level line."""
    if len(xs) == 1:
        return float(ys[0])
    if xs[0] > xs[-1]:
        xs, ys = xs[::-1], ys[::-1]
    at = min(max(int(np.searchsorted(xs, x)), 1), len(xs) - 1)
    step = xs[at] - xs[at - 1]
    slope = (ys[at] - ys[at - 1]) / step if step else 0.0
    return float(ys[at - 1] + slope * (x - xs[at - 1]))
