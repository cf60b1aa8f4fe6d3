"""References under the wrong name: more like somebody else, or like nobody, than like the rest of their own person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facepipe.doctor.enrolled import Circle, Ints
from facepipe.doctor.odds import Odds
from facepipe.progress import Progress, quiet

SURE = 0.7  # from here on it is told: chosen on lfw-dev, fold 0 (scripts/measure_doctor.py)
UNLIKE = -3.0  # ln of the likelihood ratio below which a reference is a stray: likewise
SLACK = 6.0  # natural logarithms below that within which a corrected score may lift a case up
MOST = 5_000  # cases looked at closely


@dataclass(frozen=True)
class Wrong:
    """The reference ``row`` is like the person ``other`` (``score``), not like its ``own``."""

    row: int
    other: int
    score: float
    own: float
    sure: float


class LabelSearch:
    """Looks for wrong labels, the surest first. One that was found is left out of its person, which may make others
    right: of two references of which one is wrong, both are unlike the rest."""

    def __init__(self, circle: Circle, odds: Odds, report: Progress) -> None:
        self.circle, self.odds, self._report = circle, odds, report
        enrolled = circle.enrolled
        rows = np.flatnonzero((enrolled.counts[enrolled.owners] > 1) & ~circle.out)
        scores, who = circle.nearest(rows, report)
        own = circle.own(rows)
        with np.errstate(invalid="ignore"):
            gap = odds.log_ratio(scores) - odds.log_ratio(own)
        likely = np.flatnonzero(gap > np.log(max(odds.people - 1, 1)) - SLACK)
        likely = likely[np.argsort(-gap[likely])][:MOST]
        self.rows, self.scores, self.who = rows[likely], scores[likely], who[likely]

    def run(self) -> list[Wrong]:
        found: list[Wrong] = []
        cases: dict[int, Wrong] = {}
        for place, row in enumerate(self.rows.tolist()):
            self._report("looking closely", place, len(self.rows))
            cases[row] = self._case(place)
        while True:
            best: dict[int, Wrong] = {}  # of each person: the others look different without it
            owners = self.circle.enrolled.owners
            for case in cases.values():
                person = int(owners[case.row])
                if case.sure >= SURE and case.sure > (best[person].sure if person in best else 0):
                    best[person] = case
            if not best:
                return sorted(found, key=lambda case: -case.sure)
            for case in best.values():
                self.circle.leave_out(case.row)
                del cases[case.row]
            found += best.values()
            changed = {place for place, row in enumerate(self.rows) if int(row) in cases and self._touched(place, best)}
            self._look_again(changed)
            cases |= {int(self.rows[place]): self._case(place) for place in changed}

    def _touched(self, place: int, people: dict[int, Wrong]) -> bool:
        return int(self.circle.enrolled.owners[self.rows[place]]) in people or int(self.who[place]) in people

    def _look_again(self, places: set[int]) -> None:
        at: Ints = np.array(sorted(places), np.int64)
        if at.size:
            self.scores[at], self.who[at] = self.circle.nearest(self.rows[at], quiet)

    def _case(self, place: int) -> Wrong:
        row, other, score = int(self.rows[place]), int(self.who[place]), float(self.scores[place])
        enrolled = self.circle.enrolled
        enrolled, names = self.circle.enrolled, self.circle.enrolled.people
        person = int(enrolled.owners[row])
        if self.circle.counts[person] < 2:  # nothing left to compare it with
            return Wrong(row, other, score, 1.0, 0.0)
        score = self.odds.corrected(score, enrolled.vectors[row], self.circle.fused[other], names[person], names[other])
        own = own_score(self.circle, self.odds, row)
        return Wrong(row, other, score, own, self.odds.wrong(score, own))


def own_score(circle: Circle, odds: Odds, row: int) -> float:
    """How like a reference is to the others of its person, of whom there must be some, corrected."""
    vector, (rest,) = circle.enrolled.vectors[row], circle.rests(np.array([row]))
    whose = circle.enrolled.people[circle.enrolled.owners[row]]
    return odds.corrected(float(vector @ rest), vector, rest, whose, whose)


@dataclass(frozen=True)
class Stray:
    """References of one person that are unlike the rest: one of several or, of two unlike each other, both."""

    rows: tuple[int, ...]
    own: float


def strays(circle: Circle, odds: Odds, rows: Ints) -> list[Stray]:
    """Among the people of ``rows``, the least alike first."""
    enrolled, found = circle.enrolled, list[Stray]()
    with np.errstate(invalid="ignore"):
        doubtful = odds.line(circle.own(rows)) < UNLIKE + SLACK
    for person in np.unique(enrolled.owners[rows[doubtful]]).tolist():
        while len(kept := circle.kept(person)) > 1:
            own, row = min((own_score(circle, odds, row), row) for row in kept.tolist())
            if float(odds.line(own)) >= UNLIKE:
                break
            stray = Stray((row,) if len(kept) > 2 else tuple(kept.tolist()), own)
            found.append(stray)
            for row in stray.rows:
                circle.leave_out(row)
    return sorted(found, key=lambda stray: stray.own)
