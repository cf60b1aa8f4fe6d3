"""The decision in words: what the score is that decided, and the nearest reference's cosine where that is another."""

import pytest

from facepipe.inspect.views.story import Decision, Made, _verdict
from facepipe.page.view import Text
from facepipe.records import Candidate


def verdict(made: Made | None, probability: float | None = None, score: float = 0.95) -> Text:
    return _verdict(Decision([Candidate("Ada", score, 1, 7, probability)], 0.93, 2, 4, made))


@pytest.mark.parametrize("made", [None, Made(0.95, 1, False)])
def test_one_reference_is_compared_by_its_cosine(made: Made | None) -> None:
    said = verdict(made)
    assert said.en == "Of 2 people (4 references), Ada is nearest: cosine 0.950, at or above the threshold 0.930."
    assert said.zh == "在 2 人（4 条参考）中，Ada 最接近：余弦 0.950，不低于阈值 0.930。"


def test_several_references_decide_as_one_and_the_nearest_is_told_too() -> None:
    said = verdict(Made(0.97, 3, False))
    assert "nearest: score 0.950, at or above" in said.en
    assert said.en.endswith("their 3 references as one; the nearest reference alone has the cosine 0.970.")
    assert "得分 0.950" in said.zh
    assert said.zh.endswith("单看最接近的一条参考，余弦为 0.970。")


def test_a_corrected_score_is_told_apart_from_the_cosine() -> None:
    one, several = verdict(Made(0.96, 1, True)), verdict(Made(0.97, 3, True), score=0.9)
    assert one.en.endswith(
        "The score is the cosine 0.960 to the reference, corrected for how near strangers come to both."
    )
    assert "but the score 0.900 is below the threshold 0.930: too little to give a name." in several.en
    assert "as one, corrected for how near strangers come to both; the nearest reference alone" in several.en


@pytest.mark.parametrize(
    ("probability", "en", "zh"),
    [
        (0.974, "is 97.4 %", "为97.4%"),
        (1.0, "is more than 99.9 %", "为超过 99.9%"),
        (0, "is less than 0.1 %", "为不到 0.1%"),
    ],
)
def test_how_likely_it_is_with_what_that_assumes(probability: float, en: str, zh: str) -> None:
    said = verdict(None, probability)
    assert f"The probability that it is Ada {en}, if half of the faces asked about belong to nobody" in said.en
    assert zh in said.zh
