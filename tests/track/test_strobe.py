"""A lamp that flashes, and rooms that are dark."""

import numpy as np
import pytest

from facepipe.track.strobe import MOST, Strobe


def left_out(*levels: int) -> list[bool]:
    strobe = Strobe()
    return [strobe.off(np.full((48, 64, 3), level, np.uint8)) for level in levels]


@pytest.mark.parametrize("dark", [1, 2, 3])
def test_black_pictures_between_flashes_are_left_out(dark: int) -> None:
    assert left_out(*[120, *[2] * dark] * 9) == [False, *[True] * dark] * 9


def test_it_may_begin_in_the_dark() -> None:
    assert left_out(*[2, 120] * 4) == [False, False, *[True, False] * 3]


@pytest.mark.parametrize("dark", [1, 2])
def test_pictures_in_what_light_there_is_are_left_out_once_the_lamp_is_known_to_flash(dark: int) -> None:
    told = left_out(*[120, *[30] * dark] * 9)
    assert not any(told[: 2 * (1 + dark)])
    assert told[3 * (1 + dark) :] == [False, *[True] * dark] * 6


@pytest.mark.parametrize(
    "levels", [[120] * 9, [120, 60] * 9, [120] * 5 + [40] * 20, [60, 62, 61, 40, 30, 22, 18, 14, 9]]
)
def test_light_that_changes_leaves_nothing_out(levels: list[int]) -> None:
    assert not any(left_out(*levels))


def test_a_room_that_gets_dark_is_looked_at_again_soon() -> None:
    assert left_out(*[120] * 3, *[2] * 20) == [False] * 3 + [True] * MOST + [False] * (20 - MOST)
    assert left_out(*[120, 30] * 6, *[30] * 20)[12 + MOST :] == [False] * (20 - MOST)
