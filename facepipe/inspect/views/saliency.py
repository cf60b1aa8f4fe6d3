"""Which parts of two faces carry their match: squares hidden at random, and how the score follows each of them.

S(p) = Pearson over masks k of (m_k(p), cos(e(a ⊙ m_k), e_b)), for both faces: CorrRISE (Lu, Xu, Ebrahimi 2024, "Towards
Visual Saliency Explanations of Face Verification", WACV, arXiv:2305.08546), after RISE (Petsiuk, Das, Saenko 2018,
arXiv:1806.07421). Unlike there, the masks are whole squares, not smoothed, and a balanced two-level design instead of
independent draws: any two squares are hidden together as often as apart, and with every mask comes its opposite. So
one square's number is not disturbed by what other squares do, nor by what they do in pairs (a foldover
design), and fewer masks suffice.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.deletion import FILLS, ORDERS, STEPS, Curves, curves
from facepipe.inspect.views.masks import Embed, Masks, MaskScorer, balanced_masks, mean_fill
from facepipe.records import Floats, Pixels

GRID = 6  # squares along each side
ROUNDS = 6  # balanced sets of masks: 2 · 64 each for 6 × 6 squares
SANITY_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """``values`` (g, g): −1 to 1, how the score follows each square being visible: > 0 supports, < 0 opposes.

    ``halves``: rank correlation of the maps from either half of the ``masks``, −1 to 1.
    """

    values: Floats
    halves: float
    masks: int


@dataclass(frozen=True, eq=False)
class Saliency:
    """Two faces: their cosine ``score``, and for each (a, b) its map against the other face, whole, and its curves.

    ``shuffled``: rank correlation of a's map with the map that the network with shuffled weights gives; None where that
    was not asked for. ``pixels``: the chips (h, w, 3).
    """

    score: float
    maps: tuple[SaliencyMap, SaliencyMap]
    curves: tuple[Curves, Curves]
    shuffled: float | None
    pixels: tuple[Pixels, Pixels]


def saliency(
    a: Network,
    b: Network,
    embed: Embed,
    mirror: bool,
    shuffled: Embed | None = None,
    *,
    grid: int = GRID,
    rounds: int = ROUNDS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Saliency:
    """Which squares of two faces carry their score, both ways, and whether hiding them in that order proves it.

    ``embed``: (N, h, w, 3) uint8 → (N, D) raw embeddings; ``mirror``: the mean over chip and mirrored chip counts;
    ``shuffled``: ``embed`` of the network with ``shuffled_weights``. ``progress(done, total)`` counts chips. The same
    ``seed``, the same result.
    """
    done = 0
    design = len(balanced_masks(grid, np.random.default_rng(0)))
    sanity = 0 if shuffled is None else SANITY_ROUNDS * design + 1
    total = 2 + 2 * (rounds * design + 1 + 2 * len(FILLS) * len(ORDERS) * (STEPS + 1) + 1) + sanity

    def seen(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    scorer = MaskScorer(embed, mirror, seen)
    pixels = (a.pixels, b.pixels)
    first, second = scorer.embed(np.stack(pixels))
    pairs = ((a.pixels, b.pixels), (b.pixels, a.pixels))
    maps = tuple(saliency_map(scorer, face, other, grid, rounds, seed) for face, other in pairs)
    drawn = tuple(
        curves(scorer, face, other, found.values, seed=seed) for (face, other), found in zip(pairs, maps, strict=True)
    )
    agreement = None
    if shuffled is not None:
        unlearnt = saliency_map(MaskScorer(shuffled, mirror, seen), *pairs[0], grid, SANITY_ROUNDS, seed)
        agreement = rank_correlation(maps[0].values, unlearnt.values)
    return Saliency(float(first @ second), maps, drawn, agreement, pixels)  # type: ignore[arg-type]


def saliency_map(
    scorer: MaskScorer, face: Pixels, other: Pixels, grid: int = GRID, rounds: int = ROUNDS, seed: int = 0
) -> SaliencyMap:
    """How the score of ``face`` with ``other`` (h, w, 3) follows each of ``grid`` × ``grid`` squares of ``face``.

    What is hidden takes the face's mean colour. ``rounds`` must be even. The same ``seed``, the same map.
    """
    generator = np.random.default_rng(seed)
    visible = np.concatenate([balanced_masks(grid, generator) for _ in range(rounds)])
    scores = scorer.hidden(face, mean_fill(face), visible, scorer.embed(other[None])[0])
    half = len(visible) // 2
    halves = [follow(visible[part], scores[part]) for part in (slice(half), slice(half, None))]
    return SaliencyMap(follow(visible, scores), rank_correlation(*halves), len(visible))


def follow(visible: Masks, scores: Floats) -> Floats:
    """Pearson's correlation of every square's visibility, ``visible`` (N, g, g), with ``scores`` (N,): (g, g)."""
    shown = visible - visible.mean(axis=0)
    centred = scores - scores.mean()
    spread = np.sqrt((shown**2).sum(axis=0) * (centred**2).sum())
    together = np.tensordot(centred, shown, axes=1)
    found: Floats = np.divide(together, spread, out=np.zeros_like(together), where=spread > 0)
    return found


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's, −1 to 1, of values without ties."""
    first, second = (values.ravel().argsort().argsort() for values in (a, b))
    return float(np.corrcoef(first, second)[0, 1])


def shuffled_weights(module: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the network with the numbers of every weight tensor shuffled: same sizes, same spread, nothing learnt.

    What a map shows of it cannot be what the network has learnt (Adebayo et al. 2018, "Sanity checks for saliency
    maps", arXiv:1810.03292).
    """
    shuffled = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in shuffled.parameters():
            order = torch.randperm(weights.numel(), generator=generator)
            weights.copy_(weights.flatten()[order].reshape(weights.shape))
    return shuffled
