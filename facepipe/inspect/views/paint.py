"""Numbers as small pictures: signed values in two colours, maps in greys, tiles on a sheet, outlines."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facepipe.inspect.graphs.graph import Pair
from facepipe.records import Floats, Pixels

ORANGE, BLUE, TEAL = (217, 119, 6), (37, 99, 190), (15, 157, 138)
GAP = (128, 128, 128)  # between tiles: seen on light and dark pages
SHADES = 64  # of a map: as many as an eye tells apart; a sheet then has few colours and its PNG is small
Colour = tuple[int, int, int]


def peak(values: Floats) -> float:
    """The largest magnitude, 1 where all is nought: a scale to divide by."""
    return float(np.abs(values).max(initial=0.0)) or 1.0


def signed(values: Floats, scale: float | None = None) -> Pixels:
    """(H, W) → (H, W, 3): white at 0, orange to +``scale``, blue to −``scale`` (None: the largest magnitude)."""
    share = np.clip(np.asarray(values, np.float32) / (peak(values) if scale is None else scale), -1, 1)[..., None]
    share = np.round(share * SHADES) / SHADES
    ends = np.where(share > 0, np.array(ORANGE, np.float32), np.array(BLUE, np.float32))
    return np.round(250 - np.abs(share) * (250 - ends)).astype(np.uint8)


def grey(values: Floats, low: float, high: float) -> Pixels:
    """(H, W) → (H, W, 3): black at ``low`` and below, white at ``high`` and above, in ``SHADES``."""
    share = np.clip((np.asarray(values, np.float32) - low) / ((high - low) or 1.0), 0, 1)
    return np.repeat((np.round(share * (SHADES - 1)) * (255 / (SHADES - 1))).astype(np.uint8)[..., None], 3, axis=2)


def enlarge(pixels: Pixels, times: int) -> Pixels:
    """Each pixel as ``times`` by ``times``."""
    return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1)


def fill(pixels: Pixels, size: Pair) -> Pixels:
    """Enlarged by the largest whole number that stays within ``size`` (h, w), centred on grey of that size."""
    height, width = pixels.shape[:2]
    times = max(1, min(size[0] // height, size[1] // width))
    return padded(enlarge(pixels, times), size)


def padded(pixels: Pixels, size: Pair) -> Pixels:
    """``pixels`` in the middle of a grey (h, w) sheet no smaller than they are."""
    height, width = pixels.shape[:2]
    rows, columns = max(size[0], height), max(size[1], width)
    sheet = np.full((rows, columns, 3), GAP, np.uint8)
    y, x = (rows - height) // 2, (columns - width) // 2
    sheet[y : y + height, x : x + width] = pixels
    return sheet


def mosaic(tiles: Sequence[Pixels], columns: int, gap: int = 1) -> Pixels:
    """Tiles, row by row, each centred in a cell of the largest one's size, ``gap`` px of grey between."""
    cell = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (cell[0] + gap) - gap, columns * (cell[1] + gap) - gap, 3), GAP, np.uint8)
    for position, tile in enumerate(tiles):
        y, x = position // columns * (cell[0] + gap), position % columns * (cell[1] + gap)
        sheet[y : y + cell[0], x : x + cell[1]] = padded(tile, cell)
    return sheet


def beside(panels: Sequence[Pixels], gap: int = 6) -> Pixels:
    """Panels in one row, each centred in height, ``gap`` px of grey between."""
    height = max(panel.shape[0] for panel in panels)
    between = np.full((height, gap, 3), GAP, np.uint8)
    parts = [part for panel in panels for part in (between, padded(panel, (height, panel.shape[1])))]
    return np.hstack(parts[1:])


def outline(pixels: Pixels, box: tuple[int, int, int, int], colour: Colour, width: int = 1) -> None:
    """Draw, in place, the box y0, x0, y1, x1 (both ends inside) as a frame within it, clipped to the picture."""
    height, wide = pixels.shape[:2]
    y0, x0, y1, x1 = max(box[0], 0), max(box[1], 0), min(box[2], height - 1), min(box[3], wide - 1)
    for ring in range(width):
        cv2.rectangle(pixels, (x0 + ring, y0 + ring), (x1 - ring, y1 - ring), colour, 1)
