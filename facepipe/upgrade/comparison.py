"""What another network changes, measured on the gallery's own people: with both, everybody against everybody.

Pairs of references of one person that are not told to be one are *missed*; how many depends on how many pairs of two
people are taken for one, so both networks are compared at the same false match rate, measured on just these references.
Where they are too few for that, each network's own card says where that rate lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from facepipe.defaults import FMR
from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.evaluate.measures.comparisons import Comparisons, Cosine, all_against_all
from facepipe.evaluate.measures.rates import match_rate, threshold_at_fmr
from facepipe.gallery.change import Renewed
from facepipe.networks.cards import Card
from facepipe.records import Floats, Reference

RATES = ("1e-2", "1e-3", "1e-4", "1e-5")


@dataclass(frozen=True)
class Unmade:
    """References of a ``person`` that cannot be made anew, by their numbers."""

    person: str
    references: tuple[int, ...]


@dataclass(frozen=True)
class Errors:
    """At a false match rate ``fmr``: the share of pairs of one person that is missed, with the network of ``before``
    and ``after``."""

    fmr: str
    before: float
    after: float


@dataclass(frozen=True)
class PersonErrors:
    """Of a ``person``, at ``Comparison.fmr``: how many comparisons went wrong with the network of ``before`` and
    ``after``, with the person's own references missed or with those of others taken for theirs."""

    person: str
    before: int
    after: int


@dataclass(frozen=True)
class Comparison:
    """``before`` and ``after``: the ids of the networks. ``made`` of ``references`` can be made anew, of ``people``
    people; ``unmade``: whose cannot.

    ``pairs``: of references of one person, that ``errors`` are of, by false match rate. ``judged_by``: where that lies
    was measured on the "gallery", or is as the "cards" say; None: there is nothing to go by, and no errors are known.
    ``gains`` and ``loses``: who has fewer errors at ``fmr``, or more, the most changed first.
    """

    before: str
    after: str
    people: int
    references: int
    made: int
    unmade: tuple[Unmade, ...]
    pairs: int = 0
    judged_by: str | None = None
    errors: tuple[Errors, ...] = ()
    fmr: str | None = None
    gains: tuple[PersonErrors, ...] = ()
    loses: tuple[PersonErrors, ...] = ()


def compare(
    references: Sequence[Reference], made: Mapping[int, Renewed], cards: tuple[Card | None, Card], after: str
) -> Comparison:
    """What changes when the ``references`` are those ``made`` (by id) instead. ``cards``: of the network of before and
    of the one of ``after``, an id."""
    rest: dict[str, list[int]] = {}
    for reference in references:
        if reference.id not in made:
            rest.setdefault(reference.person, []).append(reference.id)
    kept = [reference for reference in references if reference.id in made]
    names = tuple(dict.fromkeys(reference.person for reference in kept))
    unmade = tuple(Unmade(person, tuple(ids)) for person, ids in rest.items())
    before = references[0].template.backbone
    everybody = len({reference.person for reference in references})
    base = Comparison(before, after, everybody, len(references), len(kept), unmade)
    if len(names) < len(kept) and len(names) > 1:
        return _measured(base, kept, names, [made[reference.id].template.vector for reference in kept], cards)
    return base


def _measured(
    base: Comparison,
    kept: Sequence[Reference],
    names: Sequence[str],
    vectors: Sequence[Floats],
    cards: tuple[Card | None, Card],
) -> Comparison:
    number = {name: at for at, name in enumerate(names)}
    owners = np.array([number[reference.person] for reference in kept], np.int64)
    old = all_against_all(Cosine(np.stack([reference.template.vector for reference in kept])), owners)
    new = all_against_all(Cosine(np.stack(vectors)), owners)
    base = replace(base, pairs=len(old.genuine))
    judged_by, limits = _limits(old, new, cards)
    if not limits:
        return base
    errors = (
        Errors(fmr, 1 - match_rate(old.genuine, a), 1 - match_rate(new.genuine, b)) for fmr, (a, b) in limits.items()
    )
    fmr = FMR if FMR in limits else next(iter(limits))
    wrong = [_wrong(found, owners, limit) for found, limit in zip((old, new), limits[fmr], strict=True)]
    rows = [PersonErrors(name, *pair) for name, *pair in zip(names, *wrong, strict=True)]
    gains = sorted((one for one in rows if one.after < one.before), key=lambda one: one.after - one.before)
    loses = sorted((one for one in rows if one.after > one.before), key=lambda one: one.before - one.after)
    return replace(base, judged_by=judged_by, errors=tuple(errors), fmr=fmr, gains=tuple(gains), loses=tuple(loses))


def _limits(
    old: Comparisons, new: Comparisons, cards: tuple[Card | None, Card]
) -> tuple[str | None, dict[str, tuple[float, float]]]:
    """By whom and where the thresholds of both networks are set, by false match rate."""
    measured = {}
    for fmr in RATES:
        with suppress(ValueError):  # too few pairs of two people to tell such a rate
            measured[fmr] = tuple(threshold_at_fmr(found.impostor, float(fmr)) for found in (old, new))
    if measured:
        return "gallery", {fmr: (before, after) for fmr, (before, after) in measured.items()}
    before, after = cards
    if before is None or FMR not in before.thresholds or FMR not in after.thresholds:
        return None, {}
    return "cards", {FMR: (before.thresholds[FMR], after.thresholds[FMR])}


def _wrong(found: Comparisons, owners: Ints, limit: float) -> list[int]:
    """Of each person how many comparisons go wrong at the threshold ``limit``."""
    missed = owners[found.genuine_pairs[found.genuine < limit, 0]]
    taken = owners[found.kept_pairs[found.kept >= limit]].ravel()
    return np.bincount(np.concatenate([missed, taken]), minlength=int(owners.max()) + 1).tolist()
