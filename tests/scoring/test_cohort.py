"""Against a slow computation that says what is meant, one comparison at a time."""

import numpy as np
import pytest

from facepipe.scoring.cohort import FEWEST, MOST_OF_ONE, NEAREST, Cohort

RNG = np.random.default_rng(11)


def faces(count: int) -> np.ndarray:
    vectors = RNG.normal(size=(count, 16)) + 1.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


PEOPLE = [f"p{n % 260}" for n in range(700)]
VECTORS = faces(700)


def strangers(vector: np.ndarray, without: set[str | None]) -> tuple[float, float]:
    cosines = [float(vector @ other) for other, name in zip(VECTORS, PEOPLE, strict=True) if name not in without]
    nearest = np.sort(cosines)[::-1][:NEAREST]
    return float(nearest.mean()), float(nearest.std())


def slow(cohort: Cohort, probe: np.ndarray, who: str | None, reference: np.ndarray, whose: str | None) -> float:
    mean, sd = cohort.typical
    z = 0.0
    for side in (probe, reference):
        middle, spread = strangers(side, {who, whose} - {None})
        z += (float(probe @ reference) - middle) / np.hypot(spread, sd) / 2
    return float(np.clip(mean + np.sqrt(2) * sd * z, -1, 1))


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return Cohort(VECTORS, PEOPLE)


def test_as_the_slow_way_and_without_the_people_compared(cohort: Cohort) -> None:
    probes, references = faces(7), np.concatenate([VECTORS[:5], faces(3)])
    who = [None, "p0", "p1", "somebody", "p9", None, "p4"]
    whose = [*PEOPLE[:5], "another", None, "p0"]
    found = cohort.correct(probes @ references.T, probes, references, whose, who)
    expected = [
        [slow(cohort, p, a, r, b) for r, b in zip(references, whose, strict=True)]
        for p, a in zip(probes, who, strict=True)
    ]
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_one_s_own_pictures_in_the_cohort_change_nothing(cohort: Cohort) -> None:
    """Otherwise everybody enrolled would be their own stranger, and never be found."""
    mine = VECTORS[3]
    copies = Cohort(np.concatenate([VECTORS, np.repeat(mine[None], 9, axis=0)]), [*PEOPLE, *["me"] * 9])
    scores = np.array([[0.9]], np.float32)
    with_them = copies.correct(scores, mine[None], mine[None], ["me"])
    assert with_them == pytest.approx(cohort.correct(scores, mine[None], mine[None], ["me"]), abs=2e-3)
    assert copies.correct(scores, mine[None], mine[None], ["stranger"]) < with_them - 0.01


def test_a_face_that_resembles_many_is_marked_down(cohort: Cohort) -> None:
    common = VECTORS.mean(axis=0)
    common /= np.linalg.norm(common)
    odd = RNG.normal(size=16).astype(np.float32)
    odd -= (odd @ common) * common
    odd /= np.linalg.norm(odd)
    both = np.stack([common, odd]).astype(np.float32)
    scores = np.full((2, 2), 0.8, np.float32)
    found = cohort.correct(scores, both, both, ["x", "y"])
    assert found[0, 0] < 0.8 < found[1, 1]
    assert found[0, 1] == pytest.approx(found[1, 0])


def test_a_typical_face_keeps_its_cosine(cohort: Cohort) -> None:
    mean, sd = cohort.typical
    far = [abs(m - mean) + abs(d - sd) for m, d in (strangers(VECTORS[n], {PEOPLE[n]}) for n in range(200))]
    a, b = VECTORS[np.argsort(far)[:2]]
    for cosine in (mean - 0.1, mean, mean + 0.1):
        found = cohort.correct(np.array([[cosine]], np.float32), a[None], b[None], [None])
        assert found[0, 0] == pytest.approx(cosine, abs=0.03)


def test_more_of_a_higher_score(cohort: Cohort) -> None:
    probe, reference = faces(1), faces(1)
    found = [cohort.correct(np.array([[s]], np.float32), probe, reference, ["x"])[0, 0] for s in (0.2, 0.5, 0.8)]
    assert found == sorted(found)


def test_of_one_person_only_so_many_count() -> None:
    many = Cohort(np.concatenate([VECTORS, faces(500)]), [*PEOPLE, *["crowd"] * 500])
    assert len(many) == len(VECTORS) + MOST_OF_ONE


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ValueError, match=f"a cohort of {FEWEST - 1} people: expected at least {FEWEST}"):
        Cohort(VECTORS[: FEWEST - 1], PEOPLE[: FEWEST - 1])
