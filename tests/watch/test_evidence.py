from dataclasses import replace

import numpy as np
import pytest

from facepipe.align.quality import Measures
from facepipe.records import Template
from facepipe.watch.evidence import ENOUGH, LATER, MOST, RARELY, SOON, Evidence, View, is_good, worth

FRONTAL = Measures(
    size=90, outside=0, light=120, contrast=80, glare=0, sharpness=0.25, yaw=0, pitch=0, roll=0
)  # fmt: skip


def view(*vector: float, value: float = 0.5, good: bool = True) -> View:
    return View(Template.from_embedding(np.array(vector, np.float32), "toy"), value, good)


def test_a_chip_is_worth_what_it_shows() -> None:
    assert worth(FRONTAL, 1.0) == 1
    poorer = [
        {"size": 30.0}, {"sharpness": 0.1}, {"yaw": 45.0}, {"yaw": -45.0}, {"pitch": 40.0}, {"outside": 0.5}
    ]  # fmt: skip
    assert all(0 < worth(replace(FRONTAL, **change), 1.0) < 0.9 for change in poorer)
    assert worth(FRONTAL, 0.8) == pytest.approx(0.8)
    assert worth(replace(FRONTAL, size=400, sharpness=2), 1.0) == 1


def test_a_chip_that_tells_too_little_is_not_good() -> None:
    assert is_good(FRONTAL)
    for change in ({"yaw": -60.0}, {"pitch": 60.0}, {"roll": 50.0}, {"sharpness": 0.01}, {"size": 20.0}, {"light": 5.0},
                   {"light": 250.0}, {"outside": 0.5}):  # fmt: skip
        assert not is_good(replace(FRONTAL, **change)), change


def test_the_best_are_kept_and_few() -> None:
    evidence = Evidence()
    for number, value in enumerate([0.5, 0.3, 0.6, 0.2, 0.4]):
        assert evidence.add(view(1, number, value=value), number)
    assert not evidence.add(view(1, 9, value=0.1), 6)
    assert evidence.add(view(1, 9, value=0.7), 7)
    assert sorted(kept.worth for kept in evidence.views) == [0.3, 0.4, 0.5, 0.6, 0.7]
    assert not evidence.add(view(1, 9, value=0.9, good=False), 8)  # good ones come first
    assert len(evidence.views) == MOST


def test_a_decision_takes_several_good_chips() -> None:
    evidence = Evidence()
    evidence.add(view(1, 0, good=False), 0)
    for number in range(ENOUGH):
        assert not evidence.decidable
        evidence.add(view(1, 0), number)
    assert evidence.decidable


def test_chips_are_wanted_less_and_less() -> None:
    evidence = Evidence()
    assert evidence.wants(0.1, True, 0.0)
    for number in range(ENOUGH):
        evidence.add(view(1, 0), number)
        assert not evidence.wants(0.9, True, number + SOON - 0.01)
        assert evidence.wants(0.1, True, number + SOON + 0.01) == (number < ENOUGH - 1)
        assert evidence.wants(0.1, True, number + LATER + 0.01)
    for number in range(ENOUGH, MOST):
        evidence.add(view(1, 0), number)
    soon, later, rarely = (MOST - 1 + seconds + 0.01 for seconds in (SOON, LATER, RARELY))
    assert not evidence.wants(0.9, True, soon)
    assert evidence.wants(0.9, True, later)
    assert not evidence.wants(0.9, False, later)  # it would replace no good one
    assert not evidence.wants(0.5, True, later)  # no better than those there are
    assert evidence.wants(0.5, False, rarely)


def test_likeness_is_the_mean_of_the_cosines() -> None:
    evidence = Evidence()
    evidence.add(view(1, 0), 0)
    evidence.add(view(0, 1), 1)
    probe = view(1, 0).template
    assert evidence.alike(probe) == pytest.approx(0.5)
    template, length = evidence.template()
    assert template.cosine(probe) * length == pytest.approx(0.5)  # alone it would say 0.71
    assert length == pytest.approx(np.sqrt(0.5))
