"""Do coarse features suffice? The chip blurred step by step: what each depth makes of it, and whether it matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from facepipe.layers.networks import Network
from facepipe.layers.views.features import Doubles, Normalise, collect, depths, directions, pooled
from facepipe.records import Floats, Pixels

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


@dataclass(frozen=True, eq=False)
class Matched:
    """Each blurred chip against a gallery: the cosine ``scores`` (S) of the template with ``person``'s most similar
    reference, and ``ranks`` (S) of the person among ``people``, 1 is first."""

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


def match_blurred(
    chips: Pixels, summarise: Callable[[Pixels], Floats], references: Floats, people: Sequence[str], person: str
) -> Matched:
    """``summarise``: chips (S, h, w, 3) → templates (S, D) of norm 1, as the gallery's ``references`` (M, D) were made;
    ``people`` names the person of each reference. Of equal scores the other person counts as nearer.

    Raises ValueError when ``person`` has no reference.
    """
    names = np.asarray(people)
    if not (names == person).any():
        raise ValueError(f"{person}: no reference of this person among {len(names)}")
    scores = summarise(chips) @ references.T
    best = {name: scores[:, names == name].max(axis=1) for name in dict.fromkeys(people)}
    own = best.pop(person)
    ranks = 1 + sum((other >= own).astype(int) for other in best.values()) + np.zeros(len(chips), int)
    return Matched(person, len(best) + 1, tuple(own.tolist()), tuple(ranks.tolist()))
