"""Clocks that jump, and frames that come unevenly."""

import pytest

from facepipe.sources.pace import Clock, Pacer, Thinner


def kept(thinner: Thinner, times: list[float]) -> list[float]:
    return [time for time in times if thinner.wants(time)]


def test_all_frames_unless_told_otherwise() -> None:
    assert kept(Thinner(None), [0, 0, 0.001, 5]) == [0, 0, 0.001, 5]


def test_the_rate_is_kept_on_average_though_frames_are_late() -> None:
    assert kept(Thinner(10), [0, 0.05, 0.13, 0.19, 0.22, 0.3, 0.31]) == [0, 0.13, 0.22, 0.3]


def test_a_gap_is_not_made_up_for() -> None:
    assert kept(Thinner(10), [0, 5, 5.01, 5.05, 5.1, 5.15]) == [0, 5, 5.1]


def test_a_clock_starts_at_zero_and_only_goes_forward() -> None:
    clock = Clock(10)
    assert [clock.at(stated) for stated in (7, 7.5, 7.5, 7.2, 0, 9)] == pytest.approx([0, 0.5, 0.6, 0.7, 0.8, 2])


def test_a_clock_that_stands_still_goes_at_the_frame_rate() -> None:
    clock = Clock(None)
    assert [clock.at(0) for _ in range(4)] == pytest.approx([0, 0.04, 0.08, 0.12])


def test_a_second_round_follows_the_first() -> None:
    clock = Clock(10)
    clock.at(1)
    clock.at(1.4)
    clock.again()
    assert [clock.at(stated) for stated in (1, 1.4)] == pytest.approx([0.5, 0.9])


def test_a_burst_is_held_back() -> None:
    pacer = Pacer()
    waits = [pacer.wait(stated, now) for stated, now in [(7, 100), (7.4, 100.1), (7.8, 100.4), (8, 101.2)]]
    assert waits == pytest.approx([0, 0.3, 0.4, 0])


def test_a_new_time_begins_after_a_jump() -> None:
    pacer = Pacer()
    waits = [
        pacer.wait(stated, now)
        for stated, now in [(0, 100), (3600, 100.1), (3600.5, 100.2), (3601, 110), (3601.5, 110)]
    ]
    assert waits == pytest.approx([0, 0, 0.4, 0, 0.5])
