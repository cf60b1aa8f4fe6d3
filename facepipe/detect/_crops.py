"""Parts of an image as the networks are shown them: going on in grey beyond it, in MTCNN's count of pixels, halved."""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.detect._area import AreaMeans
from facepipe.records import Floats, Pixels

GREY = (127, 127, 127)


def crops(means: AreaMeans, boxes: Floats, side: int) -> Floats:
    """The parts of the image inside ``boxes`` (N, 4), which count pixels from 1, both ends inside, at ``side`` px, as
    the networks are shown them: (N, side, side, 3)."""
    corners = boxes[:, :2].astype(np.intp) - 1
    return means.crops(corners, np.maximum(boxes[:, 2:].astype(np.intp) - corners, 1), side)


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


def halved(pixels: Pixels, times: int) -> Pixels:
    """Means of squares of 2×2 pixels, so many ``times``, which OpenCV has a quick way for; an odd row or column at the
    lower or right edge is left out."""
    for _ in range(times):
        rows, columns = (side // 2 for side in pixels.shape[:2])
        even = pixels[: 2 * rows, : 2 * columns]
        pixels = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    return pixels
