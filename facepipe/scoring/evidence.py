"""What a score says: how many times likelier it is for two photos of one person than for two people.

Linear logistic regression (Brümmer & du Preez 2006, "Application-independent evaluation of speaker detection"), with a
lapse: a share of the photos of a person does not show them so that a network could tell (turned away, hidden,
mislabelled), which keeps a low score from saying more than it can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
SHARE = 0.05  # of genuine scores in the fit: what counts is where the two kinds meet, near the high impostors
FEWEST = 10  # scores of each kind
BINS = 4000


@dataclass(frozen=True, slots=True)
class Evidence:
    """ln(likelihood ratio) = ln((1 − lapse) e^(slope · score + offset) + lapse), at most ``most``: no more than the
    number of impostor scores it was measured on can show."""

    slope: float
    offset: float
    lapse: float
    most: float

    def __post_init__(self) -> None:
        if not np.isfinite([self.slope, self.offset, self.lapse, self.most]).all():
            raise ValueError(f"evidence: expected finite numbers, got {self}")
        if not (self.slope > 0 and 0 < self.lapse < 1):
            raise ValueError(f"evidence: expected a positive slope and a lapse between 0 and 1, got {self}")

    def log_ratio(self, scores: Floats | float) -> Doubles:
        """The natural logarithm of the likelihood ratio of each score."""
        line = np.log1p(-self.lapse) + self.slope * np.asarray(scores, np.float64) + self.offset
        return np.minimum(np.logaddexp(line, np.log(self.lapse)), self.most)

    @classmethod
    def fit(cls, genuine: Floats, impostor: Floats) -> Evidence:
        """The maximum-likelihood fit. Raises ValueError for fewer than FEWEST scores of either kind, or when genuine
        scores are not the higher ones."""
        from scipy.optimize import minimize
        from scipy.special import expit

        if min(len(genuine), len(impostor)) < FEWEST:
            raise ValueError(
                f"pairs of one person: {len(genuine)}, of two people: {len(impostor)};"
                f" expected at least {FEWEST} of each"
            )
        if genuine.mean() <= impostor.mean():
            raise ValueError("scores of one person are not higher than those of two")
        # Counted in fine bins: a million scores take as long as a thousand
        edges = np.linspace(min(genuine.min(), impostor.min()), max(genuine.max(), impostor.max()), BINS + 1)
        same, different = (np.histogram(scores, edges)[0] / len(scores) for scores in (genuine, impostor))
        centre, unit = float(impostor.mean(dtype=np.float64)), float(edges[-1] - edges[0])
        x, prior = ((edges[1:] + edges[:-1]) / 2 - centre) / unit, np.log(SHARE / (1 - SHARE))

        def loss(t: Doubles) -> float:
            lapse = expit(t[2])
            odds = np.logaddexp(np.log1p(-lapse) + t[0] * x + t[1], np.log(lapse)) + prior
            miss, alarm = np.logaddexp(0, -odds), np.logaddexp(0, odds)
            return float(SHARE * same @ miss + (1 - SHARE) * different @ alarm)

        start = [10.0, -5.0, -5.0]
        bounds = [(1e-3, 1e4), (-1e4, 1e4), (np.log(1e-6), 0.0)]
        found = minimize(loss, start, method="Nelder-Mead", bounds=bounds, options={"maxiter": 4000, "maxfev": 4000}).x
        slope = float(found[0]) / unit
        return cls(slope, float(found[1]) - slope * centre, float(expit(found[2])), float(np.log(len(impostor))))


@dataclass(frozen=True, slots=True)
class ByReferences:
    """What a score says depends on how many references it was made with: the fused scores of a person with several lie
    higher, so that a middling one speaks against them. ``counts`` (ascending, the first is 1) and their ``fits``."""

    counts: tuple[int, ...]
    fits: tuple[Evidence, ...]

    def __post_init__(self) -> None:
        if list(self.counts) != sorted({1, *self.counts}) or len(self.counts) != len(self.fits):
            raise ValueError(f"evidence: expected fits for ascending numbers of references from 1, got {self.counts}")

    @property
    def single(self) -> Evidence:
        """For one reference: two faces compared."""
        return self.fits[0]

    def log_ratio(self, scores: Floats, counts: npt.NDArray[np.integer]) -> Doubles:
        """Of ``scores`` (…) with people of whom there are ``counts`` (…) references; the fit for that many or fewer."""
        place = np.searchsorted(self.counts, counts, side="right") - 1
        every = np.stack([fit.log_ratio(scores) for fit in self.fits])
        return np.asarray(np.take_along_axis(every, place[None], axis=0)[0])


def probability(log_ratio: Doubles, prior: float = 0.5) -> Doubles:
    """1:1: that both faces are one person's, if a share ``prior`` of all such questions is about one person."""
    return np.asarray(1 / (1 + np.exp(-(log_ratio + np.log(prior / (1 - prior))))))


def shares(log_ratios: Doubles, people: int, enrolled: float = 0.5) -> Doubles:
    """1:N: that the probe is each of those with ``log_ratios`` (…, K), the best of ``people``; what is missing to 1
    belongs to nobody enrolled (and to those further down, whose ratios are near nothing).

    ``enrolled``: the share of probes that show somebody enrolled, everybody as often.
    """
    odds = np.exp(log_ratios) * (enrolled / max(people, 1))
    return np.asarray(odds / (odds.sum(axis=-1, keepdims=True) + (1 - enrolled)))
