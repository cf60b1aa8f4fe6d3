"""Arithmetic on boxes: (N, 4) float32 x0, y0, x1, y1 in image px."""

from __future__ import annotations

import numpy as np

from facepipe.records import Floats

TOGETHER = 64  # boxes, the best ones left, that are compared with all others at a time


def suppress(
    boxes: Floats, scores: Floats, threshold: float, over_smaller: bool = False, apart: np.ndarray | None = None
) -> np.ndarray:
    """Greedy non-maximum suppression: indices kept, best score first.

    A box goes when its overlap with a better one exceeds ``threshold``: intersection over union, or over the smaller
    of the two areas (which also removes a box inside another). Of equals the first is better, over the smaller the
    last, as in facenet-pytorch. Boxes that differ in ``apart`` (N,) leave each other alone.
    """
    pixel = 1.0 if over_smaller else 0.0  # MTCNN's last stage counts both border pixels
    order = np.argsort(scores, kind="stable")[::-1] if over_smaller else np.argsort(-scores, kind="stable")
    x0, y0, x1, y1 = np.ascontiguousarray(boxes[order].T)
    x1, y1 = x1 + np.float32(pixel), y1 + np.float32(pixel)
    areas = np.maximum(x1 - x0, 0) * np.maximum(y1 - y0, 0)
    kept: list[int] = []
    left = np.arange(len(order))
    while left.size:
        best = left[:TOGETHER]
        one, other = best[:, None], left[None]
        width = np.minimum(x1[one], x1[other]) - np.maximum(x0[one], x0[other])
        height = np.minimum(y1[one], y1[other]) - np.maximum(y0[one], y0[other])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        whole = np.minimum(areas[one], areas[other]) if over_smaller else areas[one] + areas[other] - shared
        with np.errstate(invalid="ignore"):  # nothing of nothing
            too_near = shared / whole > threshold
        if apart is not None:
            too_near &= apart[order[one]] == apart[order[other]]
        gone = np.zeros(len(left), bool)
        for number, index in enumerate(best):
            if not gone[number]:
                kept.append(index)
                gone |= too_near[number]
        gone[: len(best)] = True
        left = left[~gone]
    return order[kept]


def shift(boxes: Floats, regressions: Floats, pixel: float = 1.0) -> Floats:
    """Move each edge by its regression (N, 4), given in sides of the box; ``pixel`` is added to the sides."""
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(pixel)
    return boxes + regressions * np.hstack([sides, sides])


def placed(squares: Floats, regressions: Floats, points: Floats) -> tuple[Floats, Floats]:
    """What O-Net says of each of ``squares`` (N, 4), in image px: boxes (N, 4) by its ``regressions`` (N, 4), landmarks
    (N, 5, 2) by its ``points`` (N, 10), five x, then five y, in sides of the square."""
    sides = squares[:, 2:] - squares[:, :2] + 1
    landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + squares[:, None, :2] - 1
    return shift(squares, regressions), landmarks


def squared(boxes: Floats) -> Floats:
    """The squares around the same centres with the longer side."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.max(axis=1, keepdims=True, initial=0)
    corner = boxes[:, :2] + (sides - longest) / 2
    return np.hstack([corner, corner + longest])


def zoomed(boxes: Floats, factor: float) -> Floats:
    """The squares around the same centres with the longer side times ``factor``."""
    squares = squared(boxes)
    trim = (squares[:, 2:] - squares[:, :2]) * np.float32((1 - factor) / 2)
    return squares + np.hstack([trim, -trim])
