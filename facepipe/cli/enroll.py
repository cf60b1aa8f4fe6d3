"""enroll: store faces under a name, from images or from a camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe import words
from facepipe.cli import enroll_what as what
from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import unread
from facepipe.cli import webcam as cam
from facepipe.cli.people import remark_on_spelling
from facepipe.commands import typed
from facepipe.defaults import FMR
from facepipe.errors import FacepipeError, UsageError

if TYPE_CHECKING:
    from facepipe.batches import Failed, Outcome
    from facepipe.gallery import Gallery
    from facepipe.pipeline import Enrolment, Pipeline
    from facepipe.records import Candidate, Reference
    from facepipe.sources import LeftOut

MOST_REMARKS = 5
SAME_FACE = 0.9  # cosine of one face, found again in the same image or cut anew from what is kept of it
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
        name, source = what.name_and_source(name_and_paths or [])
    else:
        _expect_webcam(shots != 5, window is not None, threshold is not None)
        items, left_out = what.images(name_and_paths or [], folders)
    with opt.gallery_with_network(gallery, backbone, weights, create=True) as (people, network):
        pipe = opt.open_pipeline(network, weights, device, min_face, min_score, detector)
        known = [person.name for person in people.people()]
        if webcam:
            plan = cam.Plan(shots, threshold, anyway, window, given)
            _report(cam.enroll(name, source, people, pipe, plan), people, as_json)
            remark_on_spelling([name], known)
        else:
            outcomes = pipe.enroll_each(items, people, pick=pick, consent=given, gate=gate, anyway=anyway)
            batch = out.Batch(len(items), "enrolling", as_json)
            is_another = None if pick is None else partial(_is_another, pipe, people, pick)
            added = _enroll_images(items, outcomes, people, batch, is_another)
            remark_on_spelling([new.person for new in added], known)
            _remark_on_likeness(added, people, pipe)
            _tell_left_out(left_out, batch)
            batch.finish()


def _enroll_images(
    items: Sequence[tuple[str, Path | str]],
    outcomes: Iterator[Outcome[Enrolment]],
    gallery: Gallery,
    batch: out.Batch,
    is_another: Callable[[Enrolment], bool] | None,
) -> list[Reference]:
    """Report each image as it is done; the new references. ``is_another``, where a face is picked: whether that of an
    image that was enrolled before is."""
    blanks = ({"person": person, **NOT_ENROLLED} for person, _ in items)
    added: list[Reference] = []
    known = 0
    for outcome in batch.successes(outcomes, blanks, _Complaints()):
        done = outcome.unwrap()
        if done.reference is None:
            known += 1
        else:
            added.append(done.reference)
        _print_enrolment(done, batch.as_json)
        if done.reference is None and is_another is not None and is_another(done):
            remove = typed(f"people remove-reference {done.before}", gallery.path)
            out.say(f"{done.source}: another face of it is enrolled; to take this one, remove that first: {remove}")
    before = f", {known} enrolled before" if known else ""
    if added or known:
        out.say(f"{out.count(len(added), 'image')} enrolled{before}; {_holding(gallery)}")
    return added


class _Complaints:
    """What is said of each image that is not enrolled; of those of a person that are refused together once."""

    def __init__(self) -> None:
        self._last: Exception | None = None

    def __call__(self, failed: Failed) -> str:
        from facepipe.enroll.enrolment import Refused

        if not isinstance(failed, Refused) or failed.images == 1:
            return str(failed.error)
        told, self._last = self._last is failed.why, failed.why
        return "" if told else f"{failed.images} images not enrolled: {failed.why}"


def _is_another(pipe: Pipeline, gallery: Gallery, pick: int, done: Enrolment) -> bool:
    """Whether the face that is picked of an image is not the one that was enrolled of it before."""
    from facepipe.pipeline import pick_face

    if done.before is None:
        return False
    try:
        faces = pipe.faces(done.source)
        face = pick_face(faces, faces, pick)
    except FacepipeError:  # it is enrolled all the same
        return False
    return face.template.cosine(gallery.reference(done.before).template) < SAME_FACE


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
        _print_enrolment(done, as_json)
    out.say(f"{out.count(len(enrolments), 'shot')} enrolled; {_holding(gallery)}")


def _expect_webcam(shots: bool, window: bool, threshold: bool) -> None:
    """Raise UsageError at an option that means something with a camera only."""
    given = {"--shots": shots, "--window": window, "--threshold": threshold}
    for option in (option for option, is_given in given.items() if is_given):
        raise UsageError(f"{option}: only with --webcam")


def _holding(gallery: Gallery) -> str:
    return f"{gallery.path} holds {out.count(len(gallery), 'reference')}"


def _print_enrolment(done: Enrolment, as_json: bool) -> None:
    if as_json:
        out.line(done.to_dict() | {"error": None})
    else:
        typer.echo(str(done))
    if done.reference is not None and done.others:
        out.say(f"{done.source}: also enrolled as {', '.join(done.others)}")
