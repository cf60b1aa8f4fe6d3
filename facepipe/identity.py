"""Whose faces are these? Asked before they are stored under a name: they must be of one person, with those stored under
it already, and of nobody who is known under another.

One rule for pictures and for the camera. A picture does not fit when what it shares with all the others, taken as one,
speaks against one person (``UNLIKE``); with how many it is compared is accounted for by the card's evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from facepipe.decision.evidence import ByReferences, probability
from facepipe.errors import EnrolledAlready, PersonNotFound, SeveralPeople
from facepipe.gallery import Gallery, NewReference
from facepipe.records import Candidate, Floats
from facepipe.words import percent

# Chosen on lfw-dev, fold 0 (scripts/measure_enrolment.py); what they do is told of fold 1 in docs/deciding.md
UNLIKE = -2.0  # ln of the likelihood ratio below which a picture is another person's
KNOWN = 0.9  # probability from which on somebody is taken for a person of the gallery, however many are in it


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as the same person: by the ``evidence``, or, without it, from the cosine ``least`` on; as somebody in
    the gallery, from the score ``known`` on."""

    evidence: ByReferences | None
    least: float
    known: float


def expect_theirs(name: str, new: Sequence[NewReference], gallery: Gallery, rule: Rule | None) -> None:
    """Raise SeveralPeople or EnrolledAlready unless ``new`` can be ``name``'s; its details have the number of each of
    them that it is about, from 0, and its source.

    Without a ``rule`` nothing says who is the same, and nobody is refused.
    """
    if rule is None or not new:
        return
    expect_one_person(name, new, _enrolled(name, new, gallery), rule)
    expect_unknown(name, new, gallery, rule)


def expect_one_person(name: str, new: Sequence[NewReference], enrolled: Floats, rule: Rule) -> None:
    """Raise SeveralPeople when one of ``new`` is unlike the others and those ``enrolled`` (N, D) under the name."""
    vectors = np.vstack([*(one.template.vector[None] for one in new), enrolled])
    rest = len(vectors) - 1
    if not rest:
        return
    scores = _likeness(vectors)[: len(new)]
    worst = int(scores.argmin())
    alike, fits = _judged(float(scores[worst]), rest, rule)
    if fits:
        return
    error = SeveralPeople(
        f"{name}: {_source(new, worst)} does not show the same person as {_rest(name, new, worst, len(enrolled))}"
        f" ({alike}); leave it out or, if it does, enrol it all the same: --anyway"
    )
    error.details = _details(new, [worst])
    raise error


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
    error = EnrolledAlready(
        f"{name}: is enrolled already, as {other} ({_sureness(list(hits.values()), rule)}); use that name or, if they"
        " are two people, enrol all the same: --anyway"
    )
    error.person, error.details = other, _details(new, list(hits))
    raise error


def _enrolled(name: str, new: Sequence[NewReference], gallery: Gallery) -> Floats:
    """The vectors (N, D) stored under ``name``, of the same backbone."""
    backbone, dimension = new[0].template.backbone, len(new[0].template.vector)
    vectors: list[Floats] = []
    with suppress(PersonNotFound):
        stored = (reference.template for reference in gallery.references(name))
        vectors = [template.vector for template in stored if template.backbone == backbone]
    return np.array(vectors, np.float32).reshape(-1, dimension)


def _likeness(vectors: Floats) -> Floats:
    """How like each of ``vectors`` (N, D) is to all the others as one (facepipe.decision.fusion): (N,)."""
    means = (vectors.sum(axis=0) - vectors) / np.float32(len(vectors) - 1)
    lengths = np.linalg.norm(means, axis=1)
    return np.einsum("nd,nd->n", vectors, means) / np.sqrt(np.maximum(lengths, 1e-6))


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


def _source(new: Sequence[NewReference], number: int) -> str:
    return new[number].source or f"picture {number + 1}"


def _rest(name: str, new: Sequence[NewReference], worst: int, enrolled: int) -> str:
    others = len(new) - 1
    if not others:
        return f"what is enrolled as {name}"
    if others == 1 and not enrolled:
        return _source(new, 1 - worst)
    return f"the other {others + enrolled} pictures of {name}"
