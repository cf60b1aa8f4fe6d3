"""Block by block, and thinned out, against all scores at once."""

import numpy as np
import pytest

from facepipe.evaluate.measures import comparisons as under_test
from facepipe.evaluate.measures.cohort_scores import Corrected
from facepipe.evaluate.measures.comparisons import Cosine, all_against_all, listed
from facepipe.scoring.cohort import Near

COUNT = 90


@pytest.fixture
def vectors() -> np.ndarray:
    found = np.random.default_rng(0).normal(size=(COUNT, 8)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def people() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 25, COUNT)


def everything(vectors: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All scores of pairs of one person and of two, ascending."""
    a, b = np.triu_indices(COUNT, 1)
    scores, same = (vectors @ vectors.T)[a, b], people[a] == people[b]
    return np.sort(scores[same]), np.sort(scores[~same])


@pytest.mark.parametrize("block", [7, 90, 500])
def test_blocks_hold_every_pair_once(
    vectors: np.ndarray, people: np.ndarray, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "BLOCK", block)
    found = all_against_all(Cosine(vectors), people)
    genuine, impostor = everything(vectors, people)
    assert found.genuine == pytest.approx(genuine, abs=1e-6)
    assert found.impostor == pytest.approx(impostor, abs=1e-6)
    assert found.kept == pytest.approx(impostor[::-1], abs=1e-6)
    assert found.of == len(impostor) == found.weight.sum()
    for scores, pairs, same in ((found.genuine, found.genuine_pairs, True), (found.kept, found.kept_pairs, False)):
        assert np.einsum("pd,pd->p", vectors[pairs[:, 0]], vectors[pairs[:, 1]]) == pytest.approx(scores, abs=1e-6)
        assert ((people[pairs[:, 0]] == people[pairs[:, 1]]) == same).all()
        assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_of_very_many_the_tail_is_kept_and_the_rest_thinned(
    vectors: np.ndarray, people: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BLOCK", 20), ("TAIL", 300), ("SAMPLE", 400)):
        monkeypatch.setattr(under_test, name, value)
    found = all_against_all(Cosine(vectors), people)
    _, impostor = everything(vectors, people)
    assert found.impostor == pytest.approx(impostor, abs=1e-6)
    assert found.kept[:300] == pytest.approx(impostor[::-1][:300], abs=1e-6)
    assert (found.weight[:300] == 1).all()
    assert (np.diff(found.kept) <= 0).all()
    assert 400 < len(found.kept) < len(impostor)
    assert found.weight.sum() == pytest.approx(len(impostor))
    low = float(np.quantile(impostor, 0.25))
    assert found.weight[found.kept < low].sum() / len(impostor) == pytest.approx(0.25, abs=0.03)


def test_of_more_than_memory_holds_a_random_part_is_scored(
    vectors: np.ndarray, people: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BLOCK", 20), ("MOST", 1000)):
        monkeypatch.setattr(under_test, name, value)
    found = all_against_all(Cosine(vectors), people)
    genuine, impostor = everything(vectors, people)
    assert found.of == len(impostor)
    assert 850 < len(found.impostor) < 1150
    assert found.genuine == pytest.approx(genuine, abs=1e-6)
    assert np.median(found.impostor) == pytest.approx(np.median(impostor), abs=0.05)


def test_listed_pairs_keep_their_images(vectors: np.ndarray) -> None:
    pairs = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    found = listed(Cosine(vectors), pairs, np.array([True, False, True, False]))
    scores = np.einsum("pd,pd->p", vectors[::2], vectors[1::2])[:4]
    assert found.genuine == pytest.approx(np.sort(scores[[0, 2]]))
    assert found.genuine_pairs.tolist() == pairs[[0, 2]][np.argsort(scores[[0, 2]])].tolist()
    assert found.kept_pairs.tolist() == pairs[[1, 3]][np.argsort(-scores[[1, 3]])].tolist()
    assert found.kept == pytest.approx(found.impostor[::-1])


class Marked:
    """A cohort that shows who was told to be left out, and changes nothing else."""

    def near(self, vectors: np.ndarray, people: list[str]) -> Near:
        assert len(vectors) == len(people) <= 16
        return Near(vectors, vectors, np.array([int(name) for name in people]))

    def correct_near(self, scores: np.ndarray, probes: Near, references: Near) -> np.ndarray:
        return scores + np.float32(10) * probes.own[:, None] + references.own


def test_corrected_blocks_and_pairs_are_told_whose_faces_they_are(
    vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facepipe.evaluate.measures.cohort_scores.SIDE", 16)
    people = [str(number % 7) for number in range(COUNT)]
    corrected = Corrected(vectors, people, Marked())  # type: ignore[arg-type]
    numbers = np.array([int(name) for name in people])
    expected = vectors @ vectors.T + 10 * numbers[:, None] + numbers
    assert corrected.block(30, 50) == pytest.approx(expected[30:50, 30:], abs=1e-4)
    a, b = np.random.default_rng(2).integers(0, COUNT, (2, 200))
    assert corrected.pairs(a, b) == pytest.approx(expected[a, b], abs=1e-4)
