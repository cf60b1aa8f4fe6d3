"""The tail of impostor scores, with how sure it is: pairs share people, so people are drawn again, not pairs."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from facepipe.evaluate.measures.bootstrap import DRAWS, Ints, draw_people
from facepipe.evaluate.measures.comparisons import Comparisons
from facepipe.scoring.tail import RAREST, Tail

SHARE = 1e-3  # of impostor scores, the highest; of 1e-2 and 3e-3 comes much the same (scripts/measure_fpir.py)
RATES = ("1e-3", "1e-4", "1e-5", "1e-6", "1e-7", "1e-8")


def fit_tail(compared: Comparisons, people: Ints, seed: int = 0) -> Tail:
    """To the highest SHARE of the impostor scores of images whose ``people`` (N,) are given, with intervals at RATES.

    Raises ValueError where there are too few.
    """
    scores, pairs = compared.kept, people[compared.kept_pairs]
    counts = np.cumsum(compared.weight)
    last = int(np.searchsorted(counts, SHARE * counts[-1]))
    threshold, some = float(scores[last]), slice(0, last)
    found = Tail.fit(scores[some], threshold, counts[-1], compared.weight[some])
    limits = {rate: found.score(min(float(rate), found.share)) for rate in RATES}
    drawn = []
    for times in draw_people(int(people.max()) + 1, DRAWS, seed):
        weights = compared.weight * times[pairs[:, 0]] * times[pairs[:, 1]]
        with suppress(ValueError):  # a draw in which hardly anybody is alike
            again = Tail.fit(scores[some], threshold, float(weights.sum()), weights[some])
            drawn.append([again.rate(limit) for limit in limits.values()])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    ends = zip(limits, low.tolist(), high.tolist(), strict=True)
    interval = {rate: (min(a, float(rate)) if a > RAREST else 0.0, max(b, float(rate))) for rate, a, b in ends}
    return Tail(found.threshold, found.share, found.scale, found.shape, interval)
