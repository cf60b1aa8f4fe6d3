"""Detector yunet: which of its two networks is believed, with networks whose answers are known."""

import numpy as np
import pytest

from facepipe.detect.boxes import zoomed
from facepipe.detect.yunet import AGREES, ALONE, CLOSER, LIKELY, OWN, Proposals, YuNet
from facepipe.networks.cards import find_card
from facepipe.records import Image

PICTURE = Image(np.zeros((200, 200, 3), np.uint8), "black")
BOX, MARKS = np.array([[50, 40, 110, 120]], np.float32), np.full((1, 5, 2), 80, np.float32)


class Looks:
    """An O-Net with one answer to the whole box and another to a closer look: probabilities."""

    def __init__(self, whole: float, closer: float) -> None:
        self.answers, self.asked = [whole, closer], list[np.ndarray]()

    def guess(self, image: Image, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        odds = self.answers[len(self.asked)]
        self.asked.append(boxes)
        count = len(boxes)
        return boxes + 1, np.full(count, odds, np.float32), np.full((count, 5, 2), odds, np.float32)


class Told(YuNet):
    """One whose YuNet says what it is told to."""

    def __init__(self, onet: Looks, score: float) -> None:
        super().__init__(find_card("yunet", "detector"), None, onet, 32, 0.5)  # type: ignore[arg-type]
        self.says = Proposals(BOX, np.array([score], np.float32), MARKS)

    def propose(self, image: Image) -> Proposals:
        return self.says


def seen(score: float, whole: float, closer: float) -> tuple[float, float, list[np.ndarray]]:
    """The score, where the landmarks are, and the boxes that O-Net was asked about."""
    onet = Looks(whole, closer)
    (face,) = Told(onet, score).detect(PICTURE)
    return face.score, float(face.landmarks[0, 0]), onet.asked


def test_a_face_that_onet_sees_is_as_it_says() -> None:
    score, mark, asked = seen(0.7, 0.95, 0.99)
    assert (score, mark) == (pytest.approx(0.95), pytest.approx(OWN * 80 + (1 - OWN) * 0.95))
    assert len(asked[0]) == 1
    assert not len(asked[1])


def test_one_that_it_does_not_see_is_looked_at_closer() -> None:
    score, mark, asked = seen(LIKELY, AGREES - 0.01, 0.99)
    assert (score, mark) == (pytest.approx(0.99), pytest.approx(OWN * 80 + (1 - OWN) * 0.99))
    middle, half = np.array([80, 80]), np.array([40, 40]) * CLOSER
    np.testing.assert_allclose(asked[1], [[*(middle - half), *(middle + half)]], atol=1e-4)


def test_unless_yunet_is_too_unsure() -> None:
    score, mark, asked = seen(LIKELY - 0.01, 0.5, 0.99)
    assert (score, mark) == (pytest.approx(LIKELY - 0.01), 80)
    assert not len(asked[1])


def test_what_onet_sees_neither_time_is_as_yunet_says() -> None:
    assert seen(0.8, 0.1, 0.2)[:2] == (pytest.approx(0.8), 80)
    assert seen(0.97, 0.1, 0.2)[:2] == (pytest.approx(ALONE), 80)


def test_zoomed_squares_keep_their_middle() -> None:
    boxes = np.array([[0, 0, 10, 20], [4, 4, 8, 8]], np.float32)
    np.testing.assert_allclose(zoomed(boxes, 0.5), [[0, 5, 10, 15], [5, 5, 7, 7]])
    assert zoomed(boxes[:0], 0.5).shape == (0, 4)
