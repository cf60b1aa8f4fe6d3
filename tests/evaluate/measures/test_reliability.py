"""Stated probabilities: honest ones, boastful ones, and those fitted on other people."""

import numpy as np
import pytest

from facepipe.evaluate.measures.bootstrap import draw_people
from facepipe.evaluate.measures.folds import Trial
from facepipe.evaluate.measures.reliability import measure_reliability, state_by_folds

PEOPLE = 300
Trials = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def honest() -> Trials:
    """(stated, same, people): in half of 20,000 pairs of one person, each stated as often as it is so."""
    rng = np.random.default_rng(0)
    stated = rng.beta(0.5, 0.5, 20_000)
    return stated, rng.random(20_000) < stated, rng.integers(0, PEOPLE, (20_000, 2))


def test_honest_probabilities_lie_on_the_line(honest: Trials) -> None:
    found = measure_reliability(*honest, draw_people(PEOPLE), "told")
    assert found is not None
    assert found.source == "told"
    assert sum(one.pairs for one in found.bins) == 20_000
    for one in found.bins:
        assert one.low <= one.stated <= one.high
        assert one.observed.value == pytest.approx(one.stated, abs=0.05)
    assert found.expected_error.value < 0.02
    assert found.brier.low is not None
    assert found.brier.high is not None
    assert found.brier.low < found.brier.value < found.brier.high


@pytest.mark.slow
def test_the_brier_score_is_scikit_learns_with_both_kinds_weighed_alike(
    honest: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    from sklearn.metrics import brier_score_loss  # takes seconds to load

    stated, same, people = honest
    few = same | (np.arange(20_000) % 10 == 0)  # ten times fewer pairs of two people
    found = measure_reliability(stated[few], same[few], people[few], draw_people(PEOPLE), "")
    assert found is not None
    weights = np.where(same[few], 1 / same[few].sum(), 1 / (~same[few]).sum())
    assert found.brier.value == pytest.approx(brier_score_loss(same[few], stated[few], sample_weight=weights))


def test_boastful_probabilities_are_found_out(honest: Trials) -> None:
    stated, same, people = honest
    found = measure_reliability(np.where(stated > 0.5, 0.99, 0.01), same, people, draw_people(PEOPLE), "")
    assert found is not None
    first, last = found.bins
    assert (first.stated, last.stated) == (pytest.approx(0.01), pytest.approx(0.99))
    assert last.observed.value == pytest.approx(0.82, abs=0.03)
    assert found.expected_error.value == pytest.approx(0.17, abs=0.03)


def test_what_was_not_stated_is_left_out_and_one_kind_alone_says_nothing() -> None:
    stated, same = np.array([0.2, np.nan, 0.9]), np.array([False, True, True])
    people, drawn = np.array([[0, 1], [2, 2], [3, 3]]), draw_people(4)
    found = measure_reliability(stated, same, people, drawn, "")
    assert found is not None
    assert found.pairs == 2
    assert measure_reliability(stated[:2], same[:2], people[:2], drawn, "") is None


def test_probabilities_come_from_other_folds() -> None:
    """A fold whose scores say nothing is stated as confidently as the other fold's scores deserve, and the reverse."""
    rng = np.random.default_rng(1)
    same = np.tile([True, False], 400)
    clear = np.where(same[:400], 0.8, 0.2) + rng.normal(0, 0.05, 400)
    vague = np.where(same[400:], 0.51, 0.49) + rng.normal(0, 0.2, 400)
    folds = np.repeat([[0, 0], [1, 1]], 400, axis=0)
    trial = Trial(np.concatenate([clear, vague]).astype(np.float32), same, folds, folds, ("clear", "vague"), False)
    stated = state_by_folds(trial)
    assert np.isfinite(stated).all()
    assert np.mean((stated[:400] > 0.1) & (stated[:400] < 0.9)) > 0.9  # by what was learnt from the vague fold
    assert np.mean((stated[400:] < 0.1) | (stated[400:] > 0.9)) > 0.5


def test_too_few_scores_to_learn_from_state_nothing() -> None:
    folds = np.array([[0, 0], [1, 1]])
    trial = Trial(np.array([0.9, 0.1], np.float32), np.array([True, False]), folds, folds, ("a", "b"), False)
    assert np.isnan(state_by_folds(trial)).all()
