"""Which pictures are in doubt, with a decoder that leaves its buffer unwritten on demand."""

from collections.abc import Sequence

import numpy as np
import pytest

from facepipe.records import Pixels
from facepipe.sources.aspect import aspect, stretched_size
from facepipe.sources.checked import Checked

GARBAGE, BLACK = 200, 0


class Toy:
    """Its pictures have one grey level each."""

    fps: float | None = 25.0
    count: float | None = None
    size = (64, 48)

    def __init__(self, levels: Sequence[int], codec: str = "H264", at: int = -1) -> None:
        self.levels, self.codec, self.at = levels, codec, at
        self.closed = False

    @property
    def time(self) -> float:
        return self.at / 25

    def grab(self) -> bool:
        self.at += 1
        return self.at < len(self.levels)

    def picture(self) -> Pixels | None:
        return np.full((48, 64, 3), self.levels[self.at], np.uint8)

    def close(self) -> None:
        self.closed = True


def shown(
    levels: Sequence[int],
    *,
    again: Sequence[int] | None = None,
    other: Sequence[int] | None = None,
    live: bool = False,
    codec: str = "H264",
) -> list[int | None]:
    """The grey levels that are shown of what is first ``levels``, then ``again``, and by the ``other`` decoder."""

    def opened(frame: int, time: float | None) -> Toy | None:
        return None if other is None else Toy(other, at=frame - 1)

    first = Toy(levels, codec)
    once_more = None if live else lambda: Toy(levels if again is None else again)
    checked = Checked(first, opened, once_more, None if live or other is None else lambda: Toy(other, at=0))
    seen = []
    while checked.grab():
        pixels = checked.picture()
        seen.append(None if pixels is None else int(pixels[0, 0, 0]))
    checked.close()
    assert first.closed
    return seen


def test_what_changes_is_shown_as_it_is() -> None:
    assert shown([10, 11, 12, 11], other=[90, 91, 92, 93]) == [10, 11, 12, 11]


def test_a_picture_of_other_memory_is_not_shown() -> None:
    assert shown([GARBAGE] * 3, again=[GARBAGE + 1] * 3) == [None] * 3
    assert shown([GARBAGE] * 3, again=[BLACK] * 3, other=[10, 11, 12]) == [10, 11, 12]
    assert shown([GARBAGE, 11, 12], again=[BLACK, 11, 12]) == [None, 11, 12]
    assert shown([GARBAGE] * 3, other=[10, 11, 12]) == [10, 11, 12]  # the memory was the same at the second try


def test_black_pictures_may_not_have_been_written() -> None:
    assert shown([BLACK] * 3) == [None] * 3
    assert shown([BLACK] * 3, other=[10, 11, 12]) == [10, 11, 12]
    assert shown([BLACK] * 3, other=[BLACK] * 3) == [BLACK] * 3
    assert shown([BLACK, BLACK, 12]) == [None, None, 12]


def test_the_same_picture_again_is_decoded_otherwise_where_that_can_be() -> None:
    assert shown([10, 11, 11, 11], other=[10, 11, 12, 13]) == [10, 11, 12, 13]
    assert shown([10, 11, 11, 11]) == [10, 11, 11, 11]
    assert shown([10] * 4) == [10] * 4


def test_what_cannot_be_decoded_at_all_is_tried_otherwise() -> None:
    assert shown([], other=[10, 11]) == [10, 11]
    assert shown([]) == []


def test_the_first_picture_of_a_stream_proves_nothing() -> None:
    assert shown([10, 11, 12], live=True) == [None, 11, 12]
    assert shown([GARBAGE] * 4, live=True) == [None] * 4
    assert shown([GARBAGE] * 4, live=True, other=[10, 11, 12, 13]) == [None, 11, 12, 13]
    assert shown([BLACK] * 4, live=True, other=[10, 11, 12, 13]) == [10, 11, 12, 13]
    assert shown([], live=True, other=[10]) == []
    assert shown([10, 10, 11], live=True, codec="MJPG") == [10, 10, 11]


@pytest.mark.parametrize(
    ("across", "along", "turned", "ratio"),
    [
        (1, 1, False, 1),
        (0, 1, False, 1),
        (1, 0, False, 1),
        (2, 1, False, 2),
        (2, 1, True, 0.5),
        (16, 15, False, 16 / 15),
        (1000, 999, False, 1),
        (100, 1, False, 1),
        (1, 100, False, 1),
        (-1, 1, False, 1),
    ],
)
def test_the_shape_of_pixels(across: float, along: float, turned: bool, ratio: float) -> None:
    assert aspect(across, along, turned) == pytest.approx(ratio)


def test_pictures_are_made_larger_only() -> None:
    assert stretched_size((720, 576), 16 / 15) == (768, 576)
    assert stretched_size((720, 480), 8 / 9) == (720, 540)
    assert stretched_size((720, 576), 1.0) == (720, 576)
