"""enroll: store faces under a name, from images or from a camera."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe import words
from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import unread
from facepipe.cli import webcam as cam
from facepipe.cli.people import remark_on_spelling
from facepipe.defaults import FMR
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.batches import Outcome
    from facepipe.gallery import Gallery
    from facepipe.pipeline import Enrolment, Pipeline
    from facepipe.records import Candidate, Reference
    from facepipe.sources import LeftOut

MOST_REMARKS = 5
NOT_ENROLLED: dict[str, Any] = {"reference": None, "before": None, "others": []}  # of an image that failed

NameAndPaths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME PATH",
        help="The person's name, then images or folders; with --webcam a camera (default 0), a stream or a video.",
    ),
]
Folders = Annotated[
    Path | None,
    typer.Option(
        "--folders",
        metavar="DIR",
        file_okay=False,
        help="Enrol everybody in a folder that has one sub-folder per person.",
    ),
]
Webcam = Annotated[
    bool,
    typer.Option(
        "--webcam", help="Take the pictures with a camera, which says what to do: enroll NAME --webcam [CAMERA]."
    ),
]
ConsentText = Annotated[
    str | None,
    typer.Option("--consent", metavar="TEXT", help="What the person agreed to, in words; kept with the time."),
]
Anyway = Annotated[
    bool,
    typer.Option(
        "--anyway", help="Enrol even what looks like several people, or like somebody enrolled under another name."
    ),
]
OnePerson = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="COSINE",
        help="With --webcam: the score, -1 to 1, from which on pictures count as one person.",
    ),
]


def enroll(
    name_and_paths: NameAndPaths = None,
    folders: Folders = None,
    pick: opt.Pick = None,
    gate: Annotated[
        bool, typer.Option("--gate", help="Refuse images in which the face is blurred, dark, small, turned away…")
    ] = False,
    webcam: Webcam = False,
    shots: Annotated[int, typer.Option("--shots", min=1, max=20, help="With --webcam: how many pictures to take.")] = 5,
    anyway: Anyway = False,
    window: opt.ShowWindow = None,
    threshold: OnePerson = None,
    consent: ConsentText = None,
    gallery: opt.GalleryPath = None,
    as_json: opt.Json = False,
    backbone: opt.GalleryBackbone = None,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Store faces under a name.

    Each image must show one face. An image that cannot be used is reported, and the others are enrolled; one that is
    enrolled under that name already adds nothing, so a run can be repeated. With --webcam the pictures are enrolled
    all together or not at all. Pictures that look like several people, or like somebody enrolled under another name,
    are refused unless --anyway is given.
    """
    from facepipe.enroll.enrolment import agreed

    given = agreed(consent, "--consent")
    if webcam:
        if folders is not None or pick is not None:
            raise UsageError("--webcam: expected NAME and perhaps a camera, without --folders and --pick")
        name, source = _name_and_source(name_and_paths or [])
    else:
        _expect_webcam(shots != 5, window is not None, threshold is not None)
        items, left_out = _enroll_items(name_and_paths or [], folders)
    with opt.gallery_with_network(gallery, backbone, weights, create=True) as (people, network):
        pipe = opt.open_pipeline(network, weights, device, min_face, min_score, detector)
        known = [person.name for person in people.people()]
        if webcam:
            remark_on_spelling([name], known)
            plan = cam.Plan(shots, threshold, anyway, window, given)
            _report(cam.enroll(name, source, people, pipe, plan), people, as_json)
        else:
            remark_on_spelling([person for person, _ in items], known)
            outcomes = pipe.enroll_each(items, people, pick=pick, consent=given, gate=gate, anyway=anyway)
            batch = out.Batch(len(items), "enrolling", as_json)
            added = _enroll_images(items, outcomes, people, batch, picked=pick is not None)
            _remark_on_likeness(added, people, pipe)
            _tell_left_out(left_out, batch)
            batch.finish()


def _enroll_images(
    items: Sequence[tuple[str, Path | str]],
    outcomes: Iterator[Outcome[Enrolment]],
    gallery: Gallery,
    batch: out.Batch,
    picked: bool,
) -> list[Reference]:
    """Report each image as it is done; the new references."""
    blanks = ({"person": person, **NOT_ENROLLED} for person, _ in items)
    added: list[Reference] = []
    known = 0
    for outcome in batch.successes(outcomes, blanks):
        done = outcome.unwrap()
        if done.reference is None:
            known += 1
        else:
            added.append(done.reference)
        _print_enrolment(done, batch.as_json, picked)
    before = f", {known} enrolled before" if known else ""
    if added or known:
        out.say(f"{out.count(len(added), 'image')} enrolled{before}; {_holding(gallery)}")
    return added


def _tell_left_out(left_out: Sequence[tuple[str | None, LeftOut]], batch: out.Batch) -> None:
    for person, file in left_out:
        unread.tell([file], batch, {"person": person, **NOT_ENROLLED})


def _remark_on_likeness(added: Sequence[Reference], gallery: Gallery, pipe: Pipeline) -> None:
    """Whoever was enrolled all the same, under a second name or too little like the other to be refused."""
    card = pipe.backbone.card
    if not card.thresholds:  # nothing says who is the same
        return
    limit = pipe.threshold(fmr=FMR, gallery=gallery)
    alike: dict[tuple[str, str], str] = {}
    rows = gallery.search([new.template for new in added], top=2, evidence=card.evidence)
    for reference, row in zip(added, rows, strict=True):
        own = sum(found.probability or 0 for found in row if found.person == reference.person)
        for other in row:
            if other.person != reference.person and other.score >= limit:
                alike.setdefault((reference.person, other.person), _how_alike(other, own, limit))
    for (name, other_name), how in list(alike.items())[:MOST_REMARKS]:
        out.say(f"{name} looks like {other_name} ({how}); to sort it out: facepipe gallery doctor")
    if len(alike) > MOST_REMARKS:
        out.say(f"… and {len(alike) - MOST_REMARKS} more who look like others")


def _how_alike(other: Candidate, own: float, limit: float) -> str:
    """How likely it is the ``other``, as if the person, whose own probability is ``own``, were not enrolled."""
    if other.probability is None:
        return f"{other.score:.3f} ≥ {limit:.3f}"
    return f"{words.percent(other.probability / max(1 - own, other.probability))} likely"


def _report(enrolments: Sequence[Enrolment], gallery: Gallery, as_json: bool) -> None:
    for done in enrolments:
        _print_enrolment(done, as_json, picked=False)
    out.say(f"{out.count(len(enrolments), 'shot')} enrolled; {_holding(gallery)}")


def _expect_webcam(shots: bool, window: bool, threshold: bool) -> None:
    """Raise UsageError at an option that means something with a camera only."""
    given = {"--shots": shots, "--window": window, "--threshold": threshold}
    for option in (option for option, is_given in given.items() if is_given):
        raise UsageError(f"{option}: only with --webcam")


def _name_and_source(words: Sequence[str]) -> tuple[str, str]:
    """The name, and the camera, stream or file that is looked at: ``webcam:0``, or a number for ``webcam:N``."""
    from facepipe.gallery.names import clean_name

    if not 1 <= len(words) <= 2:
        quoted = f'; quote a name of several words: enroll "{" ".join(words)}" --webcam' if len(words) > 2 else ""
        raise UsageError(f"expected a name and perhaps a camera: facepipe enroll NAME --webcam [CAMERA]{quoted}")
    name, source = clean_name(words[0]), words[1] if len(words) == 2 else "0"
    return name, opt.camera(source)


def _holding(gallery: Gallery) -> str:
    return f"{gallery.path} holds {out.count(len(gallery), 'reference')}"


def _enroll_items(
    name_and_paths: Sequence[str], folders: Path | None
) -> tuple[list[tuple[str, Path | str]], list[tuple[str | None, LeftOut]]]:
    """(name, image) of each that is to be enrolled, and (name, file) of each that is left out of a folder."""
    from facepipe.gallery.names import clean_name
    from facepipe.sources import find_people

    if folders is not None:
        if name_and_paths:
            raise UsageError("expected NAME PATH... or --folders DIR, not both")
        found = find_people(folders)
        return [*found.labelled], found.left_out
    _expect_quotes(name_and_paths)
    if len(name_and_paths) < 2:
        raise UsageError("expected a name and at least one image: facepipe enroll NAME PATH...")
    name, *paths = name_and_paths
    if os.path.isfile(name):
        raise UsageError(f"{name}: is a file, expected the person's name first: facepipe enroll NAME PATH...")
    clean_name(name)  # or a name that cannot be would be reported once for each image
    images = opt.image_files(paths)
    return [(name, path) for path in images.files], [(name, file) for file in images.left_out]


def _expect_quotes(name_and_paths: Sequence[str]) -> None:
    """Raise UsageError at a name of several words without quotes: its second word would be taken for an image."""
    words = list(
        takewhile(lambda word: 0 < len(word) < 100 and "." not in word and not os.path.exists(word), name_and_paths)
    )
    if len(words) > 1 and not any(os.sep in word for word in words):
        raise UsageError(f'{words[1]}: no such file; quote a name of several words: enroll "{" ".join(words)}" PATH...')


def _print_enrolment(done: Enrolment, as_json: bool, picked: bool) -> None:
    if as_json:
        out.line(done.to_dict() | {"error": None})
    else:
        typer.echo(str(done))
    if done.reference is None and picked:
        remove = f"facepipe people remove-reference {done.before}"
        out.say(f"{done.source}: nothing added; to take another face of it, remove the reference first: {remove}")
    if done.reference is not None and done.others:
        out.say(f"{done.source}: also enrolled as {', '.join(done.others)}")
