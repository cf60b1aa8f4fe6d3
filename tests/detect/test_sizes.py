"""At which sizes YuNet is shown a picture."""

import pytest

from facepipe.detect.yunet import FACTOR, LARGEST, LEAST, MARGIN, SMALLEST, sizes


def test_a_picture_is_shrunk_as_far_as_the_smallest_face_allows() -> None:
    assert list(sizes(200, 300, SMALLEST)) == [(1, MARGIN * 200)]
    assert list(sizes(400, 600, 2 * SMALLEST)) == [(0.5, MARGIN * 200)]
    assert list(sizes(200, 300, 12)) == [(1, MARGIN * 200)]  # and never enlarged


def test_but_not_below_what_a_face_that_fills_it_needs() -> None:
    assert list(sizes(LEAST, 500, 100)) == [(1, MARGIN * LEAST)]
    assert list(sizes(40, 40, 32)) == [(1, MARGIN * 40)]
    ((scale, _),) = sizes(2 * LEAST, 900, 100)
    assert scale == 0.5


@pytest.mark.parametrize("side", [LARGEST, 1000, 4000, 20_000])
def test_a_face_of_any_size_is_small_enough_once(side: int) -> None:
    found = list(sizes(side, 2 * side, SMALLEST))
    assert [scale for scale, _ in found] == pytest.approx([FACTOR**power for power in range(len(found))])
    assert found[-1][0] * side <= LARGEST
    assert all(margin == 0 for _, margin in found[:-1])
    assert found[-1][1] > 0
