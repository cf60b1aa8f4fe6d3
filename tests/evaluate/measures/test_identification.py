"""Open-set identification of people whose faces are known by construction, counted by hand."""

import numpy as np
import pytest

from facepipe.errors import UsageError
from facepipe.evaluate.measures.identification import SPLITS, measure_identification

AXES = np.eye(12, dtype=np.float32)


def near(axis: int, other: int, cosine: float) -> np.ndarray:
    """A unit vector at ``cosine`` from one axis, towards another."""
    return np.asarray(cosine * AXES[axis] + np.sqrt(1 - cosine**2) * AXES[other], np.float32)


def test_people_who_look_like_nobody_else_are_all_found_and_no_stranger_is() -> None:
    vectors, people = np.repeat(AXES[:10], 4, axis=0), np.repeat(np.arange(10), 4)
    found = measure_identification(vectors, people, left_out=0.3, limit=lambda people: 0.5)
    (size,) = found.sizes
    assert (size.people, found.references, found.splits) == (7, 2, SPLITS)
    assert (size.enrolled_probes, size.stranger_probes) == (7 * 2 * SPLITS, 3 * 4 * SPLITS)
    assert size.rank1.value == 1
    assert all(at.found.value == 1 for at in size.at)
    assert size.fpir is not None
    assert size.fpir.value == 0
    assert size.found is not None
    assert size.found.value == 1


def test_rates_at_a_limit_are_counted() -> None:
    """Everybody has a photo that is the person and one at 0.6; strangers come to nobody nearer than 0."""
    vectors = np.stack([v for n in range(6) for v in (AXES[n], near(n, n + 6, 0.6))])
    people = np.repeat(np.arange(6), 2)
    loose = measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.5)
    strict = measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.7)
    for found, expected in ((loose, 1.0), (strict, 0.0)):  # 0.6 is what the two photos score, whichever is enrolled
        size = found.sizes[-1]
        assert size.rank1.value == 1
        assert size.found is not None
        assert size.found.value == expected


def test_a_stranger_who_is_enrolled_peoples_double_is_named_unless_the_limit_is_higher() -> None:
    """Persons 0 and 1 are alike (0.9) and alone; of each split one is left out, or both, or none."""
    vectors = np.stack([AXES[0], AXES[0], near(0, 1, 0.9), near(0, 1, 0.9)])
    people = np.array([0, 0, 1, 1])
    found = measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.8)
    size = found.sizes[-1]
    assert size.people == 1
    assert size.fpir is not None
    assert size.fpir.value == 1
    at = {a.fpir: a for a in size.at}
    assert at[0.1].threshold == pytest.approx(0.9, abs=1e-5)
    assert at[0.1].found.value == 1  # above the double's score: they are themselves


def test_a_small_gallery_is_easier_than_a_large_one() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(120, 6))
    vectors = np.repeat(centres, 3, axis=0) + rng.normal(size=(360, 6)) * 0.5
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    people = np.repeat(np.arange(120), 3)
    found = measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.9)
    assert [size.people for size in found.sizes] == [10, 30, 60]
    rank1 = [size.rank1.value for size in found.sizes]
    fpir = [size.fpir.value for size in found.sizes if size.fpir]
    assert rank1 == sorted(rank1, reverse=True)
    assert fpir == sorted(fpir)
    assert rank1[0] > rank1[-1] + 0.1
    for size in found.sizes:  # where every stranger gets a name, whoever is first is found, and nobody else
        assert (size.curve.fmr[-1], size.curve.tmr[-1]) == (1, pytest.approx(size.rank1.value))
    again = measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.9)
    assert again == found
    assert measure_identification(vectors, people, left_out=0.5, limit=lambda people: 0.9, seed=1) != found


def test_rank_one_by_brute_force() -> None:
    """With one reference and one probe each the fused score is the cosine: count rows of the whole matrix."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(60, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    people = np.repeat(np.arange(30), 2)
    found = measure_identification(vectors, people, left_out=1 / 30)
    size = found.sizes[-1]
    assert size.people == 29
    counted = []
    from facepipe.evaluate.measures.identification import _split

    for number in range(SPLITS):
        split = _split(people, 1 / 30, np.random.default_rng([0, number]))
        references = np.concatenate(split.references)
        scores = vectors[split.known] @ vectors[references].T
        counted += (people[references][scores.argmax(axis=1)] == people[split.known]).tolist()
    assert size.rank1.value == pytest.approx(np.mean(counted))


def test_one_person_with_two_photos_is_enough_where_they_are_enrolled() -> None:
    found = measure_identification(AXES[[0, 0, 1, 2, 3, 4]], np.array([0, 0, 1, 2, 3, 4]), left_out=0.5)
    assert 0 < found.sizes[-1].enrolled_probes < SPLITS
    assert found.sizes[-1].rank1.value == 1


def test_people_with_one_photo_each_cannot_be_found_again() -> None:
    with pytest.raises(UsageError, match="nobody who is enrolled has a second photo"):
        measure_identification(AXES, np.arange(12), left_out=0.5)
