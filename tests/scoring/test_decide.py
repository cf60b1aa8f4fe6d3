"""One rule decides, and whoever tells a decision tells the same."""

import numpy as np
import pytest

from facepipe.evaluate.measures.rates import match_rate
from facepipe.inspect.views.story import Decision, _verdict
from facepipe.records import Candidate, Detection, Identification, Verification
from facepipe.scoring.decide import decide, reaches
from facepipe.words import against

LIMIT, SLACK = 0.90, 0.02
FACE = Detection(np.array([0, 0, 9, 9], np.float32), 1.0, np.zeros((5, 2), np.float32))


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
    assert decide(candidates(**scores), LIMIT, before=before, slack=SLACK) == name


def test_scores_that_waver_about_the_limit_give_one_name() -> None:
    name, given = None, []
    for number in range(20):
        name = decide(candidates(Ada=0.9 + 0.015 * (-1) ** number), LIMIT, before=name, slack=SLACK)
        given.append(name)
    assert set(given) == {"Ada"}


@pytest.mark.parametrize("score", [-1.0, 0.0, 0.899, np.nextafter(0.9, 0), 0.9, np.nextafter(0.9, 1), 0.95, 1.0])
def test_all_agree_on_who_it_is(score: float) -> None:
    found = candidates(Ada=score, Bob=-1.0)[:1]
    name = "Ada" if score >= LIMIT else None
    decision = Decision(found, LIMIT, people=1, references=1)
    assert decide(found, LIMIT) == name
    assert Identification(FACE, tuple(found), LIMIT).name == name
    assert decision.name == name
    assert ("below" in _verdict(decision).en) == (name is None)
    assert decide(found, LIMIT, before=None, slack=SLACK) == name  # as the watcher asks of a face without a name


@pytest.mark.parametrize("score", [0.0, np.nextafter(0.9, 0), 0.9, 1.0])
def test_all_agree_on_whether_it_is_a_match(score: float) -> None:
    match = score >= LIMIT
    assert reaches(score, LIMIT) == match
    assert Verification(score, LIMIT, FACE, FACE).match == match
    assert ("≥" in against(score, LIMIT)) == match
    assert match_rate(np.array([score]), LIMIT) == match  # as thresholds are measured


def test_without_anybody_nobody_is_named() -> None:
    assert decide([], LIMIT) is Identification(FACE, (), LIMIT).name is Decision((), LIMIT, 0, 0).name is None


def test_a_threshold_of_nought_decides() -> None:
    assert decide(candidates(Ada=0.0), 0.0) == "Ada"
    assert decide(candidates(Ada=-0.1), 0.0) is None
