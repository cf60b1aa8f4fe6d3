"""Score lists short enough to count."""

import numpy as np
import pytest

from facepipe.evaluate import best_accuracy, match_rate, threshold_at_fmr
from facepipe.evaluate.measures.rates import Sorted


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


TENTHS = scores(*(n / 10 for n in range(10)))  # 0.0 … 0.9


@pytest.mark.parametrize("order", [1, -1])
def test_threshold_lets_the_allowed_share_match_and_no_more(order: int) -> None:
    threshold = threshold_at_fmr(TENTHS[::order], 0.2, least=1)
    assert match_rate(TENTHS, threshold) == pytest.approx(0.2)
    assert 0.7 < threshold < 0.7001  # just above the highest that must not match: the least such threshold
    assert match_rate(TENTHS, float(np.nextafter(np.float32(threshold), np.float32(0)))) == pytest.approx(0.3)


def test_shares_are_rounded_down() -> None:
    assert match_rate(TENTHS, threshold_at_fmr(TENTHS, 0.29, least=1)) == pytest.approx(0.2)


def test_ties_at_the_threshold_do_not_match() -> None:
    """Two of ten may match, but three share the second place: one threshold cannot part them."""
    tied = scores(0, 0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.9)
    threshold = threshold_at_fmr(tied, 0.2, least=1)
    assert match_rate(tied, threshold) == pytest.approx(0.1)
    assert 0.5 < threshold < 0.5001


@pytest.mark.parametrize("rate", ["1e-2", "1e-3", "1e-4"])
@pytest.mark.parametrize("count", [100_000, 123_456])
def test_the_rates_of_the_cards(rate: str, count: int) -> None:
    impostor = np.random.default_rng(0).permutation(np.linspace(-1, 1, count, dtype=np.float32))
    matches = round(match_rate(impostor, threshold_at_fmr(impostor, float(rate))) * count)
    assert matches == count // round(1 / float(rate))


@pytest.mark.parametrize(("count", "fmr"), [(9, 0.999), (999, 1e-2), (0, 0.5)])
def test_too_few_scores_to_read_a_rate_from(count: int, fmr: float) -> None:
    with pytest.raises(ValueError, match=rf"pairs of two people: {count}; expected at least \d+ for FMR"):
        threshold_at_fmr(np.zeros(count, np.float32), fmr)


@pytest.mark.parametrize("fmr", [0, 1, -0.1, 2, float("nan")])
def test_rates_that_are_no_share_are_refused(fmr: float) -> None:
    with pytest.raises(ValueError, match="FMR"):
        threshold_at_fmr(TENTHS, fmr, least=1)


def test_match_rate_counts_the_threshold_itself() -> None:
    assert match_rate(scores(0.1, 0.5, 0.5, 0.9), 0.5) == 0.75
    assert match_rate(scores(0.1, 0.5), 0.6) == 0
    assert match_rate(scores(0.1, 0.5), -1) == 1


@pytest.mark.parametrize(
    ("genuine", "impostor", "accuracy", "threshold"),
    [
        ((0.8, 0.9), (0.1, 0.2), 1.0, 0.5),
        ((0.3, 0.8, 0.9), (0.1, 0.2, 0.5), 5 / 6, 0.65),  # at 0.25 as well, but that gap is narrower
        ((0.5, 0.95), (0.5, 0.1), 0.75, 0.725),  # a tie is accepted, for both, or rejected
        ((0.9,), (0.1, 0.2, 0.3, 0.95), 0.8, 0.6),
        ((0.3, 0.5), (0.1,), 1.0, 0.2),
        ((0.5,), (0.9, 0.5), 2 / 3, 0.9),  # to accept nobody is best
    ],
)
def test_best_accuracy(
    genuine: tuple[float, ...], impostor: tuple[float, ...], accuracy: float, threshold: float
) -> None:
    best, at = best_accuracy(scores(*genuine), scores(*impostor))
    assert best == pytest.approx(accuracy)
    right = np.sum(scores(*genuine) >= at) + np.sum(scores(*impostor) < at)
    assert right / (len(genuine) + len(impostor)) == pytest.approx(accuracy)
    assert at == pytest.approx(threshold)


def test_to_accept_everybody_may_be_best() -> None:
    assert best_accuracy(scores(0.5, 0.5, 0.6), scores(0.5)) == (0.75, pytest.approx(0.5))


def test_to_accept_nobody_may_be_best() -> None:
    best, at = best_accuracy(scores(0.1), scores(0.8, 0.9))
    assert best == pytest.approx(2 / 3)
    assert 0.9 < at < 0.9001


# Look-ups in sorted scores, against scikit-learn and counting -------------------------------------------------------


def some_scores(seed: int, tied: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    genuine, impostor = rng.normal(0.7, 0.2, 120), rng.normal(0.4, 0.2, 900)
    if tied:
        genuine, impostor = np.round(genuine, 1), np.round(impostor, 1)
    return np.sort(genuine.astype(np.float32)), np.sort(impostor.astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_rates_areas_and_equal_errors_are_scikit_learns(seed: int, tied: bool) -> None:
    from sklearn.metrics import roc_auc_score, roc_curve  # takes seconds to load

    genuine, impostor = some_scores(seed, tied)
    rates = Sorted(genuine, impostor)
    same = np.repeat([True, False], [len(genuine), len(impostor)])
    fmr, tmr, thresholds = roc_curve(same, np.concatenate([genuine, impostor]), drop_intermediate=False)
    assert rates.fmr(thresholds[1:]) == pytest.approx(fmr[1:])
    assert rates.tmr(thresholds[1:]) == pytest.approx(tmr[1:])
    assert rates.area() == pytest.approx(roc_auc_score(same, np.concatenate([genuine, impostor])))
    assert rates.equal_error()[0] == pytest.approx(crossing(fmr, 1 - tmr), abs=1e-4)


def crossing(fmr: np.ndarray, fnmr: np.ndarray) -> float:
    """Where straight lines between the points meet, by following them in small steps."""
    along = np.linspace(0, len(fmr) - 1, 400_000)
    places = np.arange(len(fmr))
    gaps = np.abs(np.interp(along, places, fmr) - np.interp(along, places, fnmr))
    return float(np.interp(along[np.argmin(gaps)], places, fmr))


@pytest.mark.parametrize("fmr", [0.5, 0.1, 0.01, 0.005])
def test_the_threshold_is_that_of_the_other_way(fmr: float) -> None:
    genuine, impostor = some_scores(0, tied=True)
    assert Sorted(genuine, impostor).threshold(fmr) == threshold_at_fmr(impostor, fmr, least=1)


def test_a_rate_below_that_of_one_impostor_lets_none_match_and_one_of_all_lets_everybody() -> None:
    rates = Sorted(scores(0.5, 0.9), scores(0.1, 0.8))
    assert rates.fmr(rates.threshold(0.4)) == 0
    assert rates.tmr(rates.threshold(0.4)) == 0.5
    assert rates.tmr(rates.threshold(1)) == 1


def test_equal_error_of_scores_apart_and_upside_down() -> None:
    assert Sorted(scores(0.8, 0.9), scores(0.1, 0.2)).equal_error()[0] == 0
    assert Sorted(scores(0.1, 0.2), scores(0.8, 0.9)).equal_error()[0] == 1
    assert Sorted(scores(0.5), scores(0.5)).equal_error()[0] == 0.5  # one point, half of each by the line through it


def test_no_rates_without_scores_of_both_kinds() -> None:
    with pytest.raises(ValueError, match="of one person: 0, of two people: 1; expected some"):
        Sorted(scores(), scores(0.5))
