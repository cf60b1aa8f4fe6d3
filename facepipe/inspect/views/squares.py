"""Numbers laid over a face as squares: orange supports, blue opposes. Never smoothed: one square, one number."""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.inspect.views.paint import BLUE, GAP, ORANGE
from facepipe.page.view import Text
from facepipe.records import Floats, Pixels

COLOURS = Text("Orange supports, blue opposes", "橙色表示支持，蓝色表示反对")
_SCALE, _SPACE, _BAR = 2, 8, 12  # picture px: per chip px, between two faces, the bar's height
_STRONGEST = 0.75  # how much of the face the fullest colour hides


def side_by_side(faces: tuple[Pixels, Pixels], values: tuple[Floats, Floats], square: float, full: float) -> Pixels:
    """Two faces (H, W, 3) in grey under their ``values`` (h, w), and below them the bar of colours from −full to full.

    ``square``: side of one square, chip px. The fullest colour stands for ±``full``.
    """
    left, right = (over_face(face, each, square, full) for face, each in zip(faces, values, strict=True))
    gap = np.full((left.shape[0], _SPACE, 3), GAP, np.uint8)
    both = np.concatenate([left, gap, right], axis=1)
    return np.concatenate([both, np.full((_SPACE, both.shape[1], 3), GAP, np.uint8), colour_bar(both.shape[1])])


def over_face(face: Pixels, values: Floats, square: float, full: float) -> Pixels:
    """One face (H, W, 3), twice as large and grey, under its ``values`` (h, w), their grid centred on the face."""
    height, width = (extent * _SCALE for extent in face.shape[:2])
    grey = cv2.cvtColor(cv2.resize(face, (width, height), interpolation=cv2.INTER_CUBIC), cv2.COLOR_RGB2GRAY)
    picture = np.repeat(grey[..., None].astype(np.float32), 3, axis=2)
    rows, columns = (_edges(count, square, extent) for count, extent in zip(values.shape, (height, width), strict=True))
    for i, j in np.ndindex(*values.shape):
        cell = picture[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
        cell[:] = _tinted(cell, float(values[i, j]) / full)
    _draw_lines(picture, rows, columns)
    return picture.round().astype(np.uint8)


def colour_bar(width: int) -> Pixels:
    """(12, ``width``, 3): from the fullest blue over none to the fullest orange, on grey."""
    values = np.linspace(-1, 1, 21)
    bar = np.full((_BAR, len(values), 3), 190, np.float32)
    for index, value in enumerate(values):
        bar[:, index] = _tinted(bar[:, index], float(value))
    return cv2.resize(bar, (width, _BAR), interpolation=cv2.INTER_NEAREST).round().astype(np.uint8)


def _tinted(pixels: Floats, strength: float) -> Floats:
    """``pixels`` (…, 3) under the colour for ``strength``, −1 to 1; beyond, as at the ends."""
    opacity = min(abs(strength), 1.0) * _STRONGEST
    colour = np.array(ORANGE if strength > 0 else BLUE, np.float32)
    tinted: Floats = pixels * (1 - opacity) + colour * opacity
    return tinted


def _edges(count: int, square: float, extent: int) -> list[int]:
    """The picture px at which ``count`` squares begin and the last one ends, centred within ``extent``."""
    first = (extent - count * square * _SCALE) / 2
    return [min(max(round(first + index * square * _SCALE), 0), extent) for index in range(count + 1)]


def _draw_lines(picture: Floats, rows: list[int], columns: list[int]) -> None:
    """Thin dark lines between the squares."""
    for y in rows:
        line = picture[min(y, len(picture) - 1), columns[0] : columns[-1]]
        line *= 0.75
    for x in columns:
        line = picture[rows[0] : rows[-1], min(x, picture.shape[1] - 1)]
        line *= 0.75
