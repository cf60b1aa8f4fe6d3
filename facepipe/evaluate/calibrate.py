"""From a labelled folder to a calibration: which score, in this gallery, means what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from facepipe.defaults import FMR
from facepipe.errors import UsageError
from facepipe.evaluate.faces import LabelledFaces, find_faces, remembering
from facepipe.evaluate.measures.bootstrap import draw_people, expect_seed
from facepipe.evaluate.measures.cohort_scores import Corrected
from facepipe.evaluate.measures.comparisons import Comparisons, Cosine, Scorer, all_against_all
from facepipe.evaluate.measures.folds import Trial, draw_list
from facepipe.evaluate.measures.fused_trials import by_references
from facepipe.evaluate.measures.rates import match_rate, threshold_at_fmr
from facepipe.evaluate.measures.reliability import Reliability, measure_reliability, state_by_folds
from facepipe.evaluate.strangers import expect_cohort, of_calibration
from facepipe.gallery import Gallery
from facepipe.gallery.calibrated import Known
from facepipe.gallery.names import spelt
from facepipe.gallery.scoring import Scoring
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress, quiet
from facepipe.records import Floats, Template
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.cohort import Cohort
from facepipe.scoring.evidence import ByReferences, Evidence

RATES = ("1e-2", "1e-3", "1e-4", "1e-5")
FPIRS = ("1e-1", "1e-2", "1e-3")
HELD_OUT = "fitted to the scores of other people"


@dataclass(frozen=True)
class CalibrationReport:
    """What a calibration is made of and how good it is: counts of ``images``, ``people``, of whom so many are
    ``enrolled``, and ``no_face``; the ``cohort`` in words and how many ``strangers`` are in it; all pairs compared,
    ``genuine`` of one person and ``impostor`` of two; ``tmr`` by FMR, at the new thresholds; ``unknown_probes``: photos
    of people who are not enrolled, by which the FPIR was measured; the ``reliability`` of its probabilities, each
    fitted on other people; ``failures``: images that could not be read; ``remarks``: one line each; ``kept``: the file
    that new embeddings were put into."""

    calibration: Calibration
    images: int
    people: int
    enrolled: int
    no_face: int
    cohort: str
    strangers: int
    genuine: int
    impostor: int
    tmr: dict[str, float]
    unknown_probes: int
    reliability: Reliability | None
    failures: tuple[str, ...]
    remarks: tuple[str, ...]
    kept: Path | None


def calibrate(
    pipe: Pipeline,
    labelled: Iterable[tuple[str, Path]],
    gallery: Gallery,
    *,
    source: str = "labelled images",
    cohort: str | Path | None = None,
    seed: int = 0,
    cached: bool = True,
    progress: Progress | None = None,
) -> CalibrationReport:
    """Measure on ``labelled`` (person, image) pairs what scores mean, and keep it in ``gallery``.

    ``cohort``: whom scores are corrected for: "gallery", the people enrolled; "labelled", those of the images; a folder
    of strangers; "none"; None or "auto" takes the first of the first two that has FEWEST people. The people of a
    comparison never count as strangers to it. Raises UsageError (too few images), GalleryError, ModelError.
    """
    expect_seed(seed)
    gallery.expect_writable(pipe.backbone.id)
    expect_cohort(cohort, gallery)
    report, rows = progress or quiet, list(labelled)
    persons, files = [spelt(person) for person, _ in rows], [Path(file) for _, file in rows]
    with remembering(pipe, cached) as cache:
        known, faces = gallery.known(), find_faces(pipe, files, persons, cache, report)
        chosen = of_calibration(pipe, gallery, known, faces, cohort, cache, report)
        report("measuring", 0, 1)
        names = faces.names
        kept, before, people = chosen.cohort, gallery.calibration, {person.name for person in gallery.people()}
        scorer: Scorer = Cosine(faces.vectors) if kept is None else Corrected(faces.vectors, names, kept)
        compared = all_against_all(scorer, faces.people, seed)
        made = Calibration(
            backbone=pipe.backbone.id,
            made_at=datetime.now(timezone.utc),
            measured_on=f"{source}: {len(names)} faces of {len(set(names))} people",
            corrected=kept is not None,
            evidence=_evidence(source, compared, faces, names, kept, seed),
            people=len(people),
            fmr=_thresholds(source, compared.impostor, kept is not None),
        )
        strange = [at for at, name in enumerate(names) if name not in people]
        made = _with_fpir(made, gallery, kept, faces.vectors[strange], [names[at] for at in strange])
        reliability = _reliability(scorer, compared, faces, seed)
        gallery.calibrate(made, chosen.strangers, known)
    return CalibrationReport(
        calibration=made,
        images=len(rows),
        people=len(set(names)),
        enrolled=len(people.intersection(names)),
        no_face=len(faces.embedded.no_face),
        cohort=chosen.said,
        strangers=0 if kept is None else len(kept),
        genuine=len(compared.genuine),
        impostor=len(compared.impostor),
        tmr={rate: match_rate(compared.genuine, limit) for rate, limit in made.fmr.items()},
        unknown_probes=len(strange),
        reliability=reliability,
        failures=tuple(str(error) for error in faces.embedded.errors.values()),
        remarks=tuple(_remarks(made, before, faces, known)),
        kept=faces.kept or chosen.kept,
    )


def _evidence(
    source: str, compared: Comparisons, faces: LabelledFaces, names: Sequence[str], cohort: Cohort | None, seed: int
) -> ByReferences:
    try:
        single = Evidence.fit(compared.genuine, compared.impostor)
    except ValueError as error:
        raise UsageError(f"{source}: {error}; 46 people are enough, with several photos of some") from None
    return by_references(single, faces.vectors, names, cohort, seed)


def _thresholds(source: str, impostor: Floats, corrected: bool) -> dict[str, float]:
    """By false match rate, as far down as there are scores for; at least the rate that decides by default."""
    found = {}
    for rate in RATES:
        try:
            found[rate] = threshold_at_fmr(impostor, float(rate))
        except ValueError as error:
            if rate == "1e-2" or (corrected and rate == FMR):
                raise UsageError(
                    f"{source}: {error} (46 people with one photo each are enough for 1e-2, 142 for 1e-3)"
                ) from None
    return found


def _with_fpir(
    made: Calibration, gallery: Gallery, cohort: Cohort | None, strange: Floats, names: Sequence[str]
) -> Calibration:
    """With the thresholds by how often ``strange`` faces (S, D), whose ``names`` are given, are taken for somebody."""
    probes = [Template(vector, 1.0, made.backbone) for vector in strange]
    rows = gallery.search(probes, 1, who=names, scoring=Scoring(made, cohort))
    best = np.array([row[0].score for row in rows if row], np.float32)
    found = {}
    for rate in FPIRS:
        if len(best) * float(rate) >= 10:
            found[rate] = threshold_at_fmr(best, float(rate))
    return replace(made, fpir=found)


def _remarks(made: Calibration, before: Calibration | None, faces: LabelledFaces, known: Known) -> Iterator[str]:
    if before is not None:
        lost = [f"FMR {rate}" for rate in before.fmr if rate not in made.fmr]
        lost += [f"FPIR {rate}" for rate in before.fpir if rate not in made.fpir]
        more = f", which also had thresholds for {', '.join(lost)}" if lost else ""
        yield f"it takes the place of the calibration on {before.measured_on}{more}"
    enrolled = {person for person, _ in known}
    by_name = {_plain(person): person for person in enrolled}
    by_image = {mark: person for person, mark in known}
    likely = {name: by_name.get(_plain(name)) for name in faces.called}
    marked = zip(faces.names, faces.embedded.hashes, strict=True)
    likely |= {name: by_image[mark] for name, mark in marked if mark in by_image}
    for name, person in likely.items():
        if person is not None and name not in enrolled:
            yield (
                f"folder {name}: taken for a stranger, but {person} is enrolled; if they are one, name the folder so, "
                "or the FPIR is wrong"
            )


def _plain(name: str) -> str:
    """What is left of a name when its spelling does not count."""
    return " ".join(name.replace("_", " ").casefold().split())


def _reliability(scorer: Scorer, compared: Comparisons, faces: LabelledFaces, seed: int) -> Reliability | None:
    pairs, same, fold_of = draw_list(compared, faces.people, seed)
    people = faces.people[pairs]
    folds = fold_of[people]
    trial = Trial(scorer.pairs(*pairs.T), same, people, folds, tuple(map(str, range(fold_of.max() + 1))), True)
    drawn = draw_people(int(faces.people.max()) + 1, seed=seed)
    return measure_reliability(state_by_folds(trial), same, people, drawn, HELD_OUT)
