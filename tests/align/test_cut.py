from pathlib import Path

import cv2
import numpy as np
import pytest

from facepipe.align.cut import cut_chip
from facepipe.align.quality import measure, quality_of
from facepipe.align.transform import similarity
from facepipe.errors import FaceError
from facepipe.image import read_image
from facepipe.networks.cards import Input, find_card
from facepipe.records import Detection, Image

SPEC = find_card("dlib_resnet").chip
TEMPLATE = SPEC.template_points()


def transform(scale: float, degrees: float, dx: float, dy: float) -> np.ndarray:
    a, b = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[a, -b, dx], [b, a, dy]])


def move(points: np.ndarray, to: np.ndarray) -> np.ndarray:
    return points @ to[:, :2].T + to[:, 2]


def landmarks(scale: float, degrees: float = 0, centre: tuple[float, float] = (0, 0)) -> np.ndarray:
    """The template's points as a face in an image has them: ``scale`` image px for one of the chip, turned."""
    return (move(TEMPLATE - 74.5, transform(scale, degrees, *centre))).astype(np.float32)


# The transform --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("degrees", [0, 30, 90, 180, -135])
def test_a_known_transform_is_recovered(scale: float, degrees: float) -> None:
    known = transform(scale, degrees, 12.5, -700)
    assert similarity(TEMPLATE, move(TEMPLATE.astype(np.float64), known)) == pytest.approx(known, rel=1e-9, abs=1e-9)


def test_it_is_the_least_squares_fit() -> None:
    """Any small change of the four parameters fits worse."""
    noisy = TEMPLATE + np.random.default_rng(0).normal(0, 5, (5, 2)).astype(np.float32)
    fit = similarity(noisy, TEMPLATE)
    error = np.square(move(noisy, fit) - TEMPLATE).sum()
    a, b, dx, dy = fit[0, 0], fit[1, 0], fit[0, 2], fit[1, 2]
    for change in np.vstack([np.eye(4), -np.eye(4)]) * (1e-3, 1e-3, 0.1, 0.1):
        p, q, x, y = change + np.array([a, b, dx, dy])
        assert np.square(move(noisy, np.array([[p, -q, x], [q, p, y]])) - TEMPLATE).sum() > error


def test_it_never_mirrors() -> None:
    mirrored = TEMPLATE * (-1, 1)
    assert np.linalg.det(similarity(mirrored, TEMPLATE)[:, :2]) > 0
    assert np.linalg.det(cv2.estimateAffine2D(mirrored, TEMPLATE)[0][:, :2]) < 0  # which a free fit would


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (np.full((5, 2), 40), "one point five times"),
        (np.array([[0, 0], [0, 0], [0, 0], [1, 1], [1, 1]]) * 1e6, "image px for one of the chip"),
        (np.array([[-1, 0], [1, 0], [0, 0], [0, -1], [0, 1]]), "placed as in a face"),
    ],
    ids=["one point", "larger than any picture", "no best fit"],
)
def test_landmarks_of_no_face_are_an_error_that_names_the_image(points: np.ndarray, why: str) -> None:
    cross = Input(4, "RGB", (0,) * 3, (1,) * 3, ((0, -1), (0, 1), (0, 0), (-1, 0), (1, 0)))  # the last, reflected
    spec = cross if why == "placed as in a face" else SPEC
    with pytest.raises(FaceError, match=rf"^odd\.jpg: a face cannot be aligned: .*{why}"):
        cut_chip(Image(np.zeros((80, 80, 3), np.uint8), "odd.jpg"), points.astype(np.float32), spec)


# The chip -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.2, 0.5, 0.999, 1.0, 1.3, 2.0, 3.7, 8.0])
@pytest.mark.parametrize("degrees", [0, 25])
def test_landmarks_land_on_the_template(scale: float, degrees: float) -> None:
    """Each is a soft dot in the image; its centre of mass in the chip is the template's point."""
    side = int(220 * scale)
    points = landmarks(scale, degrees, (side / 2, side / 2))
    y, x = np.indices((side, side), np.float32)
    radius = max(1.5, 2 * scale)
    for at, target in zip(points, TEMPLATE, strict=True):
        dot = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * radius**2))
        image = Image(np.repeat(dot[..., None], 3, axis=2).round().astype(np.uint8), "dot")
        chip = cut_chip(image, points, SPEC).pixels[..., 0].astype(float)
        assert chip.shape == (150, 150)
        v, u = (np.indices(chip.shape) * chip).sum(axis=(1, 2)) / chip.sum()
        assert np.hypot(*((u, v) - target)) < 0.1


def test_to_chip_takes_image_px_to_chip_px() -> None:
    points = landmarks(2, 25, (200, 150))
    chip = cut_chip(Image(np.zeros((300, 400, 3), np.uint8), "black"), points, SPEC)
    assert move(points, chip.to_chip) == pytest.approx(TEMPLATE, abs=1e-3)


@pytest.mark.parametrize("scale", [3.0, 6.5])
def test_a_large_face_is_shrunk_without_aliasing(scale: float) -> None:
    side = int(220 * scale)
    checkers = (np.indices((side, side)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = Image(np.repeat(checkers[..., None], 3, axis=2), "checkers")
    points = landmarks(scale, 10, (side / 2, side / 2))
    chip = cut_chip(image, points, SPEC)
    plain = cv2.warpAffine(image.pixels, similarity(points, TEMPLATE), (150, 150), flags=cv2.INTER_LINEAR)
    assert np.abs(chip.pixels.astype(int) - 127.5).max() < 30
    assert chip.pixels.std() < 10 < 40 < plain.std()  # a plain bilinear warp shows a moiré


def test_outside_the_image_is_black_and_inside_unmoved() -> None:
    """A face whose left half is cut off: the part that is there is as in the whole picture."""
    noise = np.random.default_rng(0).integers(1, 256, (24, 24, 3), np.uint8)
    whole = cv2.resize(noise, (240, 240), interpolation=cv2.INTER_CUBIC) | 1  # never black
    points = landmarks(1.2, 0, (119.5, 119.5))
    complete = cut_chip(Image(whole, "whole"), points, SPEC).pixels
    half = Image(np.ascontiguousarray(whole[:, 120:]), "cut")
    cut = cut_chip(half, points - np.array([120, 0], np.float32), SPEC).pixels
    edge = 75  # chip px, where the image begins
    assert not cut[:, : edge - 2].any()
    assert (cut[:, edge + 2 :] == complete[:, edge + 2 :]).all()
    assert complete.all()


def test_quality_tells_sharp_from_blurred(samples: Path) -> None:
    sharp = np.ascontiguousarray(read_image(samples / "astronaut.png").pixels[50:200, 150:300])
    blurred = cv2.GaussianBlur(sharp, (0, 0), 4)
    face = Detection(np.array([10, 20, 110, 140], np.float32), 0.987654321, TEMPLATE)
    first, second = (quality_of(face, measure(Image(pixels, ""), face)) for pixels in (sharp, blurred))
    assert (first.score, first.size) == (0.987654, 100)
    assert first.sharpness is not None
    assert second.sharpness is not None
    assert first.sharpness > 0.2 > 0.1 > second.sharpness


def test_sharpness_of_a_flat_face_is_nought() -> None:
    face = Detection(np.array([0, 0, 9, 9], np.float32), 1, TEMPLATE)
    assert quality_of(face, measure(Image(np.full((150, 150, 3), 90, np.uint8), ""), face)).sharpness == 0


def test_what_cannot_be_measured_has_no_sharpness() -> None:
    face = Detection(np.array([0, 0, 9, 9], np.float32), 1, np.zeros((5, 2), np.float32))
    assert quality_of(face, measure(Image(np.zeros((9, 9, 3), np.uint8), ""), face)).sharpness is None
