"""Score lists short enough to count."""

import numpy as np
import pytest

from facepipe.evaluate import best_accuracy, match_rate, threshold_at_fmr


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
    with pytest.raises(ValueError, match=rf"{count} impostor scores: expected at least \d+ for FMR"):
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
        ((0.8, 0.9), (0.1, 0.2), 1.0, 0.8),
        ((0.3, 0.8, 0.9), (0.1, 0.2, 0.5), 5 / 6, 0.8),  # at 0.3 too, 0.5 wrongly accepted: the first of the best
        ((0.5, 0.9), (0.5, 0.1), 0.75, 0.5),  # a tie is accepted, for both
        ((0.9,), (0.1, 0.2, 0.3, 0.95), 0.8, 0.9),
    ],
)
def test_best_accuracy(
    genuine: tuple[float, ...], impostor: tuple[float, ...], accuracy: float, threshold: float
) -> None:
    best, at = best_accuracy(scores(*genuine), scores(*impostor))
    assert best == pytest.approx(accuracy)
    right = np.sum(scores(*genuine) >= at) + np.sum(scores(*impostor) < at)
    assert right / (len(genuine) + len(impostor)) == pytest.approx(accuracy)
    assert at in (pytest.approx(threshold), pytest.approx(0.3))


def test_to_accept_nobody_may_be_best() -> None:
    best, at = best_accuracy(scores(0.1), scores(0.8, 0.9))
    assert best == pytest.approx(2 / 3)
    assert 0.9 < at < 0.9001
