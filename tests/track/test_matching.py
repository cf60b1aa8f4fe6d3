import numpy as np
import pytest

from facepipe.track.matching import assign, overlaps, side, stacked


def test_overlap_is_intersection_over_union() -> None:
    a = np.array([[0, 0, 2, 2], [0, 0, 1, 1]], np.float32)
    b = np.array([[1, 0, 3, 2], [5, 5, 6, 6], [0, 0, 2, 2]], np.float32)
    assert overlaps(a, b) == pytest.approx(np.array([[1 / 3, 0, 1], [0, 0, 0.25]]))


def test_of_none_there_is_nothing() -> None:
    none = stacked([])
    assert none.shape == (0, 4)
    assert overlaps(none, stacked([np.ones(4, np.float32)])).shape == (0, 1)
    assert assign(np.empty((0, 3)), 0.3) == []


def test_the_best_sum_is_found_not_the_greedy_one() -> None:
    assert sorted(assign(np.array([[0.9, 0.8], [0.7, 0.1]]), 0.05)) == [(0, 1), (1, 0)]


def test_a_pair_below_the_gate_draws_nobody_away() -> None:
    """With 0.2 counted, (0, 1) and (1, 0) would be the larger sum, and the gate would then leave (0, 1) alone."""
    assert assign(np.array([[0.6, 0.5], [0.2, 0.0]]), 0.3) == [(0, 0)]


def test_the_side_is_the_mean_of_both() -> None:
    assert side(np.array([1, 1, 5, 7], np.float32)) == 5
