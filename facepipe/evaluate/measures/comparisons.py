"""Scores of many comparisons: of the pairs of a list, or of all images against all, block by block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.evaluate.measures.rates import Doubles
from facepipe.records import Floats

Bools = npt.NDArray[np.bool_]

BLOCK = 512  # images whose scores with all others are made at once: 27 MB for 13,000 images
TAIL = 1_000_000  # of the impostor comparisons, the most alike: these are kept with who was compared
SAMPLE = 200_000  # … and so many of the others
MOST = 100_000_000  # impostor scores held in memory (400 MB); of more a random part is


class Scorer(Protocol):
    """Says how alike two of N images are."""

    def block(self, start: int, stop: int) -> Floats:
        """The scores of images start…stop with all images from ``start`` on, (stop − start, N − start)."""

    def pairs(self, a: Ints, b: Ints) -> Floats:
        """The scores of image a[k] with image b[k], (P,)."""


@dataclass(frozen=True, eq=False)
class Cosine:
    """The cosine of ``vectors`` (N, D), which have norm 1."""

    vectors: Floats

    def block(self, start: int, stop: int) -> Floats:
        return np.clip(self.vectors[start:stop] @ self.vectors[start:].T, -1, 1)

    def pairs(self, a: Ints, b: Ints) -> Floats:
        return np.clip(np.einsum("pd,pd->p", self.vectors[a], self.vectors[b]), -1, 1)


@dataclass(frozen=True, eq=False)
class Comparisons:
    """``genuine`` (G,) scores, ascending, of ``genuine_pairs`` (G, 2); all ``impostor`` scores (I,), ascending.

    ``kept`` (K,), descending, with ``kept_pairs`` (K, 2): all impostor comparisons, or of very many the most alike and
    a random part of the others, each of which stands for ``weight`` (K,) comparisons. ``of``: how many impostor pairs
    there are, more than I when not all were scored.
    """

    genuine: Floats
    genuine_pairs: Ints
    impostor: Floats
    kept: Floats
    kept_pairs: Ints
    weight: Doubles
    of: int


def listed(scorer: Scorer, pairs: Ints, same: Bools) -> Comparisons:
    """The comparisons of ``pairs`` (P, 2) of image numbers; ``same`` (P,): of one person."""
    scores = scorer.pairs(pairs[:, 0], pairs[:, 1])
    up, down = np.argsort(scores, kind="stable"), np.argsort(-scores, kind="stable")
    genuine, impostor = up[same[up]], down[~same[down]]
    return Comparisons(
        scores[genuine],
        pairs[genuine],
        scores[impostor][::-1],
        scores[impostor],
        pairs[impostor],
        np.ones(len(impostor)),
        len(impostor),
    )


def all_against_all(scorer: Scorer, people: Ints, seed: int = 0) -> Comparisons:
    """Every pair of images, once; ``people`` (N,) numbers each one's person.

    Memory: the scores of impostors, 4 bytes each (at most ``MOST``), and a few blocks.
    """
    count = len(people)
    sizes = np.bincount(people)
    of = (count * (count - 1) - int((sizes * (sizes - 1)).sum())) // 2
    share = min(1.0, MOST / of) if of else 1.0
    rng = np.random.default_rng(seed)
    impostor, genuine = _Grown(of if share == 1 else int(MOST * 1.001) + 1000), _Kept()
    tail, others = _Tail(TAIL), _Kept()
    thin = min(1.0, 2 * SAMPLE / of) if of > TAIL else 0.0
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        scores = scorer.block(start, stop)
        upper = np.arange(start, count)[None, :] > np.arange(start, stop)[:, None]
        same = people[start:stop, None] == people[None, start:]
        genuine.add(scores, upper & same, start)
        wanted = upper & ~same
        if share < 1:
            wanted &= rng.random(wanted.shape, np.float32) < share
        impostor.add(scores[wanted])
        tail.add(scores, wanted, start)
        if thin:
            others.add(scores, wanted & (rng.random(wanted.shape, np.float32) < thin), start)
    return _together(genuine, impostor, tail, others, of)


def _together(genuine: _Kept, impostor: _Grown, tail: _Tail, others: _Kept, of: int) -> Comparisons:
    found, pairs = genuine.all()
    order = np.argsort(found, kind="stable")
    scores = impostor.sorted()
    kept, kept_pairs = tail.highest()
    weight = np.ones(len(kept))
    if len(scores) > len(kept):
        rest, rest_pairs = others.all()
        low = rest < kept[-1]
        some = np.argsort(-rest[low], kind="stable")
        kept, kept_pairs = np.append(kept, rest[low][some]), np.concatenate([kept_pairs, rest_pairs[low][some]])
        each = (len(scores) - len(weight)) / max(len(some), 1)
        weight = np.append(weight, np.full(len(some), each))
    return Comparisons(found[order], pairs[order], scores, kept, kept_pairs, weight, of)


class _Grown:
    """Scores in one array of a known size, filled bit by bit."""

    def __init__(self, size: int) -> None:
        self._scores, self._used = np.empty(size, np.float32), 0

    def add(self, scores: Floats) -> None:
        room = scores[: len(self._scores) - self._used]
        self._scores[self._used : self._used + len(room)] = room
        self._used += len(room)

    def sorted(self) -> Floats:
        filled = self._scores[: self._used]
        filled.sort()  # in place: a copy would double the memory
        return filled


@dataclass
class _Kept:
    """Scores with the images they compare."""

    scores: list[Floats] = field(default_factory=list)
    pairs: list[Ints] = field(default_factory=list)

    def add(self, scores: Floats, mask: Bools, start: int) -> None:
        a, b = np.nonzero(mask)
        self.scores.append(scores[a, b])
        self.pairs.append(np.stack([a, b], axis=1) + start)

    def all(self) -> tuple[Floats, Ints]:
        return np.concatenate([np.empty(0, np.float32), *self.scores]), np.concatenate(
            [np.empty((0, 2), np.int64), *self.pairs]
        )


class _Tail(_Kept):
    """The ``size`` highest scores, with a cut below which none can be one of them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._cut, self._held = size, np.float32(-np.inf), 0

    def add(self, scores: Floats, mask: Bools, start: int) -> None:
        super().add(scores, mask & (scores >= self._cut), start)
        self._held += len(self.scores[-1])
        if self._held > 2 * self._size:
            best, pairs = self.highest()
            self.scores, self.pairs, self._held, self._cut = [best], [pairs], len(best), best[-1]

    def highest(self) -> tuple[Floats, Ints]:
        """Descending."""
        scores, pairs = self.all()
        order = np.argsort(-scores, kind="stable")[: self._size]
        return scores[order], pairs[order]
