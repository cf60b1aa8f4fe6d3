"""How often strangers reach a score: against distributions whose tails are known."""

import math

import numpy as np
import pytest

from facepipe.scoring.tail import RAREST, Curve, Tail

TAIL = Tail(0.5, 1e-3, 0.02, -0.1, {"1e-3": (5e-4, 2e-3), "1e-5": (1e-6, 4e-5)})


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.2])
def test_the_rate_of_the_score_of_a_rate_is_the_rate(shape: float) -> None:
    tail = Tail(0.5, 1e-3, 0.02, shape)
    for rate in (1e-3, 1e-4, 1e-6, 1e-8):
        assert tail.rate(tail.score(rate)) == pytest.approx(rate)


def test_an_exponential_tail_takes_as_much_for_each_tenth() -> None:
    tail = Tail(0.5, 1e-3, 0.02, 0.0)
    assert tail.score(1e-3) == 0.5
    assert tail.score(1e-4) == pytest.approx(0.5 + 0.02 * math.log(10))
    assert tail.score(1e-5) == pytest.approx(0.5 + 0.02 * math.log(100))


def test_a_tail_that_ends_says_next_to_nothing_beyond_its_end() -> None:
    end = 0.5 + 0.02 / 0.1
    assert TAIL.rate(end + 0.01) == TAIL.rate(end) == RAREST
    assert TAIL.score(1e-12) < end


def test_the_interval_between_two_rates_is_in_proportion() -> None:
    assert TAIL.between(1e-3) == pytest.approx((5e-4, 2e-3))
    low, high = TAIL.between(1e-4)  # half way: ÷√20, ×√8
    assert (low, high) == pytest.approx((1e-4 / math.sqrt(2 * 10), 1e-4 * math.sqrt(2 * 4)))
    assert TAIL.between(1e-2) == pytest.approx((5e-3, 2e-2))
    assert TAIL.lowest == 1e-5


@pytest.mark.parametrize(("shape", "scale"), [(-0.2, 0.03), (0.0, 0.05), (0.15, 0.02)])
def test_it_is_found_again_in_scores_drawn_from_it(shape: float, scale: float) -> None:
    u = (np.arange(20_000) + 0.5) / 20_000  # its quantiles: no luck is needed
    above = -scale * np.log(u) if shape == 0 else scale / shape * (u**-shape - 1)
    scores = np.append(0.4 + above, [0.1, 0.2, 0.3]).astype(np.float32)
    found = Tail.fit(scores, 0.4, 1e6)
    assert found.share == 0.02
    assert found.scale == pytest.approx(scale, rel=0.02)
    assert found.shape == pytest.approx(shape, abs=0.01)


def test_a_score_counted_twice_is_two_scores() -> None:
    rng = np.random.default_rng(0)
    scores = (0.4 + rng.exponential(0.03, 200)).astype(np.float32)
    weights = rng.integers(0, 3, 200).astype(np.float64)
    found, plain = Tail.fit(scores, 0.4, 1e5, weights), Tail.fit(np.repeat(scores, weights.astype(int)), 0.4, 1e5)
    assert (found.share, found.scale, found.shape) == pytest.approx((plain.share, plain.scale, plain.shape), rel=1e-3)


def test_too_few_scores_are_no_tail() -> None:
    with pytest.raises(ValueError, match=r"29 scores of two people above 0\.4000: expected at least 30"):
        Tail.fit(np.full(29, 0.5, np.float32), 0.4, 1e5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scale": 0.0},
        {"share": 1.0},
        {"shape": math.nan},
        {"interval": {"1e-5": (1e-4, 1e-3)}},
        {"interval": {"often": (0.0, 1.0)}},
    ],
)
def test_what_is_no_tail_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"tail|could not convert"):
        Tail(**({"threshold": 0.5, "share": 1e-3, "scale": 0.02, "shape": 0.0} | wrong))  # type: ignore[arg-type]


TABLE = {"1e-2": 0.3, "1e-3": 0.5, "1e-4": 0.6}


def test_a_table_without_a_tail_is_straight_lines() -> None:
    curve = Curve(TABLE)
    assert curve.score(1e-3) == pytest.approx(0.5)
    assert curve.score(10**-2.5) == pytest.approx(0.4)
    assert curve.rate(0.55) == pytest.approx(10**-3.5)
    assert curve.score(1e-5) == pytest.approx(0.7)  # goes on as it fell last
    assert curve.rate(0.1) == pytest.approx(1e-1)
    assert curve.rate(-1) == 1.0
    assert curve.between(1e-3) is None
    assert curve.lowest == 1e-4


def test_a_curve_is_moved_to_where_others_were_measured() -> None:
    moved = Curve(TABLE, TAIL).through({"1e-2": 0.4, "1e-4": TAIL.score(1e-4) + 0.1})
    assert moved.score(1e-2) == pytest.approx(0.4)
    for rate in (1e-4, 1e-5, 1e-6):
        assert moved.score(rate) == pytest.approx(TAIL.score(rate) + 0.1)
    assert Curve(TABLE).through({"0.01": 0.5}).score(1e-3) == pytest.approx(0.7)
    assert Curve(TABLE, TAIL).lowest == 1e-5


def test_from_its_threshold_on_the_tail_says_it() -> None:
    curve = Curve(TABLE, TAIL)
    assert curve.score(1e-4) == TAIL.score(1e-4) != 0.6
    assert curve.rate(0.55) == TAIL.rate(0.55)
    assert curve.rate(0.4) == pytest.approx(10**-2.5)
    assert curve.score(10**-2.5) == pytest.approx(0.4)


@pytest.mark.parametrize("table", [{}, {"1e-2": 0.3}])
def test_one_rate_is_no_curve(table: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected at least two"):
        Curve(table)
