"""Open-set identification (ISO/IEC 19795-1): part of the people are strangers to the gallery, in random splits.

FPIR: of the photos of strangers, the share that gets a name. FNIR: of the photos of enrolled people, the share that
does not get the right one. Rank-1: of those, the share whose right person comes first, whatever the score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facepipe.errors import UsageError
from facepipe.evaluate.measures.bootstrap import Estimate, Ints, draw_people, rate, resample
from facepipe.evaluate.measures.rates import Sorted
from facepipe.evaluate.measures.verification import RocCurve, grid
from facepipe.records import Floats
from facepipe.scoring.cohort import FEWEST, Cohort
from facepipe.scoring.fusion import fuse

SPLITS = 10
SIZES = (10, 30, 100, 300, 1000, 3000)  # people, and everybody
FPIRS = (1e-1, 1e-2, 1e-3)
PROBES = 1024  # compared with everybody at once


@dataclass(frozen=True)
class AtFpir:
    """``found``: the share of photos of enrolled people that get the right name (1 − FNIR) at the ``threshold`` at
    which a share ``fpir`` of the photos of strangers gets one; ``rests_on`` so many of these."""

    fpir: float
    threshold: float
    found: Estimate
    rests_on: int


@dataclass(frozen=True)
class GallerySize:
    """A gallery of ``people``: ``rank1``, ``at`` several FPIRs, and the ``fpir`` and ``found`` share at the ``limit``
    that is usual for so many. Counts are of photos, over all splits."""

    people: int
    enrolled_probes: int
    stranger_probes: int
    rank1: Estimate
    at: tuple[AtFpir, ...]
    limit: float | None
    fpir: Estimate | None
    found: Estimate | None
    curve: RocCurve


@dataclass(frozen=True)
class IdentificationRates:
    """``sizes``: smallest gallery first. ``left_out``: the share of people who are strangers; ``references``: how many
    photos of each enrolled person are in the gallery, on average; ``score``: cosine or corrected."""

    score: str
    left_out: float
    splits: int
    references: float
    sizes: tuple[GallerySize, ...]


@dataclass(frozen=True, eq=False)
class _Split:
    """``enrolled``: people in the gallery, in random order, with their ``references``; ``known`` and ``strange``:
    the images to be identified."""

    enrolled: Ints
    references: list[Ints]
    known: Ints
    strange: Ints


@dataclass(frozen=True, eq=False)
class _Answers:
    """Of M photos: the ``right`` person's score and the best of ``others`` (M,), and whose each photo is."""

    right: Floats
    others: Floats
    person: Ints


def measure_identification(
    vectors: Floats,
    people: Ints,
    *,
    called: Sequence[str] = (),
    left_out: float,
    seed: int = 0,
    cohort: Cohort | str | None = None,
    limit: Callable[[int], float | None] = lambda people: None,
) -> IdentificationRates:
    """``vectors`` (N, D) of ``people`` (N,), from 0, who are ``called`` so. ``cohort``: strangers by which scores are
    corrected, or "others": the split's own gallery, as a gallery does it. ``limit``: what decides among so many people,
    None: nothing. Raises UsageError when nobody is left to be found.
    """
    called = called or [str(number) for number in range(int(people.max()) + 1)]
    splits = [_split(people, left_out, np.random.default_rng([seed, number])) for number in range(SPLITS)]
    if not any(len(split.known) for split in splits):
        raise UsageError("identification: nobody who is enrolled has a second photo; expected several of each person")
    most = min(len(split.enrolled) for split in splits)
    sizes = [size for size in SIZES if size < 0.7 * most] + [most]
    found: dict[int, list[_Answers]] = {size: [] for size in sizes}
    unknown: dict[int, list[_Answers]] = {size: [] for size in sizes}
    for split in splits:
        for size, known, strange in _answer(vectors, people, called, split, sizes, cohort):
            found[size].append(known)
            unknown[size].append(strange)
    drawn = draw_people(int(people.max()) + 1, seed=seed)
    measured = [
        _measured(size, known, _joined(unknown[size]), drawn, limit(size))
        for size in sizes
        if len((known := _joined(found[size])).person)
    ]
    references = np.mean([len(photos) for split in splits for photos in split.references])
    return IdentificationRates(
        "cosine" if cohort is None else "corrected", left_out, SPLITS, float(references), tuple(measured)
    )


def _split(people: Ints, left_out: float, rng: np.random.Generator) -> _Split:
    """Half of each enrolled person's photos, rounded up, are references; the others are to be identified."""
    order = rng.permutation(np.unique(people))
    strangers = min(max(round(left_out * len(order)), 1), len(order) - 1)
    enrolled, out = order[strangers:], order[:strangers]
    references, known = [], []
    shuffled = rng.permutation(len(people))
    of_person = np.split(shuffled[np.argsort(people[shuffled], kind="stable")], np.cumsum(np.bincount(people))[:-1])
    for person in enrolled:
        photos = of_person[person]
        half = -(-len(photos) // 2)
        references.append(photos[:half])
        known.append(photos[half:])
    found = np.concatenate([*known, np.empty(0, np.int64)])
    return _Split(enrolled, references, found, np.flatnonzero(np.isin(people, out)))


def _answer(
    vectors: Floats,
    people: Ints,
    called: Sequence[str],
    split: _Split,
    sizes: list[int],
    cohort: Cohort | str | None,
) -> list[tuple[int, _Answers, _Answers]]:
    """By size, the photos of enrolled people and of strangers. A small gallery is the first people of a large one."""
    fused = fuse(vectors[np.concatenate(split.references)], [len(photos) for photos in split.references])
    names = [called[person] for person in split.enrolled]
    if isinstance(cohort, str):
        cohort = _gallery_cohort(vectors, names, split)
    place = np.full(int(people.max()) + 1, len(names))
    place[split.enrolled] = np.arange(len(names))
    rows: dict[int, list[_Answers]] = {size: [] for size in sizes}
    probes = np.concatenate([split.known, split.strange])
    for start in range(0, len(probes), PROBES):
        these = probes[start : start + PROBES]
        scores = np.clip(vectors[these] @ fused.T, -1, 1)
        if cohort is not None:
            scores = cohort.correct(scores, vectors[these], fused, names)
        own = place[people[these]]
        right = np.append(scores, np.full((len(these), 1), -np.inf, np.float32), axis=1)[np.arange(len(these)), own]
        mated = own < len(names)
        scores[mated, own[mated]] = -np.inf
        best = np.maximum.accumulate(scores, axis=1)
        for size in sizes:
            rows[size].append(_Answers(np.where(own < size, right, -np.inf), best[:, size - 1], people[these]))
    answers = []
    for size in sizes:
        joined = _joined(rows[size])
        known, strange = np.isfinite(joined.right), np.arange(len(probes)) >= len(split.known)
        answers.append((size, _only(joined, known), _only(joined, strange)))
    return answers


def _gallery_cohort(vectors: Floats, names: Sequence[str], split: _Split) -> Cohort | None:
    if len(split.enrolled) < FEWEST:
        return None
    photos = np.concatenate(split.references)
    return Cohort(vectors[photos], [name for name, own in zip(names, split.references, strict=True) for _ in own])


def _only(answers: _Answers, which: np.ndarray) -> _Answers:
    return _Answers(answers.right[which], answers.others[which], answers.person[which])


def _joined(parts: list[_Answers]) -> _Answers:
    return _Answers(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("right", "others", "person"))
    )


def _measured(size: int, known: _Answers, strange: _Answers, drawn: Ints, limit: float | None) -> GallerySize:
    first = known.right > known.others
    hits = np.where(first, known.right, -np.inf).astype(np.float32)
    up, down = np.argsort(hits, kind="stable"), np.argsort(-strange.others, kind="stable")
    rates = Sorted(hits[up], strange.others[down][::-1])
    fpirs = [fpir for fpir in FPIRS if fpir * len(down) >= 1]
    points = np.unique([*fpirs, *grid(len(down))])
    draws = resample(hits[up], known.person[up], strange.others[down], (strange.person[down],), points, drawn)
    at = []
    for fpir in fpirs:
        threshold = rates.threshold(fpir)
        found = rate(float(rates.tmr(threshold)), draws.tmr[:, np.searchsorted(points, fpir)])
        at.append(AtFpir(fpir, threshold, found, int(len(down) * fpir)))
    thresholds = np.maximum([rates.threshold(point) for point in points], -1)  # whoever is not first stays missed
    curve = RocCurve.of(points, rates.tmr(thresholds), draws.tmr)
    accepted = None if limit is None else strange.others >= limit
    named = None if limit is None else hits >= limit
    return GallerySize(
        size,
        len(hits),
        len(down),
        _share(first, known.person, drawn),
        tuple(at),
        limit,
        None if accepted is None else _share(accepted, strange.person, drawn),
        None if named is None else _share(named, known.person, drawn),
        curve,
    )


def _share(true: np.ndarray, person: Ints, drawn: Ints) -> Estimate:
    of, hits = (np.bincount(person, values, drawn.shape[1]) for values in (None, true))  # by person: few, unlike photos
    with np.errstate(invalid="ignore"):
        return rate(float(true.mean()), (drawn @ hits) / (drawn @ of))
