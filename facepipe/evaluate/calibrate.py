"""From a labelled folder to a calibration: which score, in this gallery, means what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from facepipe.decision.calibration import Calibration
from facepipe.decision.cohort import FEWEST, MOST_OF_ONE, Cohort
from facepipe.decision.evidence import ByReferences, Evidence
from facepipe.errors import UsageError
from facepipe.evaluate.bootstrap import draw_people
from facepipe.evaluate.cohort_scores import Corrected
from facepipe.evaluate.comparisons import Comparisons, Cosine, Scorer, all_against_all
from facepipe.evaluate.embedded import Progress
from facepipe.evaluate.faces import Faces, find_faces, find_strangers
from facepipe.evaluate.folds import Trial, draw_list
from facepipe.evaluate.fused_trials import by_references
from facepipe.evaluate.rates import match_rate, threshold_at_fmr
from facepipe.evaluate.reliability import Reliability, measure_reliability, state_by_folds
from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.records import Floats, Template

RATES = ("1e-2", "1e-3", "1e-4", "1e-5")
FPIRS = ("1e-1", "1e-2", "1e-3")
MOST = 2000  # vectors of a cohort
AUTO, GALLERY, LABELLED, NONE = "auto", "gallery", "labelled", "none"
HELD_OUT = "fitted to the scores of other people"


@dataclass(frozen=True)
class Report:
    """What a calibration is made of and how good it is: counts of ``images``, ``people`` and ``no_face``; the
    ``cohort`` in words and how many ``strangers`` are in it; ``tmr`` by FMR, at the new thresholds;
    ``unknown_probes``: photos of people who are not enrolled, by which the FPIR was measured; the ``reliability`` of
    its probabilities, each fitted on other people; ``failures``: images that could not be read."""

    calibration: Calibration
    images: int
    people: int
    no_face: int
    cohort: str
    strangers: int
    tmr: dict[str, float]
    unknown_probes: int
    reliability: Reliability | None
    failures: tuple[str, ...]


def calibrate(
    pipe: Pipeline,
    labelled: Iterable[tuple[str, Path]],
    gallery: Gallery,
    *,
    source: str = "labelled images",
    cohort: str | Path = AUTO,
    seed: int = 0,
    cached: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Measure on ``labelled`` (person, image) pairs what scores mean, and keep it in ``gallery``.

    ``cohort``: whom scores are corrected for: "gallery", the people enrolled; "labelled", those of the images; a folder
    of strangers; "none"; "auto" takes the first of the three named that has FEWEST people. The people of a comparison
    never count as strangers to it. Raises UsageError (too few images), GalleryError, ModelError.
    """
    report = progress or (lambda name, done, total: None)
    rows = list(labelled)
    persons, files = [person for person, _ in rows], [Path(file) for _, file in rows]
    numbers = np.unique(persons, return_inverse=True)[1].astype(np.int64)
    faces = find_faces(pipe, files, numbers, cached, report)
    names = [persons[number] for number in np.flatnonzero(faces.number >= 0)]
    vectors, people, said = _cohort(pipe, gallery, faces, names, cohort, cached, report)
    report("measuring", 0, 1)
    kept = None if vectors is None else Cohort(vectors, people)
    scorer: Scorer = Cosine(faces.vectors) if kept is None else Corrected(faces.vectors, names, kept)
    compared = all_against_all(scorer, faces.people, seed)
    made = Calibration(
        backbone=pipe.backbone.id,
        made_at=datetime.now(timezone.utc),
        measured_on=f"{source}: {len(names)} faces of {len(set(names))} people",
        corrected=kept is not None,
        evidence=_evidence(source, compared, faces, names, kept, seed),
        people=len(gallery.people()),
        fmr=_thresholds(source, compared.impostor, kept is not None),
    )
    gallery.calibrate(made, vectors, people)
    made, probes = _with_fpir(made, gallery, faces.vectors, names)
    gallery.calibrate(made, vectors, people)
    tmr = {rate: match_rate(compared.genuine, limit) for rate, limit in made.fmr.items()}
    reliability, strangers = _reliability(scorer, compared, faces, seed), 0 if kept is None else len(kept)
    failures = tuple(str(error) for error in faces.embedded.errors.values())
    missed = len(faces.embedded.no_face)
    return Report(made, len(rows), len(set(names)), missed, said, strangers, tmr, probes, reliability, failures)


def _cohort(
    pipe: Pipeline,
    gallery: Gallery,
    faces: Faces,
    names: Sequence[str],
    wanted: str | Path,
    cached: bool,
    report: Progress,
) -> tuple[Floats | None, list[str], str]:
    """(vectors, whose they are, in words)."""
    if wanted == NONE:
        return None, [], NONE
    choices = {GALLERY: lambda: _enrolled(gallery), LABELLED: lambda: (faces.vectors, list(names))}
    if wanted not in (AUTO, GALLERY, LABELLED):
        choices = {str(wanted): lambda: find_strangers(pipe, Path(wanted), cached, report)}
    elif wanted != AUTO:
        choices = {str(wanted): choices[str(wanted)]}
    counts = []
    for said, choice in choices.items():
        vectors, people = choice()
        if len(set(people)) >= FEWEST:
            some = _spread_out(people)
            return vectors[some], [people[at] for at in some], said
        counts.append(f"{said} {len(set(people))}")
    why = f"{', '.join(counts)} people, and it takes {FEWEST}"
    if wanted != AUTO:
        raise UsageError(f"cohort {why} so that the correction does good; take another, or none")
    return None, [], f"{NONE} ({why})"


def _enrolled(gallery: Gallery) -> tuple[Floats, list[str]]:
    references = gallery.references()
    if not references:
        return np.empty((0, 0), np.float32), []
    return np.stack([one.template.vector for one in references]), [one.person for one in references]


def _spread_out(people: Sequence[str]) -> list[int]:
    """Which vectors to keep, MOST at most: everybody's first, then everybody's second, …"""
    seen: dict[str, int] = {}
    turn = []
    for person in people:
        turn.append(seen.get(person, 0))
        seen[person] = turn[-1] + 1
    order = np.argsort(turn, kind="stable")[:MOST]
    return sorted(int(at) for at in order if turn[at] < MOST_OF_ONE)


def _evidence(
    source: str, compared: Comparisons, faces: Faces, names: Sequence[str], cohort: Cohort | None, seed: int
) -> ByReferences:
    try:
        single = Evidence.fit(compared.genuine, compared.impostor)
    except ValueError as error:
        raise UsageError(f"{source}: {error}; add photos, several of each person") from None
    return by_references(single, faces.vectors, names, cohort, seed)


def _thresholds(source: str, impostor: Floats, corrected: bool) -> dict[str, float]:
    """By false match rate, as far down as there are scores for; at least the rate that decides by default."""
    found = {}
    for rate in RATES:
        try:
            found[rate] = threshold_at_fmr(impostor, float(rate))
        except ValueError as error:
            if rate == "1e-2" or (corrected and rate == "1e-3"):
                raise UsageError(f"{source}: {error} (46 people are enough for 1e-2, 142 for 1e-3)") from None
    return found


def _with_fpir(made: Calibration, gallery: Gallery, vectors: Floats, names: Sequence[str]) -> tuple[Calibration, int]:
    """With the thresholds by how often strangers, those of ``names`` who are not enrolled, are taken for somebody."""
    known = {person.name for person in gallery.people()}
    strange = [at for at, name in enumerate(names) if name not in known]
    probes = [Template(vectors[at], 1.0, made.backbone) for at in strange]
    best = np.array([row[0].score for row in gallery.search(probes, 1) if row], np.float32)
    found = {}
    for rate in FPIRS:
        if len(best) * float(rate) >= 10:
            found[rate] = threshold_at_fmr(best, float(rate))
    return replace(made, fpir=found), len(best)


def _reliability(scorer: Scorer, compared: Comparisons, faces: Faces, seed: int) -> Reliability | None:
    pairs, same, fold_of = draw_list(compared, faces.people, seed)
    people = faces.people[pairs]
    folds = fold_of[people]
    trial = Trial(scorer.pairs(*pairs.T), same, people, folds, tuple(map(str, range(fold_of.max() + 1))), True)
    drawn = draw_people(int(faces.people.max()) + 1, seed=seed)
    return measure_reliability(state_by_folds(trial), same, people, drawn, HELD_OUT)
