"""MTCNN's O-Net, which decides on one face and places its landmarks, run without torch (Zhang et al. 2016,
arXiv:1604.02878; weights facenet-pytorch's).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from facepipe.detect.boxes import placed, squared
from facepipe.detect.crops import Crop, cut
from facepipe.errors import WeightsAltered
from facepipe.networks.runtime import CompiledGraph, Graph
from facepipe.networks.tensors import read_arrays
from facepipe.pixels import halved
from facepipe.records import Floats, Image

SIDE = 48  # px of what it is shown
ENOUGH = 4 * SIDE  # px of a square, that it is not halved below: fewer would be blurred by what O-Net takes for means


class ONet:
    """Guesses at faces. Raises WeightsAltered when the file ``path`` holds other weights."""

    def __init__(self, path: Path) -> None:
        try:
            self._network = network(read_arrays(path))
        except (KeyError, ValueError, IndexError) as error:
            raise WeightsAltered(f"{path}: not the weights of MTCNN's O-Net: {error}") from None
        self._crop = Crop(SIDE)

    def guess(self, image: Image, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """What it makes of the squares around each of ``boxes`` (N, 4) image px: boxes (N, 4), scores (N,), landmarks
        (N, 5, 2) image px."""
        if not len(boxes):
            return np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32)
        squares, shown = zip(*(self._shown(image, square) for square in squared(boxes)), strict=True)
        regressions, odds, points = self._network(crops=np.stack(shown))
        found, landmarks = placed(np.stack(squares), regressions, points)
        return found, odds[:, 1], landmarks

    def _shown(self, image: Image, square: Floats) -> tuple[Floats, Floats]:
        """The ``square`` (4,) of the image as it is shown, (3, 48, 48). A large one is halved first, and so made that
        its sides can be: the square that is shown, (4,)."""
        times = int(math.log2(max(1.0, (square[2] - square[0]) / ENOUGH)))
        if not times:
            return square, self._crop(image.pixels, square)
        square = _divisible(square, 2**times)
        left, top, right, bottom = square.astype(int).tolist()
        pixels = halved(cut(image.pixels, left - 1, top - 1, right, bottom), times)
        return square, self._crop(pixels, np.array([1, 1, *pixels.shape[1::-1]], np.float32))


def _divisible(square: Floats, by: int) -> Floats:
    """One of whole px about the same middle, its side, both ends inside, a multiple."""
    side = round(float(square[2] - square[0] + 1) / by) * by
    corner = ((square[:2] + square[2:] - (side - 1)) / 2).round()
    return np.hstack([corner, corner + (side - 1)])


def network(weights: Mapping[str, Floats]) -> CompiledGraph:
    """``crops`` (N, 3, 48, 48) float32 RGB, (value − 127.5) / 128 → regressions (N, 4), odds (N, 2) of none and of a
    face, landmarks (N, 10)."""
    graph = Graph("crops", ("N", 3, SIDE, SIDE))
    x = "crops"
    for number, pool in enumerate((3, 3, 2, 0), 1):
        x = graph.conv(x, weights[f"conv{number}.weight"], weights[f"conv{number}.bias"])
        x = graph.prelu(x, weights[f"prelu{number}.weight"])
        if pool:
            x = graph.step("MaxPool", x, kernel_shape=[pool] * 2, strides=[2, 2], ceil_mode=1)
    x = graph.step("Flatten", graph.step("Transpose", x, perm=[0, 3, 2, 1]))  # columns first, as in Caffe
    x = graph.step("PRelu", graph.dense(x, weights["dense5.weight"], weights["dense5.bias"]), weights["prelu5.weight"])
    odds, regressions, points = (
        graph.dense(x, weights[f"dense6_{head}.weight"], weights[f"dense6_{head}.bias"]) for head in (1, 2, 3)
    )
    return graph.network(regressions, graph.step("Softmax", odds), points, wide=True)
