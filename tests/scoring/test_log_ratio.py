import numpy as np
import pytest

from facepipe.scoring.evidence import ByReferences, Evidence, probability, shares


def two_kinds(count: int, lapse: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Genuine scores around 2, impostors' around 0, both with a standard deviation of 1: ln(ratio) = 2 s − 2."""
    rng = np.random.default_rng(7)
    genuine, impostor = rng.normal(2, 1, count), rng.normal(0, 1, 10 * count)
    lost = rng.random(count) < lapse
    genuine[lost] = rng.normal(0, 1, int(lost.sum()))
    return genuine.astype(np.float32), impostor.astype(np.float32)


def test_the_fit_finds_the_ratio_of_two_normal_distributions() -> None:
    found = Evidence.fit(*two_kinds(50_000))
    assert found.log_ratio(np.array([0.0, 1.0, 2.0], np.float32)) == pytest.approx([-2, 0, 2], abs=0.1)


def test_a_lapse_keeps_low_scores_from_saying_too_much() -> None:
    found = Evidence.fit(*two_kinds(50_000, lapse=0.05))
    assert found.lapse == pytest.approx(0.05, rel=0.3)
    assert found.log_ratio(-10.0) == pytest.approx(np.log(found.lapse))
    assert found.log_ratio(2.0) == pytest.approx(np.log(0.95 * np.exp(2) + 0.05), abs=0.15)


def test_no_score_says_more_than_the_impostors_can_show() -> None:
    found = Evidence.fit(*two_kinds(1000))
    assert found.log_ratio(100.0) == pytest.approx(np.log(10_000))


def test_stated_probabilities_are_the_observed_shares() -> None:
    found = Evidence.fit(*two_kinds(20_000))
    genuine, impostor = (scores[::-1][:10_000] for scores in two_kinds(30_000))
    for prior in (0.5, 0.1):
        stated = [probability(found.log_ratio(scores), prior) for scores in (genuine, impostor)]
        for low in (0.2, 0.4, 0.6, 0.8):
            seen = [float(((p >= low) & (p < low + 0.2)).mean()) for p in stated]
            share = prior * seen[0] / (prior * seen[0] + (1 - prior) * seen[1])
            assert low - 0.03 < share < low + 0.23


@pytest.mark.parametrize(
    ("genuine", "impostor", "why"),
    [
        (np.ones(9), np.zeros(99), "of one person: 9, of two people: 99; expected at least 10"),
        (np.zeros(50), np.ones(50), "scores of one person are not higher"),
    ],
)
def test_scores_that_cannot_be_fitted(genuine: np.ndarray, impostor: np.ndarray, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Evidence.fit(genuine.astype(np.float32), impostor.astype(np.float32))


def test_evidence_that_is_none_is_refused() -> None:
    for values in ((0, 0, 0.1, 5), (1, float("nan"), 0.1, 5), (1, 0, 0, 5), (1, 0, 1, 5)):
        with pytest.raises(ValueError, match="evidence"):
            Evidence(*values)


def test_probability_by_prior() -> None:
    assert probability(np.log(3.0)) == pytest.approx(0.75)
    assert probability(np.log(3.0), 0.1) == pytest.approx(0.25)


def test_shares_among_many() -> None:
    """Ten enrolled, half of the probes theirs: each has 1 in 20 before anything is seen, nobody 10 in 20."""
    ratios = np.log([30.0, 10.0])
    assert shares(ratios, 10) == pytest.approx([30 / 50, 10 / 50])
    assert shares(ratios[:1], 1) == pytest.approx([30 / 31])
    assert shares(np.log([1.0]), 1000, enrolled=0.5)[0] == pytest.approx(1 / 1001)


def test_what_a_score_says_by_the_number_of_references() -> None:
    one, three = Evidence(10.0, -5.0, 0.01, 50.0), Evidence(20.0, -12.0, 0.01, 50.0)
    both, score = ByReferences((1, 3), (one, three)), np.full((2, 2), 0.7, np.float32)
    expected = [[one.log_ratio(0.7)] * 2, [three.log_ratio(0.7)] * 2]
    assert both.log_ratio(score, np.array([[1, 2], [3, 9]])) == pytest.approx(np.array(expected), abs=1e-5)
    assert both.single == one
    for counts in ((2, 3), (1, 1), (1, 3, 5), ()):
        with pytest.raises(ValueError, match="ascending numbers of references from 1"):
            ByReferences(counts, (one, three))
