"""Faces with squares of them hidden, and how they score: what saliency maps and their tests are made of."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from facepipe.records import Floats, Pixels

BATCH = 16  # chips a forward pass, as the pipeline does it

Embed = Callable[[Pixels], Floats]
Masks = npt.NDArray[np.bool_]  # (N, g, g): the squares that show, N times


class MaskScorer:
    """The cosine of hidden versions of a face with another face, as the pipeline compares them.

    ``embed``: (N, h, w, 3) uint8 RGB → (N, D) raw embeddings; ``mirror``: the mean over chip and mirrored chip counts.
    ``seen`` is told after every batch how many chips were in it.
    """

    def __init__(self, embed: Embed, mirror: bool, seen: Callable[[int], None] | None = None) -> None:
        self._embed, self._mirror, self._seen = embed, mirror, seen

    def embed(self, pixels: Pixels) -> Floats:
        """(N, h, w, 3) uint8 → (N, D) unit embeddings."""
        found = []
        for start in range(0, len(pixels), BATCH):
            some = pixels[start : start + BATCH]
            raw = self._embed(some)
            found.append(raw + self._embed(np.ascontiguousarray(some[:, :, ::-1])) if self._mirror else raw)
            if self._seen is not None:
                self._seen(len(some))
        raw = np.concatenate(found).astype(np.float64)
        unit: Floats = raw / np.linalg.norm(raw, axis=1, keepdims=True)
        return unit

    def hidden(self, face: Pixels, fill: Pixels, visible: Masks, other: Floats) -> Floats:
        """(N,): cosines with the unit embedding ``other`` when only the squares ``visible`` (N, g, g) bool show."""
        scores = [
            self.embed(hide(face, fill, visible[start : start + BATCH])) @ other
            for start in range(0, len(visible), BATCH)
        ]
        return np.concatenate(scores)


def balanced_masks(grid: int, generator: np.random.Generator) -> Masks:
    """(2n, ``grid``, ``grid``), n the least power of two above grid²: columns of a Hadamard matrix, in random order and
    with random signs, and then the opposite of each mask. Every square shows in half of them.
    """
    count = grid * grid
    matrix = np.ones((1, 1), int)
    while len(matrix) <= count:  # more rows than squares: its first column is constant and not used
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    columns = 1 + generator.permutation(len(matrix) - 1)[:count]
    design = matrix[:, columns] * generator.choice([-1, 1], count)
    return (np.concatenate([design, -design]) > 0).reshape(-1, grid, grid)


def hide(face: Pixels, fill: Pixels, visible: Masks) -> Pixels:
    """(N, h, w, 3) uint8: ``face`` in the squares ``visible`` (N, g, g) bool, ``fill`` (h, w, 3) in the others."""
    height, width = face.shape[:2]
    rows = np.arange(height) * visible.shape[1] // height
    columns = np.arange(width) * visible.shape[2] // width
    return np.where(visible[:, rows][:, :, columns][..., None], face, fill)


def mean_fill(face: Pixels) -> Pixels:
    """The face's mean colour everywhere."""
    return np.broadcast_to(face.mean(axis=(0, 1)).round().astype(np.uint8), face.shape)


def blurred_fill(face: Pixels) -> Pixels:
    """The face blurred by a Gaussian of a tenth of its width."""
    return cv2.GaussianBlur(face, (0, 0), face.shape[1] / 10)
