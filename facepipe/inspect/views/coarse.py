"""Do coarse features suffice? The chip blurred step by step: what each depth makes of it, and whether it matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.features import Doubles, Normalise, collect, depths, directions, pooled
from facepipe.records import Candidate, Floats, Pixels

SIGMAS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)  # of the Gaussian, chip px


@dataclass(frozen=True, eq=False)
class Blurred:
    """``chips`` (S, h, w, 3) uint8 RGB: the face blurred by each of ``sigmas`` (S), chip px.

    ``similarity`` (L, S): at each of ``layers`` ρ_l(σ), the cosine between z of the face and of the blurred face;
    ``centred`` says whether z is less the mean of other faces.
    """

    sigmas: tuple[float, ...]
    chips: Pixels
    layers: tuple[str, ...]
    similarity: Doubles
    centred: bool


@dataclass(frozen=True)
class Matched:
    """Each blurred chip against a gallery: the ``scores`` (S) of ``person``, as the gallery gives them, and ``ranks``
    (S) of the person among ``people``, 1 is first."""

    person: str
    people: int
    scores: tuple[float, ...]
    ranks: tuple[int, ...]


def blur_by_depth(
    network: Network,
    normalise: Normalise,
    gallery: Mapping[str, Floats] | None = None,
    layers: Sequence[str] | None = None,
    sigmas: Sequence[float] = SIGMAS,
) -> Blurred:
    """Blur the network's face and compare the pooled features at each of ``layers`` (None: every depth).

    ``gallery``: layer → pooled features (M, C) of other faces, see ``features.collect``, whose means are taken off;
    None: nothing is. Raises KeyError when it lacks a layer.
    """
    names = tuple(depths(network) if layers is None else layers)
    chips = np.stack([blur(network.pixels, sigma) for sigma in sigmas])
    face, found = network.outputs(names), collect(network, names, chips, normalise)
    rows = []
    for name in names:
        mean = None if gallery is None else gallery[name].mean(axis=0)
        rows.append(directions(found[name], mean) @ directions(pooled(name, face[name]), mean)[0])
    return Blurred(tuple(sigmas), chips, names, np.stack(rows), gallery is not None)


def blur(chip: Pixels, sigma: float) -> Pixels:
    """``chip`` (h, w, 3) uint8 under a Gaussian of ``sigma`` px, its border going on; rounded to uint8."""
    smooth = gaussian_filter(chip.astype(np.float32), (sigma, sigma, 0), mode="nearest")
    return np.asarray(smooth.round(), np.uint8)


def match_blurred(chips: Pixels, search: Callable[[Pixels], Sequence[Sequence[Candidate]]], person: str) -> Matched:
    """``search``: chips (S, h, w, 3) → for each everybody in the gallery, as candidates. Of equal scores the other
    person counts as nearer.

    Raises ValueError when ``person`` is not among them.
    """
    found = search(chips)
    own = [next((one.score for one in row if one.person == person), None) for row in found]
    scores = [score for score in own if score is not None]
    if len(scores) < len(chips):
        raise ValueError(f"{person}: not among the {len(found[0])} candidates")
    ranks = [sum(one.score >= score for one in row) for row, score in zip(found, scores, strict=True)]
    return Matched(person, len(found[0]), tuple(scores), tuple(ranks))
