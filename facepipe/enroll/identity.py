"""Whose faces are these? Asked before they are stored under a name: they must be of one person, with those stored under
it already, and of nobody who is known under another.

One rule for pictures and for the camera. A picture does not fit when what it shares with all the others, taken as one,
speaks against one person (``UNLIKE``); with how many it is compared is accounted for by the card's evidence. Nor do
several that are alike: the more pictures of each of two people there are, the more is every one like half of the rest,
so the two parts that are least alike, each taken as one, are compared as two pictures are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from facepipe.defaults import FMR
from facepipe.errors import EnrolledAlready, PersonNotFound, SeveralPeople
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.thresholds import Thresholds
from facepipe.networks.cards import Card
from facepipe.records import Candidate, Floats
from facepipe.scoring.evidence import ByReferences, probability
from facepipe.words import percent

# Chosen on lfw-dev, fold 0 (scripts/measure_enrolment.py); what they do is told of fold 1 in docs/deciding.md
UNLIKE = -2.0  # ln of the likelihood ratio below which a picture is another person's
SAME = 1e-5  # difference of scores that is rounding: of two pictures each is as unlike the other; the later is named
NAMED = 3  # pictures in a message
KNOWN = 0.9  # probability from which on somebody is taken for a person of the gallery, however many are in it


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as the same person: by the ``evidence``, or, without it, from the cosine ``least`` on; as somebody in
    the gallery, from the score ``known`` on."""

    evidence: ByReferences | None
    least: float
    known: float


def rule_of(card: Card, gallery: Gallery, threshold: float | None = None) -> Rule | None:
    """Who counts as one person at enrolment into ``gallery``, by a cosine ``threshold`` where one is given; None where
    the ``card`` of its network does not say what a score means. Raises UsageError."""
    if threshold is None and not card.thresholds:
        return None
    known = Thresholds(card, gallery).find(threshold, FMR).threshold
    if threshold is not None:
        return Rule(None, threshold, known)
    return Rule(card.evidence, card.threshold(next(iter(card.thresholds))), known)


def expect_theirs(name: str, new: Sequence[NewReference], gallery: Gallery, rule: Rule | None) -> None:
    """Raise SeveralPeople or EnrolledAlready unless ``new`` can be ``name``'s; its details have the number of each of
    them that it is about, from 0, and its source.

    Without a ``rule`` nothing says who is the same, and nobody is refused.
    """
    if rule is None or not new:
        return
    enrolled = _enrolled(name, new, gallery)
    if len(new) == 2 and not len(enrolled):
        expect_unknown(name, new, gallery, rule)  # of two who are unlike, this knows which of them is the wrong one
        expect_one_person(name, new, enrolled, rule)
    else:
        expect_one_person(name, new, enrolled, rule)
        expect_unknown(name, new, gallery, rule)


def expect_one_person(name: str, new: Sequence[NewReference], enrolled: Floats, rule: Rule) -> None:
    """Raise SeveralPeople when one of ``new``, or some of them that are alike, are unlike the others and those
    ``enrolled`` (N, D) under the name."""
    vectors = np.vstack([*(one.template.vector[None] for one in new), enrolled])
    if len(vectors) < 2:
        return
    scores = _likeness(vectors)[: len(new)]
    odd = [int(np.flatnonzero(scores <= scores.min() + SAME)[-1])]
    alike, fits = _judged(float(scores[odd[0]]), len(vectors) - 1, rule)
    if fits and len(vectors) >= 4:
        odd, score = _part(vectors, len(new))
        alike, fits = _judged(score, 1, rule)
    if fits or not odd:
        return
    if len(vectors) == 2 == len(new):  # which of them is the wrong one is not known
        raise SeveralPeople(
            f"{name}: {_sources(new, [0])} and {_sources(new, [1])} do not show the same person ({alike}); look which"
            " is wrong or, if they do, enrol both all the same: --anyway",
            details=_details(new, odd),
        )
    (do, them), they_do = (("do", "them"), "they do") if len(odd) > 1 else (("does", "it"), "it does")
    raise SeveralPeople(
        f"{name}: {_sources(new, odd)} {do} not show the same person as {_rest(name, new, odd, len(enrolled))}"
        f" ({alike}); leave {them} out or, if {they_do}, enrol {them} all the same: --anyway",
        details=_details(new, odd),
    )


def expect_unknown(name: str, new: Sequence[NewReference], gallery: Gallery, rule: Rule) -> None:
    """Raise EnrolledAlready when at least half of ``new`` are most like somebody of another name, and surely."""
    found: dict[str, dict[int, Candidate]] = {}
    rows = gallery.search([one.template for one in new], top=1, evidence=rule.evidence)
    for number, best in enumerate(row[0] for row in rows if row):
        if best.person != name and _is_known(best, rule):
            found.setdefault(best.person, {})[number] = best
    other, hits = max(found.items(), key=lambda item: len(item[1]), default=("", {}))
    if not hits or 2 * len(hits) < len(new):
        return
    sure = _sureness(list(hits.values()), rule)
    if len(hits) == len(new):
        said = f"is enrolled already, as {other} ({sure}); use that name or, if they are two people, enrol all the same"
    else:
        show, them = ("show", "them") if len(hits) > 1 else ("shows", "it")
        said = (
            f"{_sources(new, list(hits))} {show} {other}, who is enrolled already ({sure}); enrol {them} under that"
            " name or, if they are two people, all the same"
        )
    raise EnrolledAlready(f"{name}: {said}: --anyway", person=other, details=_details(new, list(hits)))


def _enrolled(name: str, new: Sequence[NewReference], gallery: Gallery) -> Floats:
    """The vectors (N, D) stored under ``name``, of the same backbone."""
    backbone, dimension = new[0].template.backbone, len(new[0].template.vector)
    vectors: list[Floats] = []
    with suppress(PersonNotFound):
        stored = (reference.template for reference in gallery.references(name))
        vectors = [template.vector for template in stored if template.backbone == backbone]
    return np.array(vectors, np.float32).reshape(-1, dimension)


def _likeness(vectors: Floats) -> Floats:
    """How like each of ``vectors`` (N, D) is to all the others as one (facepipe.scoring.fusion): (N,)."""
    means = (vectors.sum(axis=0) - vectors) / np.float32(len(vectors) - 1)
    lengths = np.linalg.norm(means, axis=1)
    return np.einsum("nd,nd->n", vectors, means) / np.sqrt(np.maximum(lengths, 1e-6))


def _part(vectors: Floats, new: int) -> tuple[list[int], float]:
    """Of the two parts of ``vectors`` (N, D) that are least alike, along the direction in which they differ most, the
    smaller one, as places, and how alike the two are. Empty unless one of them is of the first ``new`` alone."""
    centred = vectors - vectors.mean(axis=0)
    order = np.argsort(np.linalg.svd(centred, full_matrices=False)[0][:, 0], kind="stable")
    counts = np.arange(2, len(vectors) - 1)
    sums = np.cumsum(vectors[order], axis=0)
    first = sums[counts - 1] / counts[:, None]
    second = (sums[-1] - sums[counts - 1]) / (len(vectors) - counts)[:, None]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    scores = np.einsum("nd,nd->n", first, second) / np.sqrt(np.maximum(lengths, 1e-6))
    least = int(scores.argmin())
    parts = sorted((sorted(part.tolist()) for part in np.split(order, [counts[least]])), key=lambda part: -part[0])
    own = [part for part in parts if part[-1] < new]
    return min(own, key=len, default=[]), float(scores[least])


def _judged(score: float, rest: int, rule: Rule) -> tuple[str, bool]:
    """How alike, in words, and whether that is enough."""
    if rule.evidence is None:
        return f"{score:.3f} < {rule.least:.3f}", score >= rule.least
    ratio = float(rule.evidence.log_ratio(np.array([score], np.float32), np.array([rest]))[0])
    return f"{percent(float(probability(np.float64(ratio))))} likely", ratio >= UNLIKE


def _is_known(found: Candidate, rule: Rule) -> bool:
    return found.score >= rule.known and (found.probability is None or found.probability >= KNOWN)


def _sureness(hits: Sequence[Candidate], rule: Rule) -> str:
    sure = [hit.probability for hit in hits if hit.probability is not None]
    return f"{percent(median(sure))} likely" if sure else f"{median(hit.score for hit in hits):.3f} ≥ {rule.known:.3f}"


def _details(new: Sequence[NewReference], numbers: Sequence[int]) -> list[dict[str, Any]]:
    return [{"image": number, "source": new[number].source} for number in numbers]


def _sources(new: Sequence[NewReference], numbers: Sequence[int]) -> str:
    called = [one.source for one in new]  # all alike where a camera took them
    named = [
        called[number] if called[number] and called.count(called[number]) == 1 else f"picture {number + 1}"
        for number in numbers[:NAMED]
    ]
    more = len(numbers) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _rest(name: str, new: Sequence[NewReference], odd: Sequence[int], enrolled: int) -> str:
    others = [number for number in range(len(new)) if number not in odd]
    if not others:
        return f"what is enrolled as {name}"
    return f"the other {len(others) + enrolled} pictures of {name}"
