"""Everybody in a gallery as a stranger to all the others, scored as the gallery scores whoever is looked up."""

from __future__ import annotations

import math

import numpy as np

from facepipe.gallery.live_index import LiveIndex
from facepipe.gallery.scoring import Scoring
from facepipe.scoring.evidence import ByReferences
from facepipe.scoring.strangers import FEWEST, TWICE, OwnStrangers

MOST = 1000  # probes
WORK = 20_000_000  # comparisons with a reference, about 0.2 s: in a very large gallery there are fewer probes
LOOKED_AT = 4  # people: the probe's own, perhaps a second name of theirs, and the best stranger


def measure(index: LiveIndex, scoring: Scoring, evidence: ByReferences | None) -> OwnStrangers | None:
    """None where fewer than FEWEST people are enrolled, or so many that it would take too long.

    ``evidence`` says who is so alike that they are likelier one person under two names: they are not compared.
    """
    most = min(MOST, WORK // max(len(index), 1))
    if min(index.people, most) < FEWEST:
        return None
    vectors, positions, owners = index.some(most)
    names = [index.named(position)[0] for position in positions.tolist()]
    rows = scoring.rank(index, vectors, LOOKED_AT, None, names)
    one = _one_person(evidence, index.people)
    scores, alike = np.full(len(rows), -1, np.float32), set[tuple[str, str]]()
    for number, (name, row) in enumerate(zip(names, rows, strict=True)):
        others = [found for found in row if found.person != name]
        alike.update((min(name, found.person), max(name, found.person)) for found in others if found.score >= one)
        scores[number] = max((found.score for found in others if found.score < one), default=-1)
    _, place, counts = np.unique(owners, return_inverse=True, return_counts=True)
    order = np.argsort(-scores, kind="stable")
    return OwnStrangers(index.people, scores[order], (1 / counts[place])[order], tuple(sorted(alike)))


def _one_person(evidence: ByReferences | None, people: int) -> float:
    """The score from which on two people are likelier one, of so many ``people``."""
    if evidence is None:
        return math.inf
    single = evidence.single
    return float((math.log((1 - TWICE) / TWICE * (people - 1)) - single.offset) / single.slope)
