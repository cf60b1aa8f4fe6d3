"""Arithmetic on pixels that several parts share."""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.records import Pixels

LARGEST_SHOWN = 1600  # px of the longer side


def halved(pixels: Pixels, times: int) -> Pixels:
    """Means of squares of 2×2 pixels, so many ``times``, which OpenCV has a quick way for; an odd row or column at the
    lower or right edge is left out."""
    for _ in range(times):
        rows, columns = (side // 2 for side in pixels.shape[:2])
        even = pixels[: 2 * rows, : 2 * columns]
        pixels = np.asarray(cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
    return pixels


def rgb_of(bgr: Pixels) -> Pixels:
    """The pixels (H, W, 3) with red where blue was; read-only."""
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
    rgb.setflags(write=False)
    return rgb


def shown(pixels: Pixels) -> bytes:
    """A JPEG of RGB ``pixels`` (H, W, 3) to look at: made smaller where they are many."""
    height, width = pixels.shape[:2]
    scale = min(1.0, LARGEST_SHOWN / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = pixels if scale == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])[1])
