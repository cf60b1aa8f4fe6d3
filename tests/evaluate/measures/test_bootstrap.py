"""Intervals: a draw of people measured quickly is what the scores written out as often as drawn give."""

import numpy as np
import pytest

from facepipe.evaluate.measures.bootstrap import draw_people, rate, resample
from facepipe.evaluate.measures.rates import Sorted, match_rate

RATES = np.array([0.01, 0.1, 0.3, 1.0])


def toy(seed: int, digits: int = 2) -> tuple[np.ndarray, ...]:
    """(genuine ascending, whose, impostor descending, first and second person) of six people."""
    rng = np.random.default_rng(seed)
    genuine = np.sort(np.round(rng.normal(0.7, 0.2, 15), digits).astype(np.float32))
    impostor = np.sort(np.round(rng.normal(0.4, 0.2, 60), digits).astype(np.float32))[::-1]
    a = rng.integers(0, 6, 60)
    return genuine, rng.integers(0, 6, 15), impostor, a, (a + rng.integers(1, 6, 60)) % 6


@pytest.mark.parametrize("digits", [1, 6])
@pytest.mark.parametrize("seed", range(6))
def test_a_draw_is_the_scores_written_out(seed: int, digits: int) -> None:
    genuine, whose, impostor, a, b = toy(seed, digits)
    drawn = draw_people(6, draws=20, seed=seed)
    found = resample(genuine, whose, impostor, (a, b), RATES, drawn, limits=[0.5])
    for row, counts in enumerate(drawn):
        of_genuine, of_impostor = counts[whose], counts[a] * counts[b]
        if not (of_genuine.sum() and of_impostor.sum()):
            assert np.isnan(found.eer[row])
            continue
        written = Sorted(np.repeat(genuine, of_genuine), np.repeat(impostor, of_impostor)[::-1])
        expected = [match_rate(written.genuine, written.threshold(fmr + 1e-9)) for fmr in RATES]
        assert found.tmr[row] == pytest.approx(expected)
        assert found.limit_tmr[row, 0] == pytest.approx(match_rate(written.genuine, 0.5))
        assert found.limit_fmr[row, 0] == pytest.approx(match_rate(written.impostor, 0.5))
        if digits == 6:  # where the two kinds share scores, steps are taken for the straight line between
            assert found.eer[row] == pytest.approx(written.equal_error()[0])


def test_a_weight_stands_for_that_many_comparisons() -> None:
    genuine, whose, impostor, a, b = toy(0)
    drawn = draw_people(6, draws=10)
    twice = np.repeat(impostor, 2), np.repeat(a, 2), np.repeat(b, 2)
    weighed = resample(genuine, whose, impostor, (a, b), RATES[2:], drawn, np.full(60, 2.0))
    written = resample(genuine, whose, twice[0], twice[1:], RATES[2:], drawn)
    assert weighed.limit_fmr.shape == (10, 0)
    assert weighed.tmr == pytest.approx(written.tmr, nan_ok=True)


def test_with_everybody_drawn_once_it_is_the_measure_itself() -> None:
    rng = np.random.default_rng(3)
    genuine, impostor = (np.sort(rng.normal(m, 0.2, n).astype(np.float32)) for m, n in ((0.7, 50), (0.4, 400)))
    rates = Sorted(genuine, impostor)
    ones = np.ones((1, 1), np.int64)
    people = np.zeros(50, np.int64), np.zeros(400, np.int64)
    found = resample(genuine, people[0], impostor[::-1], (people[1],), RATES, ones)
    assert found.tmr[0] == pytest.approx([match_rate(genuine, rates.threshold(fmr)) for fmr in RATES])
    assert found.eer[0] == pytest.approx(rates.equal_error()[0])


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    """300 samples of 40 people with a known rate: 95 % intervals should hold it in about 285; 270 are asked for."""
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(300):
        true = rng.random(40) < 0.3
        drawn = draw_people(40, draws=200, seed=seed)
        found = rate(float(true.mean()), (drawn * true).sum(axis=1) / 40)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
    assert 270 <= held <= 297


@pytest.mark.parametrize("draws", [np.zeros(200), np.full(200, np.nan), np.append(np.full(150, np.nan), np.arange(50))])
def test_what_was_never_seen_has_no_interval(draws: np.ndarray) -> None:
    found = rate(0.0, draws)
    assert (found.value, found.low, found.high) == (0.0, None, None)


def test_draws_are_as_many_people_as_there_are_and_the_same_each_time() -> None:
    drawn = draw_people(7, draws=50, seed=4)
    assert drawn.shape == (50, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert np.array_equal(drawn, draw_people(7, draws=50, seed=4))
