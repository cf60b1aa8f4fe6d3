"""Everybody enrolled as a stranger to all the others: against the same worked out directly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facepipe.gallery import Gallery, NewReference, own_strangers
from facepipe.records import Floats, Template
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.scoring.fusion import fuse

PEOPLE, SIZE = 60, 8
EVIDENCE = ByReferences((1,), (Evidence(200.0, -186.0, 0.01, 9.0),))  # of 60 people: one person from 0.97 on


def vectors(count: int, seed: int = 0) -> Floats:
    made = np.random.default_rng(seed).normal(size=(count, SIZE))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def reference(vector: Floats) -> NewReference:
    return NewReference(Template(vector / np.linalg.norm(vector), 1.0, "toy@1"))


def enroll(gallery: Gallery, people: Floats, prefix: str = "p") -> None:
    gallery.add_many((f"{prefix}{number:03}", reference(vector)) for number, vector in enumerate(people))


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.open(tmp_path / "people.db") as opened:
        yield opened


def test_the_best_score_of_each_with_anybody_else(gallery: Gallery) -> None:
    people = vectors(PEOPLE)
    enroll(gallery, people)
    found = gallery.own_strangers()
    assert found is not None
    scores = people @ people.T
    np.fill_diagonal(scores, -1)
    assert found.scores == pytest.approx(np.sort(scores.max(axis=1))[::-1], abs=1e-6)
    assert (found.people, found.asked, found.alike) == (PEOPLE, PEOPLE, ())


def test_several_references_are_one_person_with_one_voice(gallery: Gallery) -> None:
    people, again = vectors(PEOPLE), vectors(PEOPLE, seed=1)
    enroll(gallery, people)
    few = people[:5] + 0.1 * again[:5]
    few /= np.linalg.norm(few, axis=1, keepdims=True)
    enroll(gallery, few)
    found = gallery.own_strangers()
    assert found is not None
    assert (len(found.scores), found.asked) == (PEOPLE + 5, pytest.approx(PEOPLE))
    pairs = np.stack([people[:5], few], axis=1).reshape(10, SIZE)
    fused = np.concatenate([fuse(pairs, [2] * 5), people[5:]])
    scores = np.concatenate([people, few]) @ fused.T
    scores[np.arange(PEOPLE + 5), np.append(np.arange(PEOPLE), np.arange(5))] = -1
    assert found.scores == pytest.approx(np.sort(scores.max(axis=1))[::-1], abs=1e-5)
    assert sorted(set(found.weights)) == [0.5, 1.0]


def test_fewer_than_fifty_say_nothing(gallery: Gallery) -> None:
    assert gallery.own_strangers() is None
    enroll(gallery, vectors(49))
    assert gallery.own_strangers() is None
    gallery.add("one more", [reference(vectors(1, seed=2)[0])])
    assert gallery.own_strangers() is not None


def test_it_follows_the_gallery_and_is_measured_once(gallery: Gallery) -> None:
    enroll(gallery, vectors(PEOPLE))
    first = gallery.own_strangers(EVIDENCE)
    assert gallery.own_strangers(EVIDENCE) is first
    with Gallery.open(gallery.path) as other:
        other.add("new", [reference(vectors(1, seed=3)[0])])
    second = gallery.own_strangers(EVIDENCE)
    assert second is not None
    assert second.people == PEOPLE + 1
    gallery.remove("new")
    third = gallery.own_strangers(EVIDENCE)
    assert first is not None
    assert third is not None
    assert third.scores.tolist() == first.scores.tolist()


def test_one_person_under_two_names_is_no_stranger_to_themselves(gallery: Gallery) -> None:
    people = vectors(PEOPLE)
    enroll(gallery, people)
    before = gallery.own_strangers(EVIDENCE)
    gallery.add("Ada again", [reference(people[7] + 0.01 * vectors(1, seed=4)[0])])
    spoilt, after = gallery.own_strangers(), gallery.own_strangers(EVIDENCE)
    assert before is not None
    assert after is not None
    assert spoilt is not None
    assert spoilt.scores[0] > 0.99
    assert after.alike == (("Ada again", "p007"),)
    assert after.scores[0] < 0.97
    assert abs(float(np.median(after.scores)) - float(np.median(before.scores))) < 0.02


def test_of_a_large_gallery_some_are_asked_and_always_the_same(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_strangers, "MOST", 100)
    people = vectors(300)
    enroll(gallery, people)
    first = gallery.own_strangers()
    gallery.add("new", [reference(vectors(1, seed=3)[0])])
    second = gallery.own_strangers()
    assert first is not None
    assert second is not None
    assert (first.people, first.asked) == (300, 100)
    assert len(set(first.scores.tolist()) & set(second.scores.tolist())) >= 90
    monkeypatch.setattr(own_strangers, "WORK", 40 * 301)
    gallery.rename("new", "newer")
    assert gallery.own_strangers() is None
