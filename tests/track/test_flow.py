"""Optical flow on textured squares whose motion is known."""

import cmath

import cv2
import numpy as np
import pytest

from facepipe.records import Detection, Floats, Pixels
from facepipe.track.flow import Flow, Motion, fit, shrunk

BOX = np.array([60, 50, 120, 110], np.float32)


def texture(size: tuple[int, int] = (200, 260), seed: int = 0) -> Pixels:
    noise = np.random.default_rng(seed).uniform(0, 255, size).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 2).clip(0, 255).astype(np.uint8)


def moved(picture: Pixels, angle: float, scale: float, shift: tuple[float, float]) -> tuple[Pixels, complex, complex]:
    """``picture`` turned by ``angle`` radians and scaled about the middle of BOX, then shifted; with z ↦ a z + b."""
    turn, middle = cmath.rect(scale, angle), complex(90, 80)
    offset = middle - turn * middle + complex(*shift)
    matrix = np.array([[turn.real, -turn.imag, offset.real], [turn.imag, turn.real, offset.imag]])
    warped = cv2.warpAffine(picture, matrix, picture.shape[::-1], borderMode=cv2.BORDER_REFLECT)
    return warped, turn, offset


def motion_of(before: Pixels, after: Pixels, box: Floats = BOX, scale: float = 1.0) -> Motion | None:
    flow = Flow()
    assert not flow.advance(before, scale)
    assert flow.advance(after, scale)
    return flow.motions(box[None])[0]


@pytest.mark.parametrize(
    ("angle", "scale", "shift"),
    [(0, 1, (0, 0)), (0, 1, (7.5, -3.25)), (0, 1, (-18, 9)), (0.15, 1, (2, 2)), (0, 1.1, (0, 0)), (-0.1, 0.92, (5, 1))],
)
def test_a_motion_is_found_to_a_fraction_of_a_pixel(angle: float, scale: float, shift: tuple[float, float]) -> None:
    picture = texture()
    after, turn, offset = moved(picture, angle, scale, shift)
    motion = motion_of(picture, after)
    assert motion is not None
    assert motion.support > 0.7
    corners = BOX.reshape(2, 2)
    expected = turn * (corners @ (1, 1j)) + offset
    assert motion.points(corners) @ (1, 1j) == pytest.approx(expected, abs=0.3)


def test_a_part_that_moves_otherwise_is_left_out() -> None:
    """A hand before the face: what most of the points do counts."""
    picture = texture()
    after, _, _ = moved(picture, 0, 1, (6, 0))
    after[50:75, 60:130] = texture(seed=9)[50:75, 60:130]
    motion = motion_of(picture, after)
    assert motion is not None
    assert motion.points(BOX.reshape(2, 2)) == pytest.approx(BOX.reshape(2, 2) + np.array([6, 0]), abs=0.5)
    assert motion.support < 0.75


def test_where_nothing_can_be_followed_there_is_no_motion() -> None:
    picture = texture()
    assert motion_of(picture, texture(seed=5)) is None
    assert motion_of(picture, picture, box=np.array([-300, -300, -200, -200], np.float32)) is None


def test_the_first_picture_and_another_size_have_no_before() -> None:
    flow = Flow()
    assert not flow.advance(texture(), 1.0)
    assert flow.motions(BOX[None]) == [None]
    assert not flow.advance(texture((100, 130)), 1.0)
    assert flow.motions(BOX[None]) == [None]


def test_motion_is_in_px_of_the_whole_picture() -> None:
    whole = cv2.resize(texture((180, 320)), (1280, 720), interpolation=cv2.INTER_CUBIC)
    shifted = np.roll(whole, (8, 20), axis=(0, 1))
    (before, scale), (after, _) = (shrunk(np.repeat(picture[..., None], 3, axis=2)) for picture in (whole, shifted))
    assert before.shape == (360, 640)
    assert scale == 0.5
    box = np.array([400, 200, 600, 420], np.float32)
    motion = motion_of(before, after, box, scale)
    assert motion is not None
    assert motion.points(box.reshape(2, 2)) == pytest.approx(box.reshape(2, 2) + np.array([20, 8]), abs=0.6)


def test_a_face_moves_with_its_box_upright() -> None:
    landmarks = np.array([[10, 10], [20, 10], [15, 15], [12, 20], [18, 20]], np.float32)
    face = Detection(np.array([5, 5, 25, 25], np.float32), 0.9, landmarks)
    quarter = Motion(2j, 0, 1.0)  # (x, y) ↦ (−2y, 2x)
    turned = quarter.face(face)
    assert turned.box.tolist() == [-50, 10, -10, 50]
    assert turned.landmarks[0].tolist() == [-20, 20]
    assert turned.score == 0.9


def test_a_fit_needs_points_that_agree() -> None:
    z = np.arange(6) + 1j * np.arange(6) ** 2
    assert fit(z[:3], z[:3], 1.0) is None
    assert fit(np.zeros(6, complex), np.zeros(6, complex), 1.0) is None
    turn, shift, agreeing = fit(z, (0.9 + 0.1j) * z + 3, 2.0) or (0, 0, 0)
    assert (turn, shift) == (pytest.approx(0.9 + 0.1j), pytest.approx(3))
    assert agreeing == 6
