"""The strangers that scores are corrected by: the other people of an evaluation, those enrolled, or a folder's."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facepipe.errors import UsageError
from facepipe.evaluate.cache import Cache
from facepipe.evaluate.faces import LabelledFaces, embed_cached
from facepipe.gallery import Gallery, Strangers
from facepipe.gallery.calibrated import Known
from facepipe.gallery.names import spelt
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress
from facepipe.scoring.cohort import FEWEST, MOST_OF_ONE, Cohort
from facepipe.sources import image_files

OTHERS, NONE = "others", "none"  # of an evaluation
AUTO, GALLERY, LABELLED = "auto", "gallery", "labelled"  # of a calibration
MOST = 2000  # vectors that a gallery keeps


@dataclass(frozen=True, eq=False)
class Chosen:
    """``strangers``, None for none; what they are, as it is ``said``; and the file that new embeddings are ``kept`` in,
    None where there are none."""

    strangers: Strangers | None
    said: str
    kept: Path | None = None

    @property
    def cohort(self) -> Cohort | None:
        return None if self.strangers is None else Cohort(self.strangers.vectors, self.strangers.people)


def of_evaluation(
    pipe: Pipeline, faces: LabelledFaces, wanted: str | Path | None, named: bool, cache: Cache | None, report: Progress
) -> Chosen:
    """``wanted``: "others", "none", a folder, or None: the others if it can be.

    ``named``: everybody's person is known, so nobody is taken for a stranger to themselves. Raises UsageError.
    """
    if wanted == NONE:
        return Chosen(None, NONE)
    if wanted is not None and wanted != OTHERS:
        found = find_strangers(pipe, Path(wanted), faces, cache, report)
        people = len(set(found.strangers.people)) if found.strangers else 0
        if people < FEWEST:
            few = f"a cohort of {people} people: expected at least {FEWEST}, with a face in each picture"
            raise UsageError(f"{wanted}: {few}")
        return found
    count = len(set(faces.names))
    if named and count >= FEWEST:
        return Chosen(_all_of(faces), OTHERS)
    why = f"{count} people; expected {FEWEST} or more" if named else "expected columns person_a and person_b"
    if wanted == OTHERS:
        raise UsageError(f"cohort others: {why}, or take a folder of strangers, or none")
    return Chosen(None, NONE)


def of_calibration(
    pipe: Pipeline,
    gallery: Gallery,
    known: Known,
    faces: LabelledFaces,
    wanted: str | Path | None,
    cache: Cache | None,
    report: Progress,
) -> Chosen:
    """``wanted``: "gallery", "labelled" (``faces``), "none", a folder; or None or "auto", the first of the first two
    that has FEWEST people. ``known``: who is enrolled. Raises UsageError for fewer."""
    wanted = AUTO if wanted is None else wanted
    if wanted == NONE:
        return Chosen(None, NONE)
    choices: dict[str, Callable[[], Chosen]] = {
        GALLERY: lambda: Chosen(_enrolled(gallery), GALLERY),
        LABELLED: lambda: Chosen(_all_of(faces), LABELLED),
    }
    if wanted not in (AUTO, GALLERY, LABELLED):
        choices = {str(wanted): lambda: find_strangers(pipe, Path(str(wanted)), faces, cache, report, known)}
    elif wanted != AUTO:
        choices = {str(wanted): choices[str(wanted)]}
    counts = []
    for said, choice in choices.items():
        found = choice()
        people = found.strangers.people if found.strangers else ()
        if found.strangers and len(set(people)) >= FEWEST:
            return Chosen(found.strangers[_spread_out(people)], said, found.kept)
        counts.append(f"{said} {len(set(people))}")
    if wanted != AUTO:
        raise UsageError(_too_few(", ".join(counts)))
    return Chosen(None, f"{NONE} ({', '.join(counts)} people, and it takes {FEWEST})")


def expect_folder(cohort: str | Path | None) -> None:
    """Before the work: raise UsageError where ``cohort`` is nothing that an evaluation takes."""
    if cohort not in (None, OTHERS, NONE):
        _expect_folder(str(cohort), "others, none")


def expect_cohort(cohort: str | Path | None, gallery: Gallery) -> None:
    """Before the work: raise UsageError where ``cohort`` is nothing that a calibration takes, or has too few people."""
    if cohort == GALLERY and (people := len(gallery.people())) < FEWEST:
        raise UsageError(_too_few(f"{GALLERY} {people}"))
    if cohort not in (None, AUTO, GALLERY, LABELLED, NONE):
        _expect_folder(str(cohort), "gallery, labelled, none, auto")


def _expect_folder(cohort: str, words: str) -> None:
    if not (cohort and Path(cohort).is_dir()):
        raise UsageError(f"cohort {cohort!r}: not a folder; expected {words}, or a folder of strangers' pictures")


def _too_few(counts: str) -> str:
    return f"cohort {counts} people, and it takes {FEWEST} so that the correction does good; take another, or none"


def find_strangers(
    pipe: Pipeline,
    folder: Path,
    faces: LabelledFaces,
    cache: Cache | None,
    report: Progress,
    known: Known = frozenset(),
) -> Chosen:
    """The faces of the pictures in ``folder``. Whoever is among ``faces``, or ``known``, goes by that name, told by the
    sub-folder's or by an image; whoever could be two of them is left out. Raises UsageError without any face."""
    images, names = _pictures_of(folder)
    found, kept = embed_cached(pipe, images, cache, report)
    people = [names[n] for n in np.flatnonzero(found.place >= 0)]
    owners, called = defaultdict[str, set[str]](set), dict[str, set[str]]()
    for name, mark in known.union(zip(faces.names, faces.embedded.hashes, strict=True)):
        owners[mark].add(name)
        called[name] = {name}
    for person, mark in zip(people, found.hashes, strict=True):
        called[person] = called.get(person, set()) | owners.get(mark, set())
    some = [at for at, person in enumerate(people) if len(called[person]) < 2]
    strangers = Strangers(found.vectors, [next(iter(called[person]), person) for person in people], found.hashes)
    return Chosen(strangers[some], os.fspath(folder), kept)


def _all_of(faces: LabelledFaces) -> Strangers:
    return Strangers(faces.vectors, faces.names, faces.embedded.hashes)


def _pictures_of(folder: Path) -> tuple[list[Path], list[str]]:
    """The pictures of a folder and whose they are: those of a sub-folder one person's, any other its own person's."""
    pictures = [Path(path) for path in image_files([folder])]
    own = [path.relative_to(folder) for path in pictures]
    return pictures, [spelt(path.parts[0]) if len(path.parts) > 1 else str(path) for path in own]


def _enrolled(gallery: Gallery) -> Strangers | None:
    if not (references := gallery.references()):
        return None
    return Strangers(
        np.stack([one.template.vector for one in references]),
        [one.person for one in references],
        [one.image_sha256 for one in references],
        [one.id for one in references],
    )


def _spread_out(people: Sequence[str]) -> list[int]:
    """Which vectors to keep, MOST at most: everybody's first, then everybody's second, …"""
    seen: dict[str, int] = {}
    turn = []
    for person in people:
        turn.append(seen.get(person, 0))
        seen[person] = turn[-1] + 1
    order = np.argsort(turn, kind="stable")[:MOST]
    return sorted(int(at) for at in order if turn[at] < MOST_OF_ONE)
