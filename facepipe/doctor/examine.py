"""One look over a gallery: everything that seems wrong in it, the most important first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facepipe.doctor import labels, pictures, twins, weak
from facepipe.doctor.enrolled import Circle, Enrolled, Ints
from facepipe.doctor.finding import Finding, Kind, Pictured
from facepipe.doctor.odds import Odds, find_odds
from facepipe.doctor.remedy import Step, drop, enroll, enroll_anew, merge
from facepipe.gallery import Gallery
from facepipe.networks.cards import card_of, network_name
from facepipe.progress import Progress, quiet
from facepipe.scoring.evidence import Evidence

BESIDE = 4  # references shown for comparison
MOST_SURE = 0.99  # more cannot be measured with pictures whose own labels are wrong now and then


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """``findings``, the most important first, in a gallery of ``people`` with ``references``.

    ``threshold``: the least score that counts as the same person, where one is known. ``judged_by``: what says how much
    a score means: "given", "calibration", "card", "gallery" (what its own people show), or None: nothing does, and
    likeness was not judged.
    """

    people: int
    references: int
    threshold: float | None
    judged_by: str | None
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing looks wrong; there may be advice."""
        return all(finding.kind.advice for finding in self.findings)


def examine(gallery: Gallery, *, evidence: Evidence | None = None, report: Progress | None = None) -> Diagnosis:
    """Look ``gallery`` over; nothing in it is changed.

    What a score means is known from ``evidence``, or from the gallery's calibration, or from its backbone's card, or
    from its own people where they are enough. Time grows with references × people. Raises GalleryError.
    """
    report = report or quiet
    report("reading", 0, 1)
    if not len(gallery):
        return Diagnosis(0, 0, None, None, ())
    enrolled = Enrolled.read(gallery)
    backbone = network_name(gallery.backbone or "")
    card = card_of(gallery.backbone)
    seen = pictures.look(gallery, enrolled, card, report)
    lying = [_lying(enrolled.pictured(row), backbone) for row in np.flatnonzero(seen.lying).tolist()]
    upright = enrolled.only(~seen.lying)  # what is no face misleads every other step
    odds = find_odds(gallery, upright, card, evidence)
    poor = weak.find_weak(upright, seen.sharpness[~seen.lying])
    findings = _Doctor(upright, odds, poor, backbone, report).findings(lying) if len(upright) else tuple(lying)
    judged_by, threshold = (None, None) if odds is None else (odds.source, odds.threshold)
    return Diagnosis(len(enrolled.people), len(enrolled), threshold, judged_by, findings)


def _lying(this: Pictured, backbone: str) -> Finding:
    again = enroll(this.person, this.source, backbone) if _is_there(this) else enroll_anew(this.person, backbone)
    return Finding(Kind.LYING, this.person, (this,), remedy=(drop(this.id), again))


def _is_there(this: Pictured) -> bool:
    """Whether its picture can be enrolled again."""
    return bool(this.source) and Path(this.source).is_file()


class _Doctor:
    """Each step leaves out what it found, so that the next is not misled by it."""

    def __init__(
        self, enrolled: Enrolled, odds: Odds | None, poor: dict[int, tuple[str, ...]], backbone: str, report: Progress
    ) -> None:
        self._enrolled, self._odds, self._poor = enrolled, odds, poor
        self._backbone, self._report = backbone, report
        self._circle = Circle(enrolled)

    def findings(self, lying: Sequence[Finding]) -> tuple[Finding, ...]:
        """All there are, with what was found ``lying`` before."""
        found = [*lying, *self._same_pictures()]
        if self._odds is not None:
            wrong = labels.LabelSearch(self._circle, self._odds, self._report).run()
            alike = twins.find_twins(self._circle, self._odds, self._report)
            people = self._enrolled.people
            one: dict[frozenset[str | None], twins.Twins]
            one = {frozenset((people[pair.a], people[pair.b])): pair for pair in alike}
            said = {f.names for f in found}
            found = [self._merged(f, one[f.names]) if f.names in one else f for f in found]
            # Of two who are one neither is wrongly called the other
            found += [f for f in map(self._mislabelled, wrong) if f.names not in one]
            found += self._two_names([pair for names, pair in one.items() if names not in said])
            rows = np.flatnonzero(~self._circle.out)
            found += map(self._stray, labels.strays(self._circle, self._odds, rows))
        known = {this.id for f in found if f.kind is not Kind.TWO_NAMES for this in f.references}
        found += [self._weak(row, why) for row, why in self._poor.items() if int(self._enrolled.ids[row]) not in known]
        found += self._few({finding.person for finding in found if finding.kind is not Kind.WEAK})
        if self._odds is not None and self._odds.threshold is not None:
            shots = twins.same_shots(self._enrolled, self._odds.threshold)
            found += map(self._same_shot, shots.values())
        order = {kind: number for number, kind in enumerate(Kind)}
        return tuple(sorted(found, key=lambda finding: order[finding.kind]))

    # One finding each ------------------------------------------------------------------------------------------------

    def _mislabelled(self, case: labels.Wrong) -> Finding:
        enrolled, other = self._enrolled, self._enrolled.people[case.other]
        this = enrolled.pictured(case.row)
        steps = [drop(this.id)]
        if _is_there(this):
            steps.append(enroll(other, this.source, self._backbone))
        beside = self._nearest(case.row, self._circle.others(case.row))
        beside += self._nearest(case.row, self._circle.kept(case.other))
        return Finding(
            Kind.MISLABELLED,
            this.person,
            (this,),
            tuple(map(enrolled.pictured, beside)),
            other,
            min(case.sure, MOST_SURE),
            case.score,
            case.own,
            self._poor.get(case.row, ()),
            tuple(steps),
        )

    def _same_pictures(self) -> Iterator[Finding]:
        together: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        owners = self._enrolled.owners
        for row, other in twins.same_pictures(self._enrolled):
            together[int(owners[row]), int(owners[other])].append((row, other))
        for pairs in together.values():
            rows, others = (list(dict.fromkeys(side)) for side in zip(*pairs, strict=True))
            if self._fit(rows) > self._fit(others):  # the doubtful ones first
                rows, others = others, rows
            yield self._same_picture(rows, others)

    def _fit(self, rows: list[int]) -> float:
        """How like the rest of their person the references are; below every score where there is no rest."""
        person = int(self._enrolled.owners[rows[0]])
        own = self._circle.own(np.array(rows, np.int64))
        return -2.0 if len(rows) >= len(self._circle.kept(person)) else float(np.nanmean(own))

    def _same_picture(self, rows: list[int], others: list[int]) -> Finding:
        enrolled, circle = self._enrolled, self._circle
        these = [enrolled.pictured(row) for row in rows]
        person, other = these[0].person, enrolled.people[enrolled.owners[others[0]]]
        whole = len(rows) >= len(circle.kept(int(enrolled.owners[rows[0]])))  # nothing would be left of the person
        steps: list[Step] = [merge(person, other)] if whole else [drop(this.id) for this in these]
        own = None if whole else self._fit(rows)
        for row in rows:
            circle.leave_out(row)
        beside = tuple(map(enrolled.pictured, others[:BESIDE]))
        return Finding(Kind.SAME_PICTURE, person, tuple(these), beside, other, own=own, remedy=tuple(steps))

    def _merged(self, finding: Finding, pair: twins.Twins) -> Finding:
        """The same picture under two names, of people who are alike without it."""
        less, more = self._less_and_more(pair.a, pair.b)
        step = merge(self._enrolled.people[less], self._enrolled.people[more])
        return replace(finding, sure=min(pair.sure, MOST_SURE), score=pair.score, remedy=(step,))

    def _less_and_more(self, a: int, b: int) -> list[int]:
        """Two people, the one with more references last; of as many the one who was enrolled first."""
        return sorted((a, b), key=lambda person: (self._enrolled.counts[person], -person))

    def _two_names(self, pairs: list[twins.Twins]) -> Iterator[Finding]:
        """Each pair that joins two groups; all of a group go to whoever has most references."""
        enrolled, leader = self._enrolled, dict[int, int]()

        def lead(person: int) -> int:
            while leader.get(person, person) != person:
                person = leader[person]
            return person

        joins = []
        for pair in pairs:
            a, b = lead(pair.a), lead(pair.b)
            if a != b:
                less, more = self._less_and_more(a, b)
                leader[less] = more
                joins.append((pair, less))
        for pair, less in joins:
            person, into = enrolled.people[less], enrolled.people[lead(less)]
            a, b = (pair.b, pair.a) if pair.b == less else (pair.a, pair.b)
            rows, others = (self._circle.kept(which)[:BESIDE].tolist() for which in (a, b))
            yield Finding(
                Kind.TWO_NAMES,
                enrolled.people[a],
                tuple(map(enrolled.pictured, rows)),
                tuple(map(enrolled.pictured, others)),
                enrolled.people[b],
                min(pair.sure, MOST_SURE),
                pair.score,
                remedy=(merge(person, into),),
            )

    def _stray(self, case: labels.Stray) -> Finding:
        these = tuple(map(self._enrolled.pictured, case.rows))
        reasons = tuple(dict.fromkeys(why for row in case.rows for why in self._poor.get(row, ())))
        rows = self._enrolled.rows(int(self._enrolled.owners[case.rows[0]])).tolist()
        beside = [self._enrolled.pictured(row) for row in rows if row not in case.rows][:BESIDE]
        poor = [row for row in case.rows if row in self._poor] if len(these) > 1 else [case.rows[0]]
        step = (
            drop(int(self._enrolled.ids[poor[0]])) if len(poor) == 1 else enroll_anew(these[0].person, self._backbone)
        )
        return Finding(Kind.STRAY, these[0].person, these, tuple(beside), own=case.own, reasons=reasons, remedy=(step,))

    def _weak(self, row: int, why: tuple[str, ...]) -> Finding:
        this = self._enrolled.pictured(row)
        steps = (enroll_anew(this.person, self._backbone), drop(this.id))
        return Finding(Kind.WEAK, this.person, (this,), reasons=why, remedy=steps)

    def _few(self, spoken_of: set[str]) -> Iterator[Finding]:
        for person in np.flatnonzero(self._enrolled.counts == 1).tolist():
            name = self._enrolled.people[person]
            if name not in spoken_of:
                (row,) = self._enrolled.rows(person).tolist()
                steps = (enroll_anew(name, self._backbone),)
                yield Finding(Kind.FEW, name, (self._enrolled.pictured(row),), remedy=steps)

    def _same_shot(self, pairs: list[tuple[int, int]]) -> Finding:
        these, earlier = (tuple(map(self._enrolled.pictured, dict.fromkeys(side))) for side in zip(*pairs, strict=True))
        person = these[0].person
        steps = (enroll_anew(person, self._backbone),)
        return Finding(Kind.SAME_SHOT, person, these, earlier, remedy=steps)

    def _nearest(self, row: int, others: Ints) -> list[int]:
        """Those of ``others`` most like the reference."""
        scores = self._enrolled.vectors[others] @ self._enrolled.vectors[row]
        return [int(others[at]) for at in np.argsort(-scores)[:BESIDE]]
