"""Arithmetic on pixels that several parts share."""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.records import Pixels


def halved(pixels: Pixels, times: int) -> Pixels:
    """Means of squares of 2×2 pixels, so many ``times``, which OpenCV has a quick way for; an odd row or column at the
    lower or right edge is left out."""
    for _ in range(times):
        rows, columns = (side // 2 for side in pixels.shape[:2])
        even = pixels[: 2 * rows, : 2 * columns]
        pixels = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    return pixels
