"""detect, enroll, identify, verify."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from itertools import repeat, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli.album import Album
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.gallery import Gallery
    from facepipe.pipeline import Enrolment
    from facepipe.records import Consent, Identification
    from facepipe.stream import Outcome

NO_FACES: dict[str, Any] = {"faces": []}


def detect(
    paths: opt.Paths,
    as_json: opt.Json = False,
    annotate: opt.Annotate = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = opt.MIN_SCORE,
) -> None:
    """Find the faces in images: box, score, five landmarks."""
    from facepipe.draw import Mark

    files = opt.image_files(paths)
    album = None if annotate is None else Album(annotate)
    pipe = opt.open_pipeline(device=device, min_face=min_face, min_score=min_score)
    batch = out.Batch(len(files), "detecting", as_json)
    for outcome in batch.successes(pipe.detect_each(files), repeat(NO_FACES)):
        faces = outcome.unwrap()
        marked = (
            None if album is None else album.add(outcome.image, [Mark(face, f"{face.score:.2f}") for face in faces])
        )
        if as_json:
            _faces_line(outcome, [out.detection_json(face) for face in faces], marked)
        else:
            _print_faces(outcome, [f"  {face.score:.3f}   {out.detection_text(face)}" for face in faces], marked)
    batch.finish()


def identify(
    paths: opt.Paths,
    gallery: opt.GalleryPath = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Candidates to give for each face.")] = 1,
    threshold: opt.Threshold = None,
    fmr: opt.Fmr = opt.FMR,
    as_json: opt.Json = False,
    annotate: opt.Annotate = None,
    backbone: opt.BackboneName = opt.BACKBONE,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = opt.MIN_SCORE,
) -> None:
    """Say who is in images: a name, or unknown."""
    from facepipe.draw import mark_identified

    with opt.open_gallery(gallery, backbone, weights) as people:
        files = opt.image_files(paths)
        album = None if annotate is None else Album(annotate)
        if not len(people):
            out.say(f"warning: {people.path}: nobody is enrolled, so everybody is unknown; see facepipe enroll")
        pipe = opt.open_pipeline(backbone, weights, device, min_face, min_score)
        found = pipe.identify_each(files, people, top=top, threshold=pipe.threshold(threshold, fmr))
        batch = out.Batch(len(files), "identifying", as_json)
        for outcome in batch.successes(found, repeat(NO_FACES)):
            faces = outcome.unwrap()
            marked = None if album is None else album.add(outcome.image, [mark_identified(face) for face in faces])
            if as_json:
                _faces_line(outcome, [out.identified_json(face) for face in faces], marked)
            else:
                _print_faces(outcome, [row for face in faces for row in _identified_rows(face, top)], marked)
        batch.finish()


def verify(
    a: Annotated[str, typer.Argument(metavar="A", help="An image with one face.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    pick: opt.Pick = None,
    threshold: opt.Threshold = None,
    fmr: opt.Fmr = opt.FMR,
    as_json: opt.Json = False,
    backbone: opt.BackboneName = opt.BACKBONE,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = opt.MIN_SCORE,
) -> None:
    """Say whether two images show one person.

    Each must show one face, or --pick says which. The exit code is 0 for a match and for no match.
    """
    pipe = opt.open_pipeline(backbone, weights, device, min_face, min_score)
    found = pipe.verify(a, b, threshold=pipe.threshold(threshold, fmr), pick=pick)
    if as_json:
        score, limit = round(found.score, 4), round(found.threshold, 4)
        out.line({"a": a, "b": b, "score": score, "threshold": limit, "match": found.match})
    else:
        sign, verdict = ("≥", "match") if found.match else ("<", "no match")
        typer.echo(f"{verdict}: {found.score:.3f} {sign} {found.threshold:.3f}")


def enroll(
    name_and_paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME PATH", help="The person's name, then images or folders of images."),
    ] = None,
    folders: Annotated[
        Path | None,
        typer.Option(
            "--folders", metavar="DIR", file_okay=False, help="Enrol everybody in a folder: one sub-folder per person."
        ),
    ] = None,
    pick: opt.Pick = None,
    consent: Annotated[
        str | None,
        typer.Option(
            "--consent", metavar="TEXT", help="What the person agreed to: kept with the time, as it is shown."
        ),
    ] = None,
    gallery: opt.GalleryPath = None,
    as_json: opt.Json = False,
    backbone: opt.BackboneName = opt.BACKBONE,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = opt.MIN_SCORE,
) -> None:
    """Store faces under a name.

    Each image must show one face. One that cannot be used is reported and the others are enrolled; an image that is
    enrolled under that name already adds nothing, so a run can be repeated.
    """
    items, given = _enrol_items(name_and_paths or [], folders), _consent(consent)
    with opt.open_gallery(gallery, backbone, weights, create=True) as people:
        pipe = opt.open_pipeline(backbone, weights, device, min_face, min_score)
        _remark_on_spelling([person for person, _ in items], people)
        batch = out.Batch(len(items), "enrolling", as_json)
        blanks = ({"person": person, "reference": None} for person, _ in items)
        added = known = 0
        for outcome in batch.successes(pipe.enroll_each(items, people, pick=pick, consent=given), blanks):
            done = outcome.unwrap()
            added, known = (added, known + 1) if done.reference is None else (added + 1, known)
            _print_enrolment(done, as_json, picked=pick is not None)
        before = f", {known} enrolled before" if known else ""
        if added or known:
            out.say(f"{out.count(added, 'image')} enrolled{before}; {_holding(people)}")
        batch.finish()


def _consent(wording: str | None) -> Consent | None:
    from facepipe.records import Consent

    try:
        return None if wording is None else Consent(wording, datetime.now(timezone.utc))
    except ValueError as error:
        raise UsageError(f"--consent: {str(error).partition(': ')[2]}") from None


def _holding(gallery: Gallery) -> str:
    return f"{gallery.path} holds {out.count(len(gallery), 'reference')}"


def _enrol_items(name_and_paths: Sequence[str], folders: Path | None) -> list[tuple[str, Path | str]]:
    from facepipe.gallery.names import clean_name
    from facepipe.sources import people_folders

    if folders is not None:
        if name_and_paths:
            raise UsageError("expected NAME PATH... or --folders DIR, not both")
        return [(person, path) for person, paths in people_folders(folders) for path in paths]
    _expect_quotes(name_and_paths)
    if len(name_and_paths) < 2:
        raise UsageError("expected a name and at least one image: facepipe enroll NAME PATH...")
    name, *paths = name_and_paths
    if os.path.isfile(name):
        raise UsageError(f"{name}: is a file, expected the person's name first: facepipe enroll NAME PATH...")
    clean_name(name)  # or a name that cannot be would be reported once for each image
    return [(name, path) for path in opt.image_files(paths)]


def _expect_quotes(name_and_paths: Sequence[str]) -> None:
    """Raise UsageError at a name of several words without quotes: its second word would be taken for an image."""
    words = list(
        takewhile(lambda word: 0 < len(word) < 100 and "." not in word and not os.path.exists(word), name_and_paths)
    )
    if len(words) > 1 and not any(os.sep in word for word in words):
        raise UsageError(f'{words[1]}: no such file; quote a name of several words: enroll "{" ".join(words)}" PATH...')


def _remark_on_spelling(names: Sequence[str], gallery: Gallery) -> None:
    """Upper and lower case tell people apart, which is rarely meant."""
    known = [person.name for person in gallery.people()]
    spelled = {name.casefold(): name for name in known}
    for name in dict.fromkeys(names):
        other = spelled.setdefault(name.casefold(), name)
        if other != name and name not in known:
            out.say(f"{name} and {other} are two people; to make them one: facepipe people merge NAME INTO")


def _print_enrolment(done: Enrolment, as_json: bool, picked: bool) -> None:
    reference = None if done.reference is None else done.reference.id
    if as_json:
        out.line({"source": done.source, "person": done.person, "reference": reference, "error": None})
    else:
        what = f"was enrolled before, as reference {done.before}" if reference is None else f"reference {reference}"
        typer.echo(out.printable(f"{done.person}: {done.source}: {what}"))
    if reference is None and picked:
        remove = f"facepipe people remove-reference {done.before}"
        out.say(f"{done.source}: nothing added; to take another face of it, remove the reference first: {remove}")
    if reference is not None and done.others:
        out.say(f"{done.source}: also enrolled as {', '.join(done.others)}")


def _faces_line(outcome: Outcome[list[Any]], faces: list[dict[str, Any]], marked: Path | None) -> None:
    annotated = {} if marked is None else {"annotated": str(marked)}
    out.line({"source": outcome.source, "faces": faces, "error": None, **annotated})


def _print_faces(outcome: Outcome[list[Any]], rows: Sequence[str], marked: Path | None) -> None:
    typer.echo(f"{out.printable(outcome.source)}: {out.count(len(outcome.unwrap()), 'face')}")
    for row in rows:
        typer.echo(row)
    if marked is not None:
        typer.echo(out.printable(f"  marked in {marked}"))


def _identified_rows(face: Identification, top: int) -> list[str]:
    return ["  " + out.identified_text(face), *(out.candidates_text(face) if top > 1 else [])]
