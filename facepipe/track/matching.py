"""Arithmetic on boxes x0, y0, x1, y1 in px, (N, 4), and which of two sets belong together."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from facepipe.records import Floats


def stacked(boxes: list[Floats]) -> Floats:
    """Boxes (4,) as rows (N, 4) float32, also of none."""
    return np.stack(boxes).astype(np.float32) if boxes else np.empty((0, 4), np.float32)


def overlaps(a: Floats, b: Floats) -> np.ndarray:
    """Intersection over union (N, M), 0 to 1, of ``a`` (N, 4) with ``b`` (M, 4)."""
    least, most = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.maximum(most - least, 0), axis=2)
    areas = [np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1) for boxes in (a, b)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))


def centre(boxes: Floats) -> np.ndarray:
    """The middle (…, 2) of one box (4,) or of each of several (N, 4)."""
    return np.asarray((boxes[..., :2] + boxes[..., 2:]) / 2)


def side(boxes: Floats) -> np.ndarray:
    """The mean of width and height (…) of one box (4,) or of each of several (N, 4)."""
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).mean(axis=-1))


def assign(affinity: np.ndarray, least: float) -> list[tuple[int, int]]:
    """The pairs (row, column) of the assignment with the largest sum of ``affinity`` (N, M), those of at least
    ``least`` alone: what is below counts as nothing, so that it draws no pair away from a better one."""
    if not affinity.size:
        return []
    gated = np.where(affinity >= least, affinity, 0.0)
    rows, columns = linear_sum_assignment(gated, maximize=True)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if affinity[r, c] >= least]
