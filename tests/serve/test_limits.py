"""Buckets of tokens, by a clock of the test's own."""

from __future__ import annotations

import pytest

from facepipe.serve import limits
from facepipe.serve.limits import Buckets, client_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 4, clock)
    assert [buckets.take("a") for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, 0.5]
    clock.now += 0.25
    assert buckets.take("a") == 0.25  # what was refused cost nothing
    clock.now += 0.25
    assert [buckets.take("a"), buckets.take("a")] == [0.0, 0.5]
    clock.now += 1000
    assert [buckets.take("a") for _ in range(5)].count(0.0) == 4  # no more than a burst is saved up


def test_each_has_their_own() -> None:
    buckets = Buckets(1.0, 1, Clock())
    assert [buckets.take("a"), buckets.take("b"), buckets.take("a")] == [0.0, 0.0, 1.0]


def test_small_ones_cost_less() -> None:
    buckets = Buckets(1.0, 1, Clock())
    assert sum(buckets.take("a", 0.1) == 0.0 for _ in range(20)) in (9, 10)  # tenths do not add up to one exactly


def test_those_not_seen_for_longest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST", 3)
    buckets = Buckets(1.0, 1, Clock())
    for caller in "abcad":  # b is the one
        buckets.take(caller)
    assert [buckets.take(caller) for caller in "acd"] == [1.0, 1.0, 1.0]
    assert buckets.take("b") == 0.0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("testclient", "testclient"),
    ],
)
def test_whom_an_address_belongs_to(address: str, client: str) -> None:
    assert client_of(address) == client
