"""Vectors in the plane, whose cosines can be read off."""

import numpy as np
import pytest

from facepipe.scoring.fusion import fuse


def at(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_one_reference_is_itself() -> None:
    assert fuse(at(10, 200), [1, 1]) == pytest.approx(at(10, 200), abs=1e-6)


def test_the_score_is_between_the_mean_cosine_and_the_cosine_to_the_mean() -> None:
    references = at(-30, 30)  # the mean lies at 0° and is cos 30° long
    (score,) = fuse(references, [2]) @ at(0)[0]
    assert score == pytest.approx(np.sqrt(np.cos(np.pi / 6)))
    (score,) = fuse(references, [2]) @ at(30)[0]
    mean_cosine, cosine_to_mean = (1 + np.cos(np.pi / 3)) / 2, np.cos(np.pi / 6)
    assert score == pytest.approx(np.sqrt(mean_cosine * cosine_to_mean))


def test_equal_references_count_as_one() -> None:
    assert fuse(at(70, 70, 70), [3]) == pytest.approx(at(70), abs=1e-6)


def test_each_person_by_themselves() -> None:
    together = fuse(at(0, 40, 90, 100, 170), [2, 1, 2])
    alone = np.concatenate([fuse(at(0, 40), [2]), fuse(at(90), [1]), fuse(at(100, 170), [2])])
    assert together == pytest.approx(alone, abs=1e-6)


def test_references_that_cancel_each_other_out_match_nobody() -> None:
    assert np.abs(fuse(at(0, 180), [2]) @ at(0, 45, 90).T).max() < 1e-3


def test_strangers_reach_a_threshold_as_often_however_many_references_there_are() -> None:
    """Faces as noise around what is theirs: the rate of one reference holds for eight, where the best of the cosines
    and the cosine to the mean both let in more."""
    rng = np.random.default_rng(3)
    dimension, people, common = 64, 400, 3.0  # all faces have something in common, as real embeddings do

    def unit(vectors: np.ndarray) -> np.ndarray:
        return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)

    own = rng.normal(size=(people, 1, dimension)) + common
    photos = unit(own + 0.6 * rng.normal(size=(people, 9, dimension)))
    probes, references = photos[:, 8], photos[:, :8]
    others = ~np.eye(people, dtype=bool)
    single = (probes @ references[:, 0].T)[others]
    limit = np.quantile(single, 0.999)
    eight = {
        "fused": (probes @ fuse(references.reshape(-1, dimension), [8] * people).T)[others],
        "best": np.einsum("pd,qrd->pqr", probes, references).max(axis=2)[others],
        "mean": (probes @ unit(references.mean(axis=1)).T)[others],
    }
    rates = {name: float((scores >= limit).mean()) for name, scores in eight.items()}
    assert rates["fused"] < 0.002 < rates["best"]
    assert rates["fused"] < rates["mean"]
