"""Pixels that are not square, as in DV, MPEG-2 and anamorphic films: pictures are made wider or higher, as their file
says, never smaller."""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.records import Pixels

LEAST, MOST = (
    0.01,
    8.0,
)  # off square by less is not to be seen; by more than eight to one it is no picture but a mistake


def aspect(across: float, along: float, turned: bool) -> float:
    """Width over height of one pixel, 1.0 where nothing sensible is stated; ``turned``: the picture by a quarter."""
    if across <= 0 or along <= 0 or not 1 / MOST <= across / along <= MOST or abs(across / along - 1) < LEAST:
        return 1.0
    return along / across if turned else across / along


def stretched_size(size: tuple[int, int], ratio: float) -> tuple[int, int]:
    """(width, height) with square pixels of what is ``size`` with pixels of ``ratio``."""
    width, height = size
    return (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))


def stretched(pixels: Pixels, ratio: float) -> Pixels:
    """``pixels`` (H, W, 3) with square pixels."""
    if ratio == 1:
        return pixels
    size = stretched_size((pixels.shape[1], pixels.shape[0]), ratio)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR))
