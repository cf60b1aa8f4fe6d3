"""Deletion and insertion: does the score fall faster when the squares are hidden in the order that a map says?

After Petsiuk, Das, Saenko 2018 (RISE, arXiv:1806.07421). Beside one random order stands a centred one, from the middle
outwards, as a Gaussian on the chip's centre ranks them: faces are centred, which makes it the baseline that is hard.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepipe.inspect.views.masks import Masks, MaskScorer, blurred_fill, mean_fill
from facepipe.records import Floats, Pixels

STEPS = 10
ORDERS = ("map", "random", "centred")
FILLS = {"mean": mean_fill, "blurred": blurred_fill}


@dataclass(frozen=True, eq=False)
class Curves:
    """Cosines while squares go or come, first the most supporting by each of ``ORDERS``.

    ``deletion``, ``insertion`` (2 fills, 3 orders, steps + 1) float64: entry i is with i / steps of the squares hidden,
    or shown, the others being filled as the keys of ``FILLS`` say.
    """

    deletion: Floats
    insertion: Floats

    @property
    def deletion_area(self) -> Floats:
        """(2 fills, 3 orders): the mean height under each deletion curve; lower is better."""
        return _area(self.deletion)

    @property
    def insertion_area(self) -> Floats:
        """(2 fills, 3 orders): the mean height under each insertion curve; higher is better."""
        return _area(self.insertion)


def curves(
    scorer: MaskScorer, face: Pixels, other: Pixels, values: Floats, steps: int = STEPS, seed: int = 0
) -> Curves:
    """Hide and show the squares of ``face`` (h, w, 3) in the order of ``values`` (g, g) and in the two others."""
    embedding = scorer.embed(other[None])[0]
    generator = np.random.default_rng(seed)
    centred = distances(values.shape[0], generator)
    orders = [np.argsort(-values, axis=None), generator.permutation(values.size), np.argsort(centred)]
    found = [
        [
            [
                scorer.hidden(face, fill(face), shown ^ gone, embedding)
                for shown in (_shown(order, steps) for order in orders)
            ]
            for fill in FILLS.values()
        ]
        for gone in (True, False)
    ]
    return Curves(*np.array(found).reshape(2, len(FILLS), len(ORDERS), steps + 1))


def distances(grid: int, generator: np.random.Generator) -> Floats:
    """(grid²,): how far each square is from the centre, in squares; equal ones in random order."""
    y, x = np.mgrid[:grid, :grid] - (grid - 1) / 2
    found: Floats = (y**2 + x**2).ravel() + generator.random(grid * grid) * 1e-3
    return found


def _shown(order: npt.NDArray[np.intp], steps: int) -> Masks:
    """(steps + 1, g, g) bool: the first i / steps of the squares in ``order``."""
    rank = order.argsort()
    grid = round(len(order) ** 0.5)
    limits = np.round(np.arange(steps + 1) / steps * len(order))
    return (rank[None] < limits[:, None]).reshape(-1, grid, grid)


def _area(curves: Floats) -> Floats:
    area: Floats = (curves[..., 1:] + curves[..., :-1]).mean(axis=-1) / 2
    return area
