from dataclasses import replace

import numpy as np
import pytest

from facepipe.align.quality import Measures
from facepipe.records import Template
from facepipe.watch.sightings import ENOUGH, LATER, MOST, RARELY, SOON, Sighting, Sightings, is_good, worth

FRONTAL = Measures(
    size=90, outside=0, light=120, contrast=80, glare=0, sharpness=0.25, yaw=0, pitch=0, roll=0
)  # fmt: skip


def sighting(*vector: float, value: float = 0.5, good: bool = True) -> Sighting:
    return Sighting(Template.from_embedding(np.array(vector, np.float32), "toy"), value, good)


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
    sightings = Sightings()
    for number, value in enumerate([0.5, 0.3, 0.6, 0.2, 0.4]):
        assert sightings.add(sighting(1, number, value=value), number)
    assert not sightings.add(sighting(1, 9, value=0.1), 6)
    assert sightings.add(sighting(1, 9, value=0.7), 7)
    assert sorted(kept.worth for kept in sightings.kept) == [0.3, 0.4, 0.5, 0.6, 0.7]
    assert not sightings.add(sighting(1, 9, value=0.9, good=False), 8)  # good ones come first
    assert len(sightings.kept) == MOST


def test_a_decision_takes_several_good_chips() -> None:
    sightings = Sightings()
    sightings.add(sighting(1, 0, good=False), 0)
    for number in range(ENOUGH):
        assert not sightings.decidable
        sightings.add(sighting(1, 0), number)
    assert sightings.decidable


def test_chips_are_wanted_less_and_less() -> None:
    sightings = Sightings()
    assert sightings.wants(0.1, True, 0.0)
    for number in range(ENOUGH):
        sightings.add(sighting(1, 0), number)
        assert not sightings.wants(0.9, True, number + SOON - 0.01)
        assert sightings.wants(0.1, True, number + SOON + 0.01) == (number < ENOUGH - 1)
        assert sightings.wants(0.1, True, number + LATER + 0.01)
    for number in range(ENOUGH, MOST):
        sightings.add(sighting(1, 0), number)
    soon, later, rarely = (MOST - 1 + seconds + 0.01 for seconds in (SOON, LATER, RARELY))
    assert not sightings.wants(0.9, True, soon)
    assert sightings.wants(0.9, True, later)
    assert not sightings.wants(0.9, False, later)  # it would replace no good one
    assert not sightings.wants(0.5, True, later)  # no better than those there are
    assert sightings.wants(0.5, False, rarely)


def test_likeness_is_the_mean_of_the_cosines() -> None:
    sightings = Sightings()
    sightings.add(sighting(1, 0), 0)
    sightings.add(sighting(0, 1), 1)
    probe = sighting(1, 0).template
    assert sightings.alike(probe) == pytest.approx(0.5)
    template, length = sightings.template()
    assert template.cosine(probe) * length == pytest.approx(0.5)  # alone it would say 0.71
    assert length == pytest.approx(np.sqrt(0.5))
