import pytest

from facepipe.cards import find_card
from facepipe.records import Candidate
from facepipe.watch.naming import Levels, decide, levels

LEVELS = Levels(limit=0.90, loose=0.88, strict=0.92, slack=0.02)


def candidates(**scores: float) -> list[Candidate]:
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return [Candidate(person, score, rank, rank) for rank, (person, score) in enumerate(ordered, 1)]


@pytest.mark.parametrize(
    ("before", "scores", "name"),
    [
        (None, {}, None),
        (None, {"Ada": 0.90, "Bob": 0.5}, "Ada"),
        (None, {"Ada": 0.899}, None),
        ("Ada", {"Ada": 0.89}, "Ada"),  # a little below the limit
        ("Ada", {"Ada": 0.875}, None),  # clearly below it
        ("Ada", {"Ada": 0.92, "Bob": 0.93}, "Ada"),  # somebody is a little better
        ("Ada", {"Ada": 0.91, "Bob": 0.95}, "Bob"),  # clearly better
        ("Ada", {"Ada": 0.885, "Bob": 0.895}, "Ada"),  # better, but nobody
        ("Ada", {"Ada": 0.87, "Bob": 0.91}, "Bob"),
        ("Ada", {"Bob": 0.91}, "Bob"),  # Ada was removed
        ("Ada", {"Bob": 0.5}, None),
        ("Ada", {}, None),
    ],
)
def test_a_name_stays_until_the_evidence_clearly_says_otherwise(
    before: str | None, scores: dict[str, float], name: str | None
) -> None:
    assert decide(before, candidates(**scores), LEVELS) == name


def test_scores_that_waver_about_the_limit_give_one_name() -> None:
    name, given = None, []
    for number in range(20):
        name = decide(name, candidates(Ada=0.9 + 0.015 * (-1) ** number), LEVELS)
        given.append(name)
    assert set(given) == {"Ada"}


def test_levels_come_from_the_card() -> None:
    card = find_card("dlib_resnet")
    found = levels(card, 0.95)
    assert found == Levels(
        0.95, card.threshold("1e-2"), card.threshold("1e-4"), card.threshold("1e-3") - card.threshold("1e-2")
    )


def test_a_clear_likeness_lies_above_every_level() -> None:
    assert LEVELS.clear == pytest.approx(0.94)
    assert Levels(limit=0.97, loose=0.88, strict=0.92, slack=0.02).clear == pytest.approx(0.99)


def test_a_card_without_measurements_has_levels_about_the_limit() -> None:
    card = find_card("inception_resnet_v1-vggface2")
    assert not card.thresholds
    found = levels(card, 0.5)
    assert found == Levels(0.5, pytest.approx(0.45), pytest.approx(0.55), pytest.approx(0.05))
