"""From labelled images to an Evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from facepipe.errors import UsageError
from facepipe.evaluate.faces import LabelledFaces, find_faces, remembering
from facepipe.evaluate.listing import Listing, expect_both, read_listing
from facepipe.evaluate.measures.bootstrap import expect_seed
from facepipe.evaluate.measures.comparisons import Bools, Comparisons, Scorer, all_against_all, listed
from facepipe.evaluate.measures.folds import FOLDS, Trial, draw_list, fold_people
from facepipe.evaluate.measures.identification import IdentificationRates, measure_identification
from facepipe.evaluate.measuring import COSINE, Evaluated, measure
from facepipe.evaluate.result import Evaluation, Images
from facepipe.evaluate.strangers import OTHERS, expect_folder, of_evaluation
from facepipe.gallery.names import spelt
from facepipe.gallery.thresholds import usual_threshold
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress, quiet
from facepipe.scoring.cohort import FEWEST
from facepipe.sources import labelled_pictures

MADE = tuple(str(number) for number in range(1, FOLDS + 1))
LEFT_OUT = 0.5


def evaluate_pairs(
    pipe: Pipeline,
    path: Path | str,
    *,
    images: Path | str | None = None,
    cohort: str | Path | None = None,
    seed: int = 0,
    cached: bool = True,
    progress: Progress | None = None,
) -> Evaluation:
    """Verification on the pairs of the CSV file at ``path`` (see ``read_listing``), its images in folder ``images``.

    ``cohort``: "others", the other people of the list, whose persons it must then name; a folder of strangers; "none";
    None takes the others where it can. ``cached``: use the embeddings that were kept, and keep new ones. An image that
    cannot be read is among ``Evaluation.images.failures``. Raises UsageError, ModelError, WriteFailed.
    """
    report = progress or quiet
    expect_seed(seed)
    expect_folder(cohort)
    listing = read_listing(Path(path), None if images is None else Path(images))
    if not any(image.exists() for image in listing.images):
        n, first = len(listing.images), listing.images[0]
        raise UsageError(
            f"{path}: none of its {n} images is there, such as {first}; say where they are: --images FOLDER"
        )
    with remembering(pipe, cached) as cache:
        faces = find_faces(pipe, listing.images, listing.called, cache, report)
        chosen = of_evaluation(pipe, faces, cohort, listing.named, cache, report)
        usable: Bools = np.all(faces.number[listing.pairs] >= 0, axis=1)
        pairs, same = faces.number[listing.pairs[usable]], listing.same[usable]
        expect_both(str(path), same)
        people, names = faces.people[pairs], listing.fold_names
        remarks = [f"{path}: {remark}" for remark in listing.remarks]
        if len(names) > 1:
            folds = np.repeat(listing.folds[usable][:, None], 2, axis=1)
            remarks += _fold_remarks(str(path), names, folds[:, 0], same)
        else:
            names, folds = MADE, fold_people(faces.people, pairs, seed)[people]

        def compare(scorer: Scorer) -> tuple[Comparisons, Trial]:
            trial = Trial(scorer.pairs(*pairs.T), same, people, folds, names, names is MADE)
            return listed(scorer, pairs, same), trial

        evaluated = Evaluated(pipe, str(path), faces, chosen, seed, report)
        return measure(evaluated, _listed_images(faces, listing, usable), compare, lambda score: None, remarks)


def evaluate_folders(
    pipe: Pipeline,
    folder: Path | str,
    *,
    cohort: str | Path | None = None,
    left_out: float = LEFT_OUT,
    seed: int = 0,
    cached: bool = True,
    progress: Progress | None = None,
) -> Evaluation:
    """``evaluate_people`` on the pictures of ``folder``, one sub-folder per person. Raises ImageNotFound too."""
    labelled = labelled_pictures(folder)
    settings = {"cohort": cohort, "left_out": left_out, "seed": seed, "cached": cached, "progress": progress}
    return evaluate_people(pipe, labelled, source=str(folder), **settings)  # type: ignore[arg-type]


def evaluate_people(
    pipe: Pipeline,
    labelled: Iterable[tuple[str, Path]],
    *,
    source: str = "labelled images",
    cohort: str | Path | None = None,
    left_out: float = LEFT_OUT,
    seed: int = 0,
    cached: bool = True,
    progress: Progress | None = None,
) -> Evaluation:
    """Verification of all images against all, and open-set identification, on (person, image) pairs.

    The accuracy is that of a list drawn with ``seed``, half of it pairs of one person, in folds of different people.
    ``left_out``: the share of people who are strangers to the gallery. Otherwise as ``evaluate_pairs``.
    """
    if not 0 < left_out < 1:
        raise UsageError(f"left-out {left_out:g}: expected a share of the people, more than 0 and less than 1")
    expect_seed(seed)
    expect_folder(cohort)
    report = progress or quiet
    rows = list(labelled)
    persons, files = [spelt(person) for person, _ in rows], [Path(file) for _, file in rows]
    _expect_people(source, persons)
    with remembering(pipe, cached) as cache:
        faces = find_faces(pipe, files, persons, cache, report)
        _expect_people(f"{source}: with a face found", faces.names)
        chosen = of_evaluation(pipe, faces, cohort, True, cache, report)
        said = chosen.said

        def compare(scorer: Scorer) -> tuple[Comparisons, Trial]:
            compared = all_against_all(scorer, faces.people, seed)
            pairs, same, fold_of = draw_list(compared, faces.people, seed)
            people = faces.people[pairs]
            return compared, Trial(scorer.pairs(*pairs.T), same, people, fold_of[people], MADE, True)

        def identify(score: str) -> IdentificationRates | None:
            if score != COSINE and said == OTHERS and int((1 - left_out) * len(set(faces.names))) < FEWEST:
                return None  # such a gallery would not correct its scores
            others = None if score == COSINE else OTHERS if said == OTHERS else evaluated.cohort
            usual = partial(usual_threshold, pipe.backbone.card)
            settings = {"called": faces.called, "left_out": left_out, "seed": seed, "cohort": others, "limit": usual}
            try:
                return measure_identification(faces.vectors, faces.people, **settings)  # type: ignore[arg-type]
            except UsageError as error:
                remarks.append(f"{source}: without {error}")
                return None

        remarks: list[str] = []
        evaluated = Evaluated(pipe, source, faces, chosen, seed, report)
        return measure(evaluated, _images(faces, True), compare, identify, remarks)


def _expect_people(source: str, persons: Sequence[str]) -> None:
    """Raise UsageError unless there are pairs of one person and pairs of two."""
    count = len(set(persons))
    if count < 2:
        raise UsageError(f"{source}: {count} person; expected two or more, each in a sub-folder of their own")
    if count == len(persons):
        raise UsageError(f"{source}: one photo of each person; expected several of some, to compare")


def _images(faces: LabelledFaces, named: bool) -> Images:
    found = faces.embedded
    no_face = tuple(str(faces.images[n]) for n in found.no_face)
    people = int(faces.people.max()) + 1
    return Images(len(faces.images), people, named, no_face, faces.failures({}), len(found.several), None, 0, 0)


def _listed_images(faces: LabelledFaces, listing: Listing, usable: Bools) -> Images:
    """With the pairs that images without a face, or that cannot be read, cost."""
    rows: dict[int, int] = {}
    for pair, row in zip(listing.pairs.tolist(), listing.rows.tolist(), strict=True):
        for number in pair:
            rows.setdefault(number, row)
    failed = np.isin(listing.pairs, list(faces.embedded.errors)).any(axis=1)
    plain = _images(faces, listing.named)
    return Images(
        plain.images,
        plain.people,
        plain.named,
        plain.no_face,
        faces.failures(rows),
        plain.several_faces,
        len(usable),
        int((~usable & ~failed).sum()),
        int(failed.sum()),
    )


def _fold_remarks(path: str, names: Sequence[str], folds: np.ndarray, same: Bools) -> list[str]:
    kinds = {True: "one person", False: "two people"}
    remarks = []
    for number, name in enumerate(names):
        inside = same[folds == number]
        if len(inside) and (inside.all() or not inside.any()):
            remarks.append(f"{path}: fold {name} has pairs of {kinds[bool(inside[0])]} only")
    return remarks
