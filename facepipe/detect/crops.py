"""Parts of an image as the networks are shown them: going on in grey beyond it, in MTCNN's count of pixels."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from facepipe.detect.area import MIDDLE, SPREAD, AreaMeans, Bins
from facepipe.networks.runtime import Graph
from facepipe.records import Floats, Pixels

GREY = (127, 127, 127)


def crops(means: AreaMeans, boxes: Floats, side: int) -> Floats:
    """The parts of the image inside ``boxes`` (N, 4), which count pixels from 1, both ends inside, at ``side`` px, as
    the networks are shown them: (N, side, side, 3)."""
    corners = boxes[:, :2].astype(np.intp) - 1
    return means.crops(corners, np.maximum(boxes[:, 2:].astype(np.intp) - corners, 1), side)


class Crop:
    """What ``crops`` make of one square (4,), as maps (3, side, side): by two products with tables of means, for which
    no sums over the rest of the image are needed. onnxruntime multiplies, as NumPy's threads go on spinning after."""

    def __init__(self, side: int) -> None:
        self._side = side
        graph = Graph("picture", (1, "height", "width", 3), pixels=True)
        rows, columns = graph.take("rows", (side, "height")), graph.take("columns", (side, "width"))
        shown = graph.step("Sub", graph.maps("picture"), np.array(MIDDLE, np.float32))
        shown = graph.step("Div", shown, np.array(SPREAD, np.float32))  # beyond the image is nothing, which so is grey
        down = graph.step("MatMul", rows, shown)
        self._network = graph.network(graph.step("MatMul", down, graph.step("Transpose", columns, perm=[1, 0])))

    def __call__(self, pixels: Pixels, square: Floats) -> Floats:
        (left, top), (right, bottom) = square[:2].astype(int) - 1, square[2:].astype(int)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        x0, x1 = np.clip((left, right), 0, pixels.shape[1])
        y0, y1 = np.clip((top, bottom), 0, pixels.shape[0])
        if x0 == x1 or y0 == y1:
            return np.zeros((3, self._side, self._side), np.float32)
        rows = _table(bottom - top, self._side)[:, y0 - top : y1 - top]
        columns = _table(right - left, self._side)[:, x0 - left : x1 - left]
        return self._network(picture=pixels[None, y0:y1, x0:x1], rows=rows, columns=columns)[0][0]


@lru_cache(maxsize=128)  # of the sides of faces; the next frame has nearly the same
def _table(whole: int, parts: int) -> Floats:
    """The table (parts, whole) that takes as many pixels to means of them, as ``AreaMeans`` bins them."""
    bins = Bins.of(whole, 0, whole, np.arange(parts), parts)
    pixel = np.arange(whole)
    within = (pixel >= bins.first[:, None]) & (pixel < bins.last[:, None])
    return np.asarray(within / bins.count[:, None], np.float32)


def around(boxes: Floats, width: int, height: int) -> np.ndarray:
    """The two corners (2, 2) of the part of an image that ``crops`` of ``boxes`` look at; at least one px."""
    size = np.array([width, height])
    first = np.clip(np.floor(boxes[:, :2].min(axis=0, initial=width + height)) - 2, 0, size - 1)
    last = np.clip(np.ceil(boxes[:, 2:].max(axis=0, initial=0)) + 1, first + 1, size)
    return np.stack([first, last]).astype(int)


def cut(pixels: Pixels, left: int, top: int, right: int, bottom: int) -> Pixels:
    """Columns ``left`` to ``right`` and rows ``top`` to ``bottom``, the last ones not, going on in grey beyond the
    image."""
    height, width = pixels.shape[:2]
    x, y = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    inside = pixels[y : max(bottom, y + 1), x : max(right, x + 1)]
    beyond = max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0)
    return np.asarray(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_CONSTANT, value=GREY), np.uint8)
