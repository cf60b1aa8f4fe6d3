"""How parts of a picture moved since the last one: sparse optical flow, and the similarity that explains most of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from facepipe.pixels import halved
from facepipe.records import Detection, Floats, Pixels

LONGEST = 640  # px of the shrunk picture's longer side: faces of 32 px in 1920 still hold their points there
GRID = 7  # points along each side of a box
INSET = 0.15  # of the box on each side, where background begins
WINDOW, LEVELS = (11, 11), 3
STRAY = 0.04  # how far, in sides of the box and beside half a pixel, a point may lie from where it should
LEAST_SUPPORT = 0.35
MOST_GROWTH = 1.25  # of a face from one frame to the next
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03)


@dataclass(frozen=True, slots=True)
class Motion:
    """z ↦ ``turn`` z + ``shift`` over points z = x + iy in image px; ``support``: the share of points that moved so."""

    turn: complex
    shift: complex
    support: float

    def points(self, points: Floats) -> Floats:
        """Where ``points`` (N, 2) went."""
        moved = self.turn * (points.astype(np.float64) @ (1, 1j)) + self.shift
        return np.stack([moved.real, moved.imag], axis=1).astype(np.float32)

    def face(self, face: Detection) -> Detection:
        """Where a face went: its landmarks, and its box, which moves and grows but stays upright."""
        half = (face.box[2:] - face.box[:2]) / 2 * abs(self.turn)
        middle = self.points(face.box.reshape(2, 2).mean(axis=0, keepdims=True))[0]
        box = np.concatenate([middle - half, middle + half]).astype(np.float32)
        return Detection(box, face.score, self.points(face.landmarks))


def shrunk(pixels: Pixels) -> tuple[Pixels, float]:
    """``pixels`` (H, W, 3) RGB in grey, at most ``LONGEST`` px long, and the scale: small px per image px."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LONGEST / max(height, width))
    times = int(math.log2(1 / scale))
    grey = np.asarray(cv2.cvtColor(halved(pixels, times), cv2.COLOR_RGB2GRAY))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR))
    return grey, scale


class Flow:
    """Remembers the last picture. ``advance`` to the next, then ask for the ``motions`` between the two."""

    def __init__(self) -> None:
        self._before: Pixels | None = None
        self._now: Pixels | None = None
        self._scale = 1.0

    def advance(self, grey: Pixels, scale: float) -> bool:
        """Take the next picture as ``shrunk`` made it; False where the size changed: nothing can be followed."""
        same = self._now is not None and self._now.shape == grey.shape and self._scale == scale
        self._before = self._now if same else None
        self._now, self._scale = grey, scale
        return same

    def motions(self, boxes: Floats) -> list[Motion | None]:
        """How what was inside each of ``boxes`` (N, 4), px of the last picture, moved; None where that is not clear."""
        if not len(boxes) or self._before is None or self._now is None:
            return [None] * len(boxes)
        small = (boxes + 0.5) * self._scale - 0.5
        start = _grids(small).reshape(-1, 1, 2)
        there, found = _trace(self._before, self._now, start)
        back, again = _trace(self._now, self._before, there)
        sides = np.repeat(np.maximum(small[:, 2] - small[:, 0], 1), GRID * GRID)
        stray = np.linalg.norm(back - start, axis=2)[:, 0]
        sure = (found[:, 0] == 1) & (again[:, 0] == 1) & (stray <= 0.5 + STRAY * sides)
        parts = (array.reshape(len(boxes), GRID * GRID, -1) for array in (start, there, sure))
        return [self._motion(*part) for part in zip(*parts, small, strict=True)]

    def _motion(self, start: np.ndarray, end: np.ndarray, sure: np.ndarray, box: Floats) -> Motion | None:
        z, w = (points[sure[:, 0]].astype(np.float64) @ (1, 1j) for points in (start, end))
        fitted = fit(z, w, tolerance=0.5 + STRAY * float(box[2] - box[0]))
        if fitted is None:
            return None
        turn, shift, agreeing = fitted
        support = agreeing / len(start)
        if support < LEAST_SUPPORT or not 1 / MOST_GROWTH <= abs(turn) <= MOST_GROWTH:
            return None
        # small px have their centres at whole numbers, as image px have: s = (x + 1/2) scale − 1/2
        half = 0.5 + 0.5j
        return Motion(turn, (shift + half - turn * half) / self._scale - half + turn * half, support)


def fit(z: np.ndarray, w: np.ndarray, tolerance: float) -> tuple[complex, complex, int] | None:
    """(turn, shift, how many agree within ``tolerance``) of the similarity w ≈ turn z + shift that most of the points
    (N,) complex follow: from the median shift, the agreeing points are fitted again until they stay the same."""
    if len(z) < 4:
        return None
    moved = w - z
    turn, shift = 1 + 0j, complex(np.median(moved.real), np.median(moved.imag))
    agreeing = np.abs(turn * z + shift - w) <= 2 * tolerance
    for _ in range(4):
        if agreeing.sum() < 4:
            return None
        centred = z[agreeing] - z[agreeing].mean()
        spread = float(np.vdot(centred, centred).real)
        if spread < 1e-6:
            return None
        turn = complex(np.vdot(centred, w[agreeing] - w[agreeing].mean()) / spread)
        shift = complex(w[agreeing].mean() - turn * z[agreeing].mean())
        closer = np.abs(turn * z + shift - w) <= tolerance
        if np.array_equal(closer, agreeing):
            break
        agreeing = closer
    return turn, shift, int(agreeing.sum())


def _trace(a: Pixels, b: Pixels, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where ``points`` (N, 1, 2) of ``a`` are in ``b``, and which of them were found (N, 1), 1 or 0."""
    moved, found, _ = cv2.calcOpticalFlowPyrLK(a, b, points, None, winSize=WINDOW, maxLevel=LEVELS, criteria=_STOP)
    return moved, found


def _grids(boxes: Floats) -> Floats:
    """``GRID``² points (N, GRID², 2) spread over the inner part of each of ``boxes`` (N, 4)."""
    share = np.linspace(INSET, 1 - INSET, GRID, dtype=np.float32)
    places = np.stack(np.meshgrid(share, share), axis=2).reshape(1, -1, 2)
    corners = boxes.reshape(-1, 2, 2).astype(np.float32)
    return np.asarray(corners[:, :1] + places * (corners[:, 1:] - corners[:, :1]), np.float32)
