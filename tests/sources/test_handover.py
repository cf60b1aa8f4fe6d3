"""Frames between two threads: a few wait, in order; of a live source only the newest."""

import threading

import numpy as np
import pytest

from facepipe.records import Frame, Image
from facepipe.sources.handover import Handover
from tests.sources.settling import settles


def frame(number: int) -> Frame:
    return Frame(Image(np.zeros((1, 1, 3), np.uint8), "made"), number, float(number))


def test_the_producer_waits_while_enough_is_ahead() -> None:
    handover, put = Handover(3), []

    def produce() -> None:
        for number in range(10):
            assert handover.put(frame(number))
            put.append(number)
        handover.end()

    thread = threading.Thread(target=produce)
    thread.start()
    assert settles(lambda: len(put) == 3)
    taken = []
    while (item := handover.take()) is not None:
        if isinstance(item, Frame):
            taken.append(item.index)
            assert len(put) <= len(taken) + 3
        else:
            assert item == ("ended", "the end")
    thread.join(5)
    assert taken == put == list(range(10))
    assert handover.dropped == 0


def test_only_the_newest_waits() -> None:
    handover = Handover(1, newest=True)
    for number in range(5):
        assert handover.put(frame(number))
    assert handover.take().index == 4
    assert handover.take(0.01) is None
    assert handover.dropped == 4


def test_what_waits_is_taken_before_the_error() -> None:
    handover = Handover(3)
    handover.put(frame(0))
    handover.end(OSError("torn"))
    handover.end(OSError("again"))
    assert handover.take().index == 0
    with pytest.raises(OSError, match="torn"):
        handover.take()
    assert handover.state == "ended"
    assert handover.take() is None


def test_closing_wakes_the_producer() -> None:
    handover, answers = Handover(1), []
    handover.put(frame(0))
    thread = threading.Thread(target=lambda: answers.append(handover.put(frame(1))))
    thread.start()
    handover.close()
    thread.join(5)
    assert answers == [False]
    assert handover.take() is None
    assert handover.pause(60) is False


def test_a_state_is_told_once() -> None:
    handover = Handover(1, newest=True, stall=0.01)
    handover.tell("stalled", "a")
    handover.tell("stalled", "b")
    handover.came()
    handover.came()
    assert [handover.take(), handover.take()] == [("stalled", "a"), ("live", "pictures come in")]
    assert handover.take() == ("stalled", "no picture for 0.01 s")
    assert handover.state == "stalled"


def test_a_source_is_not_stalled_before_its_first_frame() -> None:
    handover = Handover(1, newest=True, stall=0.01)
    assert handover.take(0.05) is None
    assert handover.state == "live"
