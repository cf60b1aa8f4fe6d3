"""What a gallery's own people say of strangers: against populations whose rates are known."""

import math

import numpy as np
import pytest

from facepipe.scoring.strangers import Chance, OwnStrangers, chance_by_curve, threshold_by_curve
from facepipe.scoring.tail import Curve, Tail

TAIL = Tail(0.5, 1e-3, 0.02, 0.0, {"1e-3": (8e-4, 1.2e-3), "1e-5": (2e-6, 3e-5), "1e-8": (0.0, 1e-6)})
CURVE = Curve({"1e-2": 0.4, "1e-3": 0.5}, TAIL)


def maxima(people: int, times: float = 1.0) -> np.ndarray:
    """The quantiles of the best score with ``people`` − 1 others, of whom strangers reach a score ``times`` as often as
    the curve says; descending."""
    none = 1 - (np.arange(people) + 0.5) / people  # that nobody reaches it
    rates = -np.expm1(np.log(none) / (people - 1)) / times
    return np.array([CURVE.score(rate) for rate in rates], np.float32)


def own(people: int, times: float = 1.0) -> OwnStrangers:
    return OwnStrangers(people, maxima(people, times), np.ones(people))


@pytest.mark.parametrize("people", [50, 200, 3000])
@pytest.mark.parametrize("fpir", [1e-1, 1e-2, 1e-3])
def test_people_as_alike_as_those_of_the_card_say_what_it_says(people: int, fpir: float) -> None:
    limit = own(people).threshold(fpir, CURVE)
    assert limit is not None
    assert limit == pytest.approx(threshold_by_curve(fpir, people, CURVE), abs=0.002)
    assert own(people).chance(limit, CURVE).value == pytest.approx(fpir, rel=0.05)
    assert chance_by_curve(limit, people, CURVE).value == pytest.approx(fpir, rel=0.1)


@pytest.mark.parametrize(("people", "least"), [(50, 2.8), (200, 3.0), (5000, 3.5)])
def test_the_more_people_the_more_they_count_against_the_card(people: int, least: float) -> None:
    limit = threshold_by_curve(1e-2, people, CURVE)
    found = own(people, times=4.0).chance(limit, CURVE).value / 1e-2
    assert least < found < 4.1


def test_of_one_more_person_a_stranger_resembles_somebody_more_often() -> None:
    two, three = (chance_by_curve(0.5, people, CURVE).value for people in (2, 3))
    assert two == pytest.approx(1 - 0.999**2)
    assert three == pytest.approx(1 - 0.999**3)
    assert chance_by_curve(0.5, 0, CURVE).value == 0


def test_many_people_need_no_curve() -> None:
    scores = np.linspace(0.9, 0.1, 1000).astype(np.float32)
    found = OwnStrangers(1000, scores, np.ones(1000))
    assert found.threshold(1e-1, None) == pytest.approx(float(scores[99:101].mean()))
    assert found.threshold(1e-2, None) == pytest.approx(float(scores[9:11].mean()))
    assert found.threshold(1e-3, None) is None  # one probe says nothing
    some = found.chance(float(scores[99]), None)
    assert some.value == pytest.approx(0.1)
    assert some.low is not None
    assert some.high is not None
    assert 0.06 < some.low < 0.1 < some.high < 0.14
    assert found.chance(0.95, None).value == 0


def test_many_photos_of_a_person_count_as_one() -> None:
    once = own(100)
    thrice = OwnStrangers(100, np.repeat(once.scores, 3), np.full(300, 1 / 3))
    assert thrice.asked == pytest.approx(once.asked)
    assert thrice.threshold(1e-2, CURVE) == pytest.approx(once.threshold(1e-2, CURVE), abs=0.002)


def test_the_interval_holds_what_it_should() -> None:
    """Galleries drawn from the curve, twice as alike as it says: the truth is inside in nearly all."""
    rng, inside = np.random.default_rng(0), 0
    limit = threshold_by_curve(1e-2, 200, CURVE)
    truth = -math.expm1(200 * math.log1p(-2 * CURVE.rate(limit)))
    for _ in range(200):
        rates = -np.expm1(np.log(rng.random(200)) / 199) / 2
        scores = np.sort([CURVE.score(rate) for rate in rates])[::-1].astype(np.float32)
        found = OwnStrangers(200, scores, np.ones(200)).chance(limit, CURVE)
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= truth <= found.high
    assert inside >= 185


def test_beyond_what_was_seen_it_is_wider_and_without_a_tail_unknown() -> None:
    found = own(200)
    near, far = (found.chance(threshold_by_curve(fpir, 200, CURVE), CURVE) for fpir in (1e-1, 1e-3))
    ratios = [math.log((each.high or 0) / (each.low or 1)) for each in (near, far)]
    assert ratios[1] > 1.5 * ratios[0]
    plain = Curve({"1e-2": 0.4, "1e-3": 0.5})
    assert found.chance(0.6, plain) == Chance(found.chance(0.6, plain).value)
    assert chance_by_curve(0.6, 10, plain).low is None
