"""People who may be one, and the same picture under two names."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from facepipe.doctor.enrolled import Circle, Enrolled
from facepipe.doctor.odds import Odds
from facepipe.progress import Progress

SURE = 0.5  # from here on it is told: chosen on lfw-dev, fold 0 (scripts/measure_doctor.py)
SLACK = 6.0  # natural logarithms below that within which a corrected score may lift a pair up
MOST = 3_000  # pairs looked at closely
MOST_OF_ONE = 1000  # references of one person that are compared with each other
SAME_FACE = 0.98  # cosine from which on two faces in one image are one: a group picture has several faces
SAME_SHOT = 0.1  # of what two photos of a person may differ by: measured there too, on altered copies


@dataclass(frozen=True)
class Twins:
    """The people ``a`` and ``b`` (places), and how like each other they are."""

    a: int
    b: int
    score: float
    sure: float


def find_twins(circle: Circle, odds: Odds, report: Progress) -> list[Twins]:
    """Pairs of people who may be one, the surest first: over the threshold in force, and so far over it that it is no
    wonder of how many pairs there are."""
    people, evidence = circle.enrolled.people, odds.evidence
    least = (math.log(max(odds.people - 1, 1)) - SLACK - evidence.offset) / evidence.slope
    scores, pairs = circle.alike(least, MOST, report)
    found = []
    for number, (score, (a, b)) in enumerate(zip(scores.tolist(), pairs.tolist(), strict=True)):
        report("looking closely", number, len(scores))
        score = odds.corrected(score, circle.fused[a], circle.fused[b], people[a], people[b])
        sure = odds.twice(score)
        if sure >= SURE and (odds.threshold is None or score >= odds.threshold):
            found.append(Twins(a, b, score, sure))
    return sorted(found, key=lambda pair: (-pair.sure, -pair.score))


def same_pictures(enrolled: Enrolled) -> list[tuple[int, int]]:
    """References of two people with the same face of the same image (or, where there is no image, the same vector)."""
    marked: dict[object, list[int]] = defaultdict(list)
    for row, mark in enumerate(enrolled.marks):
        marked[mark or enrolled.vectors[row].tobytes()].append(row)
    found = []
    for rows in marked.values():
        for number, row in enumerate(rows):
            for other in rows[number + 1 :]:
                apart = enrolled.owners[row] != enrolled.owners[other]
                if apart and enrolled.vectors[row] @ enrolled.vectors[other] >= SAME_FACE:
                    found.append((row, other))
    return found


def same_shots(enrolled: Enrolled, threshold: float) -> dict[int, list[tuple[int, int]]]:
    """People with references that are nearly the same shot: of each those that could be left out, and as which."""
    least, found = 1 - SAME_SHOT * (1 - threshold), dict[int, list[tuple[int, int]]]()
    for person in np.flatnonzero(enrolled.counts > 1).tolist():
        rows = enrolled.rows(person)[:MOST_OF_ONE]
        before = np.tril(enrolled.vectors[rows] @ enrolled.vectors[rows].T, -1)  # each with those enrolled earlier
        alike = before.max(axis=1) >= least
        if alike.any():
            found[person] = list(zip(rows[alike].tolist(), rows[before[alike].argmax(axis=1)].tolist(), strict=True))
    return found
