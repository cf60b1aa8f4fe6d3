"""The tail of impostor scores, and how sure it is, on people made up."""

import numpy as np
import pytest

from facepipe.evaluate.measures.comparisons import Cosine, all_against_all
from facepipe.evaluate.measures.tails import RATES, fit_tail

pytestmark = pytest.mark.slow


def test_the_interval_is_wider_the_rarer_and_where_photos_share_people() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    alone = np.arange(300)
    tail = fit_tail(all_against_all(Cosine(vectors), alone), alone)
    scores = (vectors @ vectors.T)[np.triu_indices(300, 1)]
    assert (scores > tail.threshold).mean() == pytest.approx(1e-3, rel=0.05)
    assert tail.share == pytest.approx(1e-3, rel=0.05)
    assert tail.shape < 0  # no cosine is above 1
    widths = [np.log(max(tail.interval[rate][1], 1e-12) / float(rate)) for rate in RATES]
    assert widths == sorted(widths)
    # each photo three times, as three photos of a person: three times as many, but nobody new
    three = np.repeat(alone, 3)
    noisy = vectors[three] + rng.normal(size=(900, 16), scale=0.01).astype(np.float32)
    noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
    again = fit_tail(all_against_all(Cosine(noisy), three), three)
    here, there = (np.subtract(*np.log(each.interval["1e-3"])) for each in (again, tail))
    assert here == pytest.approx(there, rel=0.5)  # by pairs it would be a third as wide
    assert again.interval == fit_tail(all_against_all(Cosine(noisy), three), three).interval
