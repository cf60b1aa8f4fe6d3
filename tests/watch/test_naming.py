from dataclasses import astuple

import pytest

from facepipe.networks.cards import find_card
from facepipe.watch.naming import Levels, levels

LEVELS = Levels(limit=0.90, loose=0.88, strict=0.92, slack=0.02)


def test_levels_come_from_the_card() -> None:
    card = find_card("dlib_resnet")
    found = levels(card.threshold, 0.95)
    assert found == Levels(
        0.95, card.threshold("1e-2"), card.threshold("1e-4"), card.threshold("1e-3") - card.threshold("1e-2")
    )


def test_a_clear_likeness_lies_above_every_level() -> None:
    assert LEVELS.clear == pytest.approx(0.94)
    assert Levels(limit=0.97, loose=0.88, strict=0.92, slack=0.02).clear == pytest.approx(0.99)


def test_a_card_without_measurements_has_levels_about_the_limit() -> None:
    card = find_card("inception_resnet_v1-vggface2")
    assert not card.thresholds
    found = levels(card.threshold, 0.5)
    assert astuple(found) == pytest.approx((0.5, 0.45, 0.55, 0.05))
