"""Accuracy by folds, counted by hand; folds that keep people apart."""

import numpy as np
import pytest

from facepipe.evaluate.measures.comparisons import Cosine, all_against_all
from facepipe.evaluate.measures.folds import FOLDS, OF_ONE, Trial, draw_list, fold_people, measure_accuracy


def trial(rows: list[tuple[float, bool, int, int]], folds: int = 2) -> Trial:
    """Of (score, same, fold of one person, fold of the other)."""
    scores, same, a, b = zip(*rows, strict=True)
    where = np.stack([a, b], axis=1)
    return Trial(np.array(scores, np.float32), np.array(same), where, where, tuple("xyz"[:folds]), False)


def test_each_fold_is_decided_at_the_threshold_of_the_others() -> None:
    rows = [(0.9, True, 0, 0), (0.3, False, 0, 0), (0.55, False, 0, 0)]  # best around 0.725
    rows += [(0.8, True, 1, 1), (0.7, True, 1, 1), (0.5, False, 1, 1), (0.95, True, 1, 1)]  # best around 0.6
    found = measure_accuracy(trial(rows))
    assert [(f.name, f.pairs, f.accuracy) for f in found.folds] == [("x", 3, 1.0), ("y", 4, 0.75)]
    assert [f.threshold for f in found.folds] == pytest.approx([0.6, 0.725])
    assert found.mean == 0.875
    assert found.standard_error == pytest.approx(0.125)  # standard deviation 0.1768 / √2
    assert found.best == 1.0
    assert found.best_threshold == pytest.approx(0.625)


def test_pairs_across_folds_are_neither_decided_nor_learnt_from() -> None:
    rows = [(0.9, True, 0, 0), (0.1, False, 0, 0), (0.9, True, 1, 1), (0.1, False, 1, 1), (0.99, False, 0, 1)]
    found = measure_accuracy(trial(rows))
    assert [(f.pairs, f.accuracy) for f in found.folds] == [(2, 1.0), (2, 1.0)]
    assert (found.left_out, found.pairs, found.genuine) == (1, 5, 2)
    assert found.best == 0.8  # where all pairs count


def test_a_fold_of_one_kind_is_decided_by_the_others_but_decides_none() -> None:
    rows = [(0.9, True, 0, 0), (0.8, True, 0, 0), (0.7, True, 1, 1), (0.2, False, 1, 1)]
    found = measure_accuracy(trial(rows))
    assert [(f.name, f.accuracy) for f in found.folds] == [("x", 1.0)]
    assert found.standard_error is None


def test_pairs_of_one_kind_have_no_accuracy() -> None:
    assert measure_accuracy(trial([(0.9, True, 0, 0), (0.8, True, 1, 1)])) is None
    assert measure_accuracy(trial([(0.2, False, 0, 0), (0.1, False, 1, 1)])) is None


def test_people_of_sparse_pairs_come_into_folds_of_like_size_that_no_pair_crosses() -> None:
    rng = np.random.default_rng(0)
    people = np.arange(400)
    pairs = rng.permutation(400).reshape(200, 2)
    folds = fold_people(people, pairs)
    assert (folds[pairs[:, 0]] == folds[pairs[:, 1]]).all()
    assert np.bincount(folds[pairs[:, 0]], minlength=FOLDS).tolist() == [20] * FOLDS


def test_people_who_are_all_compared_with_each_other_are_folded_one_by_one() -> None:
    people = np.repeat(np.arange(50), 4)
    pairs = np.stack(np.triu_indices(200, 1), axis=1)
    folds = fold_people(people, pairs)
    assert folds.shape == (50,)
    assert np.bincount(folds, minlength=FOLDS).tolist() == [5] * FOLDS


def test_folds_depend_on_the_seed_alone() -> None:
    people, pairs = np.arange(100), np.arange(100).reshape(50, 2)
    assert np.array_equal(fold_people(people, pairs, 1), fold_people(people, pairs, 1))
    assert not np.array_equal(fold_people(people, pairs, 1), fold_people(people, pairs, 2))


def test_a_drawn_list_is_half_genuine_in_each_fold_and_everybody_in_one() -> None:
    rng = np.random.default_rng(0)
    people = np.concatenate([np.zeros(40, int), np.repeat(np.arange(1, 200), 2)])  # one with many photos
    vectors = rng.normal(size=(len(people), 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs, same, folds = draw_list(all_against_all(Cosine(vectors), people), people)
    where = folds[people[pairs]]
    assert (where[:, 0] == where[:, 1]).all()
    assert ((people[pairs[:, 0]] == people[pairs[:, 1]]) == same).all()
    for fold in range(FOLDS):
        inside = same[where[:, 0] == fold]
        assert inside.sum() == (~inside).sum() > 0
    assert (people[pairs[same]][:, 0] == 0).sum() == OF_ONE
    assert len(np.unique(np.sort(pairs, axis=1), axis=0)) == len(pairs)
