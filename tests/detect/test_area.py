"""torch's own area interpolation is the measure."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from facepipe.detect.area import AreaMeans
from facepipe.detect.crops import Crop, crops

PIXELS = np.random.default_rng(2).integers(0, 256, (57, 83, 3), np.uint8)


def theirs(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    values = (torch.from_numpy(pixels).permute(2, 0, 1)[None].double() - 127.5) / 128
    return interpolate(values, (height, width), mode="area")[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("height", "width"), [(57, 83), (41, 59), (20, 20), (7, 80), (1, 1), (90, 100)])
def test_a_level_is_torchs(height: int, width: int) -> None:
    found = AreaMeans(PIXELS).level(height, width, 0, 0, height)
    assert found.dtype == np.float32
    assert found == pytest.approx(theirs(PIXELS, height, width), abs=1e-5)


def test_around_a_level_there_is_nothing_and_bands_are_parts_of_it() -> None:
    means = AreaMeans(PIXELS)
    whole = means.level(20, 30, 4, 0, 28)
    assert whole.shape == (28, 38, 3)
    assert whole[4:-4, 4:-4] == pytest.approx(means.level(20, 30, 0, 0, 20), abs=1e-6)
    inside = np.zeros((28, 38), bool)
    inside[4:-4, 4:-4] = True
    assert np.abs(whole[~inside]).max() < 1e-6
    for top, bottom in ((0, 9), (3, 17), (20, 28)):
        assert np.array_equal(means.level(20, 30, 4, top, bottom), whole[top:bottom])


@pytest.mark.parametrize("side", [24, 48])
def test_crops_are_torchs(side: int) -> None:
    corners, sides = np.array([[0, 0], [10, 5], [83 - 13, 57 - 13]]), np.array([[57, 57], [40, 41], [13, 13]])
    found = AreaMeans(PIXELS).crops(corners, sides, side)
    for (x, y), (width, height), one in zip(corners, sides, found, strict=True):
        assert one == pytest.approx(theirs(PIXELS[y : y + height, x : x + width], side, side), abs=1e-5)


def test_large_and_small_crops_together_are_torchs() -> None:
    """The means of the large one are of more pixels than the sums, modulo 2¹⁶, can tell."""
    pixels = np.random.default_rng(3).integers(200, 256, (500, 600, 3), np.uint8)
    corners, sides = np.array([[3, 5], [100, 200], [0, 0]]), np.array([[490, 470], [50, 50], [360, 361]])
    found = AreaMeans(pixels).crops(corners, sides, 24)
    for (x, y), (width, height), one in zip(corners, sides, found, strict=True):
        assert one == pytest.approx(theirs(pixels[y : y + height, x : x + width], 24, 24), abs=1e-5)


def test_a_crop_beyond_the_border_is_grey_there() -> None:
    around = np.full((57 + 40, 83 + 40, 3), 127.5)
    around[20:-20, 20:-20] = PIXELS
    found = AreaMeans(PIXELS).crops(np.array([[-20, -20], [60, 40], [500, 500]]), np.full((3, 2), 36), 24)
    values = (torch.from_numpy(around).permute(2, 0, 1)[None] - 127.5) / 128
    for one, (x, y) in zip(found, ((0, 0), (80, 60)), strict=False):
        expected = interpolate(values[:, :, y : y + 36, x : x + 36], (24, 24), mode="area")[0].permute(1, 2, 0)
        assert one == pytest.approx(expected.numpy(), abs=1e-5)
    assert np.abs(found[2]).max() == 0


@pytest.mark.parametrize(
    "square",
    [(1, 1, 50, 50), (10, 5, 130, 125), (-20, -30, 60, 50), (100, 60, 400, 360), (7.8, 3.2, 60.1, 55.5), (5, 5, 5, 5)],
)
def test_one_crop_alone_is_what_it_is_among_others(square: tuple[float, ...]) -> None:
    box = np.array([square], np.float32)
    (expected,) = crops(AreaMeans(PIXELS), box, 48)
    assert Crop(48)(PIXELS, box[0]) == pytest.approx(expected.transpose(2, 0, 1), abs=1e-6)


@pytest.mark.parametrize("square", [(-90, 5, -40, 55), (5, 900, 55, 950), (5000, 5000, 5050, 5050)])
def test_one_crop_beyond_the_image_is_grey(square: tuple[float, ...]) -> None:
    assert not Crop(48)(PIXELS, np.array(square, np.float32)).any()


def test_no_crops() -> None:
    assert AreaMeans(PIXELS).crops(np.empty((0, 2), np.intp), np.empty((0, 2), np.intp), 24).shape == (0, 24, 24, 3)


def test_sums_that_go_round_give_the_same_means() -> None:
    """White over more than 8 megapixels does not fit into 32 bits."""
    white = np.full((3000, 3000, 3), 255, np.uint8)
    assert AreaMeans(white).level(10, 10, 0, 0, 10) == pytest.approx(np.full((10, 10, 3), 127.5 / 128), abs=1e-5)
