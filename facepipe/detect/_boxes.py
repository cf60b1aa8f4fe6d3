"""Arithmetic on boxes: (N, 4) float32 x0, y0, x1, y1 in image px."""

from __future__ import annotations

import numpy as np

from facepipe.records import Floats


def suppress(boxes: Floats, scores: Floats, threshold: float, over_smaller: bool = False) -> np.ndarray:
    """Greedy non-maximum suppression: indices kept, best score first.

    A box goes when its overlap with a better one exceeds ``threshold``: intersection over union, or over the smaller
    of the two areas (which also removes a box inside another).
    """
    pixel = 1.0 if over_smaller else 0.0  # MTCNN's last stage counts both border pixels
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2] + pixel, 0)
    areas = sides[:, 0] * sides[:, 1]
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        shared = np.minimum(boxes[best, 2:], boxes[rest, 2:]) - np.maximum(boxes[best, :2], boxes[rest, :2]) + pixel
        intersection = np.prod(np.maximum(shared, 0), axis=1)
        smaller = np.minimum(areas[best], areas[rest])
        whole = smaller if over_smaller else areas[best] + areas[rest] - intersection
        order = rest[intersection <= threshold * whole]
    return np.array(kept, np.intp)


def shift(boxes: Floats, regressions: Floats, pixel: float = 1.0) -> Floats:
    """Move each edge by its regression (N, 4), given in sides of the box; ``pixel`` is added to the sides."""
    sides = boxes[:, 2:] - boxes[:, :2] + np.float32(pixel)
    return boxes + regressions * np.hstack([sides, sides])


def squared(boxes: Floats) -> Floats:
    """The squares around the same centres with the longer side."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.max(axis=1, keepdims=True, initial=0)
    corner = boxes[:, :2] + (sides - longest) / 2
    return np.hstack([corner, corner + longest])
