"""Boxes small enough to check by hand."""

import numpy as np
import pytest

from facepipe.detect.boxes import shift, squared, suppress


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


# Two 10×10 boxes of which 5×10 is shared: intersection over union 50 / 150, over the smaller 50 / 100.
HALVES = boxes((0, 0, 10, 10), (5, 0, 15, 10))


@pytest.mark.parametrize(("threshold", "kept"), [(0.32, [1]), (0.34, [1, 0])])
def test_the_better_of_two_that_overlap_is_kept(threshold: float, kept: list[int]) -> None:
    assert suppress(HALVES, scores(0.8, 0.9), threshold).tolist() == kept


def test_over_the_smaller_counts_both_border_pixels() -> None:
    # sides of 11 and a shared part of 6×11: 66 / 121 = 0.545
    assert suppress(HALVES, scores(0.9, 0.8), 0.54, over_smaller=True).tolist() == [0]
    assert suppress(HALVES, scores(0.9, 0.8), 0.55, over_smaller=True).tolist() == [0, 1]


def test_a_box_inside_another_goes_only_over_the_smaller() -> None:
    nested = boxes((0, 0, 100, 100), (40, 40, 60, 60))  # over the union 400 / 10000
    assert suppress(nested, scores(0.9, 0.8), 0.7).tolist() == [0, 1]
    assert suppress(nested, scores(0.9, 0.8), 0.7, over_smaller=True).tolist() == [0]


def test_a_suppressed_box_suppresses_nothing() -> None:
    chain = boxes((0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10))  # neighbours share 6/14, the ends 2/18
    assert suppress(chain, scores(0.9, 0.8, 0.7), 0.4).tolist() == [0, 2]


def test_best_first_and_ties_in_the_order_given() -> None:
    apart = boxes((0, 0, 1, 1), (10, 0, 11, 1), (20, 0, 21, 1))
    assert suppress(apart, scores(0.5, 0.9, 0.5), 0.5).tolist() == [1, 0, 2]


def test_touching_boxes_and_boxes_without_area_do_not_overlap() -> None:
    touching = boxes((0, 0, 10, 10), (10, 0, 20, 10), (3, 3, 3, 3))
    assert suppress(touching, scores(0.9, 0.8, 0.7), 0.0).tolist() == [0, 1, 2]


def test_no_boxes() -> None:
    none = boxes()
    kept = suppress(none, scores(), 0.5)
    assert none[kept].shape == squared(none).shape == shift(none, none).shape == (0, 4)


def test_edges_move_by_shares_of_the_sides() -> None:
    # 9×19 between corners, 10×20 with the border pixel
    moved = shift(boxes((10, 20, 19, 39)), boxes((0.1, 0.1, -0.2, 0.5)))
    assert moved.tolist() == pytest.approx(np.array([[11, 22, 17, 49]]))
    assert shift(boxes((0, 0, 10, 20)), boxes((0.1, 0.1, -0.2, 0.5)), pixel=0)[0] == pytest.approx([1, 2, 8, 30])


def test_squares_keep_the_centre_and_take_the_longer_side() -> None:
    assert squared(boxes((0, 0, 10, 4), (0, 0, 4, 10), (1, 2, 3, 4))).tolist() == [
        [0, -3, 10, 7],
        [-3, 0, 7, 10],
        [1, 2, 3, 4],
    ]
