"""Parts of an image shrunk or enlarged as ``torch.nn.functional.interpolate(mode="area")`` does, from a table of sums.

Pixel i of n is the plain mean of the image's pixels ⌊i·N/n⌋ to ⌈(i + 1)·N/n⌉, whatever share of them it covers; this is
what facenet-pytorch's MTCNN is shown. With the sums over all rectangles from the corner, each mean is four look-ups,
however large the rectangle. Results are (value − 127.5) / 128, as the networks take them; beyond the image all is 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facepipe.records import Floats, Pixels

Indices = np.ndarray  # of intp

MIDDLE, SPREAD = 127.5, 128.0


@dataclass(frozen=True)
class Bins:
    """Along one axis of ``whole`` px, pixels ``first`` up to ``last`` (…, n) go into each of n means, those inside the
    image; ``count`` (…, n) float32 is how many there would be if the image went on, ``inside`` their share of it."""

    first: Indices
    last: Indices
    count: Floats
    inside: Floats

    @classmethod
    def of(cls, whole: int, start: Indices | int, length: Indices | int, index: Indices, parts: int) -> Bins:
        """The ``index``-th (n,) of ``parts`` equal parts of each stretch of ``length`` from ``start`` (…,)."""
        stretch = np.asarray(length)[..., None]
        first, last = index * stretch // parts, -((index + 1) * -stretch // parts)
        count = (last - first).astype(np.float32)
        origin = np.asarray(start)[..., None]
        first, last = np.clip(first + origin, 0, whole), np.clip(last + origin, 0, whole)
        return cls(first, last, count, (last - first).astype(np.float32) / count)


class AreaMeans:
    """Means over rectangles of an image; memory of four 32-bit integers per pixel."""

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        # A fourth channel makes the sums of a pixel 16 bytes, which NumPy looks up four times as fast as 12. Sums over
        # more than 8 megapixels go round; the differences are right all the same.
        self._sums = cv2.integral(cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA), sdepth=cv2.CV_32S)

    def level(self, height: int, width: int, margin: int, top: int, bottom: int) -> Floats:
        """Rows ``top`` to ``bottom`` of the image at ``height`` by ``width`` px with ``margin`` px of nothing around:
        (bottom − top, width + 2·margin, 3). The margin's first row is row 0."""
        rows = Bins.of(self.height, 0, self.height, np.arange(top, bottom) - margin, height)
        columns = Bins.of(self.width, 0, self.width, np.arange(width + 2 * margin) - margin, width)
        across = self._sums[rows.last]
        across -= self._sums[rows.first]
        sums = _taken(across, columns.last)
        sums -= _taken(across, columns.first)
        means = _means(sums[None], rows, columns)[0]
        means[rows.inside == 0] = 0
        means[:, columns.inside == 0] = 0
        return means

    def crops(self, corners: Indices, sides: Indices, side: int) -> Floats:
        """The squares of ``sides`` (N, 2) px from ``corners`` (N, 2), x and y, at ``side`` px: (N, side, side, 3)."""
        if not len(corners):
            return np.empty((0, side, side, 3), np.float32)
        index = np.arange(side)
        columns = Bins.of(self.width, corners[:, 0], sides[:, 0], index, side)
        rows = Bins.of(self.height, corners[:, 1], sides[:, 1], index, side)
        flat = _items(self._sums).ravel()

        def at(row: Indices, column: Indices) -> np.ndarray:
            places = (row * (self.width + 1))[:, :, None] + column[:, None]
            return flat.take(places)[..., None].view(np.int32)

        sums = at(rows.last, columns.last)
        sums -= at(rows.last, columns.first)
        sums -= at(rows.first, columns.last)
        sums += at(rows.first, columns.first)
        means = _means(sums, rows, columns)
        cut = np.flatnonzero((rows.inside < 1).any(axis=1) | (columns.inside < 1).any(axis=1))
        outside = 1 - rows.inside[cut, :, None] * columns.inside[cut, None]
        means[cut] += (outside * np.float32(MIDDLE / SPREAD))[..., None]
        return means


def _items(sums: np.ndarray) -> np.ndarray:
    """(…, 4) int32 as (…) items of 16 bytes."""
    return sums.view(np.complex128)[..., 0]


def _taken(sums: np.ndarray, columns: Indices) -> np.ndarray:
    """``sums[:, columns]``, quicker."""
    return _items(sums).take(columns, axis=1)[..., None].view(np.int32)


def _means(sums: np.ndarray, rows: Bins, columns: Bins) -> Floats:
    """What sums (N, h, w, 4) amount to, all of it inside: (N, h, w, 3) float32."""
    number, height, width, channels = sums.shape
    coloured = cv2.cvtColor(sums.astype(np.float32).reshape(-1, width, channels), cv2.COLOR_RGBA2RGB)
    means = coloured.reshape(number, height, -1)
    means *= 1 / (SPREAD * rows.count[..., None])
    means *= np.repeat(1 / columns.count, 3, axis=-1)[..., None, :]
    means -= np.float32(MIDDLE / SPREAD)
    return means.reshape(number, height, width, 3)
