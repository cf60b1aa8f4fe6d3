"""When identity appears: how well each depth tells people apart, and which rank it gives the right person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.features import Doubles, Normalise, collect, depths, depths_by_field, directions, pooled
from facepipe.inspect.views.separation import Judge, Pairs, Separation
from facepipe.records import Floats, Pixels

GRID = 12  # places along each side, at most, of a map that is flattened: bounds what PCA has to hold
COMPONENTS = 128
GREY_SIDE = 32  # px, of the grey chips that stand for raw pixels


@dataclass(frozen=True, eq=False)
class Ranks:
    """One face against a gallery at each of ``layers`` (L).

    ``ranks`` (L,): the place of ``person`` among ``people``, 1 is first; ``scores`` (L,) the cosine of z with the
    person's most similar chip, ``others`` (L,) with the most similar chip of anybody else, ``nearest`` whose that is.
    """

    person: str
    people: int
    layers: tuple[str, ...]
    ranks: tuple[int, ...]
    scores: tuple[float, ...]
    others: tuple[float, ...]
    nearest: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Identity:
    """How well cosines tell ``same`` pairs of one person from ``different`` ones of two, of ``people`` in all.

    ``pooled``: z at each of ``layers``; ``untrained``: the same with random weights (empty where the network has no
    weights to replace); ``flattened``: layer → maps with their layout, on a grid of at most GRID × GRID, by PCA;
    ``pixels``: the grey chip of GREY_SIDE px; ``eigenfaces``: that by PCA (Turk & Pentland 1991). ``trend``: Spearman's
    correlation of the pooled AUC with depth.
    """

    layers: tuple[str, ...]
    pooled: tuple[Separation, ...]
    untrained: tuple[Separation, ...]
    flattened: dict[str, Separation]
    pixels: Separation
    eigenfaces: Separation
    same: int
    different: int
    people: int

    @property
    def trend(self) -> float:
        return float(spearmanr(range(len(self.pooled)), [separation.auc.value for separation in self.pooled]).statistic)


def rank_by_depth(network: Network, gallery: Mapping[str, Floats], people: Sequence[str], person: str) -> Ranks:
    """The rank of ``person`` for the network's face at each layer of ``gallery``.

    ``gallery``: layer → pooled features (M, C) of its chips, see ``features.collect``; ``people`` names each chip's
    person. Leave out chips of the very photo that is looked at: they come first at every depth. Of equal scores the
    other person counts as nearer. Raises ValueError unless ``person`` and somebody else have chips.
    """
    own = np.array([name == person for name in people])
    if own.all() or not own.any():
        raise ValueError(f"{person}: {own.sum()} of {len(own)} chips; expected some of this person and some of others")
    found = []
    for layer, values in network.outputs(gallery).items():
        features = gallery[layer]
        mean = features.mean(axis=0)
        scores = (directions(features, mean) @ directions(pooled(layer, values), mean)[0]).round(9)
        best: dict[str, float] = {}
        for name, score in zip(people, scores.tolist(), strict=True):
            best[name] = max(score, best.get(name, -1.0))
        score = best.pop(person)
        nearest = max(best, key=lambda name: best[name])
        found.append((1 + sum(other >= score for other in best.values()), score, best[nearest], nearest))
    ranks, scores_, others, names = zip(*found, strict=True)
    return Ranks(person, len(set(people)), tuple(gallery), ranks, scores_, others, names)


def measure_identity(
    network: Network,
    chips: Pixels,
    people: Sequence[str],
    pairs: Pairs,
    references: Pixels,
    normalise: Normalise,
    layers: Sequence[str] | None = None,
    seed: int = 0,
) -> Identity:
    """AUC and EER on ``pairs`` (P, 2), numbers of ``chips`` (N, h, w, 3), whose people are ``people`` (N).

    ``references`` (M, h, w, 3), chips of other people, give the means and the PCA. ``layers`` None: every depth. What
    is random follows ``seed``. Raises ValueError without pairs of one person and of two.
    """
    names = tuple(depths(network) if layers is None else layers)
    judge = Judge(people, pairs, seed=seed)

    def judged(vectors: Doubles) -> Separation:
        return judge.judge((vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(axis=1))

    def by_depth(network: Network) -> tuple[Separation, ...]:
        means = {name: found.mean(axis=0) for name, found in collect(network, names, references, normalise).items()}
        found = collect(network, names, chips, normalise)
        return tuple(judged(directions(found[name], means[name])) for name in names)

    random = by_depth(replace(network, module=untrained(network.module, seed))) if network.differentiable else ()
    flat = [name for name in depths_by_field(network, 8) if name in names]
    fitted = {n: _fit(v, seed) for n, v in collect(network, flat, references, normalise, _flatten).items()}
    projected = collect(network, flat, chips, normalise, lambda n, values: fitted[n].transform(_flatten(n, values)))
    flattened = {name: judged(directions(found)) for name, found in projected.items()}
    grey, grey_references = _grey(chips), _grey(references)
    eigenfaces = _fit(grey_references, seed).transform(grey)
    same = int(judge.same.sum())
    return Identity(
        names,
        by_depth(network),
        random,
        flattened,
        judged(directions(grey, grey_references.mean(axis=0))),
        judged(directions(eigenfaces)),
        same,
        len(pairs) - same,
        judge.people,
    )


def untrained(module: nn.Module, seed: int = 0) -> nn.Module:
    """A copy with random weights: normal numbers of each parameter's own mean and spread."""
    copy = deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in copy.parameters():
            noise = torch.randn(parameter.shape, generator=generator).to(parameter.device)
            parameter.copy_(parameter.mean() + parameter.std(correction=0) * noise)
    return copy


def _flatten(layer: str, values: Tensor) -> Floats:
    """(N, C, H, W) → (N, C · places), its layout kept, on a grid of at most GRID × GRID places."""
    height, width = (min(GRID, extent) for extent in values.shape[2:])
    return np.asarray(adaptive_avg_pool2d(values, (height, width)).flatten(1).float().cpu().numpy(), np.float32)


def _grey(chips: Pixels) -> Floats:
    """(N, h, w, 3) uint8 → (N, GREY_SIDE²) float32 grey levels."""
    small = [
        cv2.resize(cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY), (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_AREA)
        for chip in chips
    ]
    return np.stack(small).reshape(len(small), -1).astype(np.float32)


def _fit(features: Floats, seed: int) -> PCA:
    """Whitened, as eigenfaces are compared: else the few components that carry light and pose decide the cosine."""
    components = min(COMPONENTS, len(features) - 1, features.shape[1])
    return PCA(components, whiten=True, svd_solver="randomized", random_state=seed).fit(features)
