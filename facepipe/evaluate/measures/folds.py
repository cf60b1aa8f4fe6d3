"""Accuracy by folds, as in LFW's protocol: each fold is decided at the threshold chosen on the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.evaluate.measures.comparisons import Bools, Comparisons
from facepipe.evaluate.measures.rates import best_accuracy
from facepipe.records import Floats

FOLDS = 10
OF_ONE = 10  # pairs of one person, at most, in a list that is drawn
KIND = 1000  # pairs of each kind in a fold that is drawn, at most


@dataclass(frozen=True, eq=False)
class Trial:
    """Scored pairs with their folds: ``scores`` (P,), ``same`` (P,), ``people`` (P, 2), ``folds`` (P, 2): of each
    person; a pair whose people are in two folds is in none. ``names`` of the folds; ``made``: by us, with people apart.
    """

    scores: Floats
    same: Bools
    people: Ints
    folds: Ints
    names: tuple[str, ...]
    made: bool

    def parts(self, fold: int) -> tuple[Bools, Bools]:
        """Which pairs are in ``fold``, and which have nobody in it: to choose a threshold on."""
        inside = self.folds == fold
        return inside.all(axis=1), ~inside.any(axis=1)


@dataclass(frozen=True)
class Fold:
    """One fold: how many of its ``pairs`` were decided rightly at the ``threshold`` chosen on the others."""

    name: str
    pairs: int
    threshold: float
    accuracy: float


@dataclass(frozen=True)
class Accuracy:
    """``mean`` over ``folds`` and its ``standard_error`` (standard deviation / √folds; None of one fold); beside it the
    accuracy at the ``best`` threshold, chosen on the very pairs it decides. Of all ``pairs``, ``genuine`` are of one
    person; ``left_out``: pairs across two folds."""

    folds: tuple[Fold, ...]
    mean: float | None
    standard_error: float | None
    best: float
    best_threshold: float
    pairs: int
    genuine: int
    left_out: int
    made: bool


def measure_accuracy(trial: Trial) -> Accuracy | None:
    """Decide each fold; one whose others lack a kind of pairs is left out. None without pairs of both kinds."""
    if not trial.same.any() or trial.same.all():
        return None
    folds = []
    for number, name in enumerate(trial.names):
        inside, others = trial.parts(number)
        genuine, impostor = trial.scores[others & trial.same], trial.scores[others & ~trial.same]
        if inside.any() and len(genuine) and len(impostor):
            threshold = best_accuracy(genuine, impostor)[1]
            right = (trial.scores[inside] >= threshold) == trial.same[inside]
            folds.append(Fold(name, int(inside.sum()), threshold, float(right.mean())))
    values = [fold.accuracy for fold in folds]
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    mean = float(np.mean(values)) if values else None
    best, at = best_accuracy(trial.scores[trial.same], trial.scores[~trial.same])
    crossing = int((trial.folds[:, 0] != trial.folds[:, 1]).sum())
    return Accuracy(tuple(folds), mean, error, best, at, len(trial.same), int(trial.same.sum()), crossing, trial.made)


def fold_people(people: Ints, pairs: Ints, seed: int = 0) -> Ints:
    """A fold for each person, (people,), about as many of the ``pairs`` (P, 2) of image numbers in each.

    ``people`` (N,) numbers each image's person. People who are compared with each other come into one fold where that
    leaves FOLDS of like size, so that no pair lies across two.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(people.max()) + 1
    a, b = people[pairs[:, 0]], people[pairs[:, 1]]
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(count, count))
    groups = connected_components(graph, directed=False)[1]
    sizes = np.bincount(groups[a], minlength=groups.max() + 1)
    if sizes.max() > len(pairs) / FOLDS:
        groups, sizes = np.arange(count), np.bincount(a[a == b], minlength=count)
    folds, load = np.empty(len(sizes), np.int64), np.zeros(FOLDS)
    order = np.random.default_rng(seed).permutation(len(sizes))
    for group in order[np.argsort(-sizes[order], kind="stable")]:  # the largest first, each to the lightest fold
        folds[group] = np.argmin(load)
        load[folds[group]] += sizes[group] + 1e-3
    return folds[groups]


def draw_list(comparisons: Comparisons, people: Ints, seed: int = 0) -> tuple[Ints, Bools, Ints]:
    """(pairs (P, 2), same (P,), fold of each person): as many pairs of one person as of two in each fold, as LFW's
    list has; of ``comparisons`` of all images with all, whose persons ``people`` (N,) numbers."""
    rng = np.random.default_rng(seed)
    everyone = np.unique(comparisons.genuine_pairs, axis=0)  # in an order that the scores have no part in
    shuffled = rng.permutation(everyone)
    genuine = shuffled[_rank(people[shuffled[:, 0]]) < OF_ONE]
    folds = fold_people(people, genuine, seed)
    genuine = genuine[_rank(folds[people[genuine[:, 0]]]) < KIND]
    pairs, same = [genuine], [np.ones(len(genuine), bool)]
    for fold in range(FOLDS):
        members = np.flatnonzero(folds[people] == fold)
        wanted = int((folds[people[genuine[:, 0]]] == fold).sum())
        drawn = np.sort(rng.choice(members, (4 * wanted + 20, 2)), axis=1) if len(members) else np.empty((0, 2), int)
        drawn = np.unique(drawn[people[drawn[:, 0]] != people[drawn[:, 1]]], axis=0)
        pairs.append(rng.permutation(drawn)[:wanted])
        same.append(np.zeros(len(pairs[-1]), bool))
    return np.concatenate(pairs), np.concatenate(same), folds


def _rank(labels: Ints) -> Ints:
    """How many equal ones each has before it."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    ranks = np.empty(len(labels), np.int64)
    ranks[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return ranks
