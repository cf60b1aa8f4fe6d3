"""Parts of an image shrunk or enlarged as ``torch.nn.functional.interpolate(mode="area")`` does, from a table of sums.

Pixel i of n is the plain mean of the image's pixels ⌊i·N/n⌋ to ⌈(i + 1)·N/n⌉, whatever share of them it covers; this is
what facenet-pytorch's MTCNN is shown. With the sums over all rectangles from the corner, each mean is four look-ups.
The sums are kept modulo 2¹⁶, which halves what has to be read: differences of them are right where at most 257 pixels
go into a mean, and a larger rectangle is taken in parts. Results are (value − 127.5) / 128, as the networks take them;
beyond the image all is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

import cv2
import numpy as np

from facepipe.records import Floats, Pixels

Indices = np.ndarray  # of intp
Sums = np.ndarray  # (…, 4) uint16 or float32: of red, green, blue, and a fourth

MIDDLE, SPREAD = 127.5, 128.0
EDGE = 16  # px; 16·16·255 < 2¹⁶
STRIP = 64  # rows added up at a time, in the processor's cache


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

    def __getitem__(self, some: slice) -> Bins:
        return Bins(self.first[some], self.last[some], self.count[some], self.inside[some])

    def stretches(self) -> list[tuple[Indices, Indices]]:
        """The bins cut into parts of at most EDGE px each: (first, last) of all first parts, of all second ones, …"""
        span = self.last - self.first
        parts = max(1, -(-int(span.max(initial=0)) // EDGE))
        edges = [self.first + span * part // parts for part in range(parts)] + [self.last]
        return list(pairwise(edges))


@lru_cache(maxsize=64)  # of two axes and all levels; the next band, and the next frame, ask for the same
def _along(whole: int, parts: int, margin: int) -> Bins:
    """All of ``whole`` px in ``parts``, and as many more as ``margin`` says at either end."""
    return Bins.of(whole, 0, whole, np.arange(-margin, parts + margin), parts)


class AreaMeans:
    """Means over rectangles of an image; memory of four 16-bit integers per pixel."""

    def __init__(self, pixels: Pixels) -> None:
        self.height, self.width = pixels.shape[:2]
        # with a fourth channel the sums of a pixel are 8 bytes, which NumPy looks up several times as fast as 6
        self._sums = np.empty((self.height + 1, self.width + 1, 4), np.uint16)
        self._sums[0] = 0
        for top in range(0, self.height, STRIP):
            strip = cv2.cvtColor(pixels[top : top + STRIP], cv2.COLOR_RGB2RGBA)
            below = self._sums[top + 1 : top + 1 + STRIP]
            below[:] = cv2.integral(strip, sdepth=cv2.CV_32S)[1:]  # what does not fit into 16 bits is dropped
            below += self._sums[top]

    def level(self, height: int, width: int, margin: int, top: int, bottom: int) -> Floats:
        """Rows ``top`` to ``bottom`` of the image at ``height`` by ``width`` px with ``margin`` px of nothing around:
        (bottom − top, width + 2·margin, 3). The margin's first row is row 0."""
        rows, columns = _along(self.height, height, margin)[top:bottom], _along(self.width, width, margin)
        means = _means(_total(self._level(rows, columns))[None], rows, columns)[0]
        means[rows.inside == 0] = 0
        means[:, columns.inside == 0] = 0
        return means

    def _level(self, rows: Bins, columns: Bins) -> Iterator[Sums]:
        for above, below in rows.stretches():
            across = self._sums[below]
            across -= self._sums[above]
            for left, right in columns.stretches():
                sums = _taken(across, right)
                sums -= _taken(across, left)
                yield sums

    def crops(self, corners: Indices, sides: Indices, side: int) -> Floats:
        """The squares of ``sides`` (N, 2) px from ``corners`` (N, 2), x and y, at ``side`` px: (N, side, side, 3)."""
        if not len(corners):
            return np.empty((0, side, side, 3), np.float32)
        index = np.arange(side)
        columns = Bins.of(self.width, corners[:, 0], sides[:, 0], index, side)
        rows = Bins.of(self.height, corners[:, 1], sides[:, 1], index, side)
        large = sides.max(axis=1) > (EDGE - 1) * side  # few, but they would have all be looked up in parts
        if large.any() and not large.all():
            means = np.empty((len(corners), side, side, 3), np.float32)
            for those in (large, ~large):
                means[those] = self.crops(corners[those], sides[those], side)
            return means
        means = _means(_total(self._crops(rows, columns)), rows, columns)
        cut = np.flatnonzero((rows.inside < 1).any(axis=1) | (columns.inside < 1).any(axis=1))
        outside = 1 - rows.inside[cut, :, None] * columns.inside[cut, None]
        means[cut] += (outside * np.float32(MIDDLE / SPREAD))[..., None]
        return means

    def _crops(self, rows: Bins, columns: Bins) -> Iterator[Sums]:
        flat = _items(self._sums).ravel()

        def at(row: Indices, column: Indices) -> np.ndarray:
            places = (row * (self.width + 1))[:, :, None] + column[:, None]
            return flat.take(places)[..., None].view(np.uint16)

        for (above, below), (left, right) in product(rows.stretches(), columns.stretches()):
            sums = at(below, right)
            sums -= at(below, left)
            sums -= at(above, right)
            sums += at(above, left)
            yield sums


def _items(sums: Sums) -> np.ndarray:
    """(…, 4) uint16 as (…) items of 8 bytes."""
    return sums.view(np.uint64)[..., 0]


def _taken(sums: Sums, columns: Indices) -> Sums:
    """``sums[:, columns]``, quicker."""
    return _items(sums).take(columns, axis=1)[..., None].view(np.uint16)


def _total(parts: Iterator[Sums]) -> Sums:
    """The sum of the parts, in which nothing is dropped."""
    total = next(parts)
    for part in parts:
        total = np.add(total, part, dtype=np.float32)
    return total


def _means(sums: Sums, rows: Bins, columns: Bins) -> Floats:
    """What sums (N, h, w, 4) amount to, all of it inside: (N, h, w, 3) float32."""
    number, height, width, channels = sums.shape
    coloured = cv2.cvtColor(sums.reshape(-1, width, channels), cv2.COLOR_RGBA2RGB).reshape(number, height, -1)
    means = np.multiply(coloured, 1 / (SPREAD * rows.count[..., None]), dtype=np.float32)
    means *= np.repeat(1 / columns.count, 3, axis=-1)[..., None, :]
    means -= np.float32(MIDDLE / SPREAD)
    return means.reshape(number, height, width, 3)
