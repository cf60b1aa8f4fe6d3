"""How answers are said."""

import pytest

from facepipe import words
from facepipe.records import Candidate


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, "under 0.1 %"),
        (0.000499, "under 0.1 %"),
        (0.0005, "0.1 %"),
        (0.004, "0.4 %"),
        (0.0096, "1 %"),
        (0.0141, "1 %"),
        (0.0737, "7 %"),
        (0.5, "50 %"),
        (0.9849, "98 %"),
        (0.99, "99 %"),
        (0.9904, "99 %"),
        (0.996, "99.6 %"),
        (0.99951, "99.9 %"),
        (1.0, "99.9 %"),
    ],
)
def test_percent_is_never_wholly_certain_nor_impossible(probability: float, said: str) -> None:
    assert words.percent(probability) == said


def test_percent_never_falls_where_the_probability_rises() -> None:
    shown = [words.percent(step / 100_000).removeprefix("under ").removesuffix(" %") for step in range(100_001)]
    assert [float(one) for one in shown] == sorted(map(float, shown))


def candidate(odds: float | None) -> Candidate:
    return Candidate("Ada", 0.9, 1, 1, odds)


@pytest.mark.parametrize(
    ("name", "guess", "said"),
    [
        ("Ada", candidate(0.98), "Ada, 98 %"),
        ("Ada", candidate(None), "Ada"),
        (None, candidate(0.0737), "unknown; nearest Ada, 7 %"),
        (None, candidate(0.05), "unknown; nearest Ada, 5 %"),
        (None, candidate(0.0499), "unknown"),
        (None, candidate(0.0141), "unknown"),  # what any stranger has where one or two people are enrolled
        (None, candidate(None), "unknown"),
        (None, None, "unknown"),
    ],
)
def test_who(name: str | None, guess: Candidate | None, said: str) -> None:
    assert words.who(name, guess) == said
