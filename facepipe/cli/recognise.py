"""detect, identify, verify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from facepipe import words
from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import unread
from facepipe.cli.album import Album
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.faces import Faces
    from facepipe.records import Detection, Identification

    F = TypeVar("F", Detection, Identification)

NO_FACES: dict[str, Any] = {"size": None, "faces": []}


def detect(
    paths: opt.Paths,
    as_json: opt.Json = False,
    annotate: opt.Annotate = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Find the faces in images: box, score, five landmarks."""
    from facepipe.draw import mark_of, numbered

    images = opt.image_files(paths)
    files = images.files
    album = None if annotate is None else Album(annotate)
    pipe = opt.open_pipeline(device=device, min_face=min_face, min_score=min_score, detector=detector)
    batch = out.Batch(len(files), "detecting", as_json)
    for outcome in batch.successes(pipe.detect_each(files, pictures=album is not None), repeat(NO_FACES)):
        marks = [mark_of(face, number) for number, face in numbered(outcome.value)]
        marked = None if album is None else album.add(outcome.image, marks)
        _tell(outcome.value, lambda face: [f"{face.score:.3f}   {words.place(face.box)}"], marked, as_json)
    unread.tell(images.left_out, batch, NO_FACES)
    batch.finish()


def identify(
    paths: opt.Paths,
    gallery: opt.GalleryPath = None,
    top: Annotated[int, typer.Option("--top", min=1, help="How many candidates to list for each face.")] = 1,
    threshold: opt.Threshold = None,
    fmr: opt.Fmr = None,
    fpir: opt.Fpir = None,
    as_json: opt.Json = False,
    annotate: opt.Annotate = None,
    backbone: opt.GalleryBackbone = None,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Say who is in images: a name, or unknown."""
    from facepipe.draw import mark_of, numbered

    with opt.gallery_with_network(gallery, backbone, weights) as (people, network):
        images = opt.image_files(paths)
        files = images.files
        album = None if annotate is None else Album(annotate)
        if not len(people):
            out.say(f"warning: {people.path}: nobody is enrolled, so everybody is unknown; see facepipe enroll")
        pipe = opt.open_pipeline(network, weights, device, min_face, min_score, detector)
        limit = opt.limit(pipe, people, threshold, fmr, fpir)
        opt.say_limit(limit)
        found = pipe.identify_each(files, people, top=top, threshold=limit.threshold, pictures=album is not None)
        batch = out.Batch(len(files), "identifying", as_json)
        for outcome in batch.successes(found, repeat(NO_FACES)):
            marks = [mark_of(face, number) for number, face in numbered(outcome.value)]
            marked = None if album is None else album.add(outcome.image, marks)
            _tell(outcome.value, partial(_identified_rows, top=top), marked, as_json)
        unread.tell(images.left_out, batch, NO_FACES)
        batch.finish()


def verify(
    a: Annotated[str, typer.Argument(metavar="A", help="An image with one face.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another image with one face.")],
    pick: opt.PickBoth = None,
    threshold: opt.Threshold = None,
    fmr: opt.Fmr = None,
    as_json: opt.Json = False,
    backbone: opt.BackboneName = opt.BACKBONE,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Say whether two images show one person.

    Each must show one face, or --pick says which. The exit code is 0 whether they match or not.
    """
    picked = _picked(pick)
    pipe = opt.open_pipeline(backbone, weights, device, min_face, min_score, detector)
    limit = opt.limit(pipe, None, threshold, fmr)
    found = pipe.verify(a, b, threshold=limit.threshold, pick=picked)
    opt.say_limit(limit)
    if as_json:
        out.line(found.to_dict())
    else:
        typer.echo(str(found))


def _picked(text: str | None) -> int | tuple[int, int] | None:
    """Which face of both images, or of each. Raises UsageError."""
    if text is None:
        return None
    numbers = [int(number) if number.isascii() and number.isdigit() else 0 for number in text.split(",")]
    if len(numbers) > 2 or min(numbers) < 1:
        raise UsageError(f"--pick {text}: expected a whole number from 1, the largest face, or two, of A and B: 2,1")
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def _tell(faces: Faces[F], rows_of: Callable[[F], Sequence[str]], marked: Path | None, as_json: bool) -> None:
    """``faces``, in px of the file; ``rows_of`` a face: its lines, the first one after its number."""
    if as_json:
        annotated = {} if marked is None else {"annotated": str(marked)}
        out.line(faces.to_dict() | {"error": None} | annotated)
        return
    typer.echo(f"{out.printable(faces.source)}: {out.count(len(faces), 'face')}")
    for number, face in enumerate(faces.in_file(), 1):
        first, *more = rows_of(face)
        typer.echo(f"{number:>3}  {first}")
        for row in more:
            typer.echo(row)
    if marked is not None:
        typer.echo(out.printable(f"  marked in {marked}"))


def _identified_rows(face: Identification, top: int) -> list[str]:
    return [out.identified_text(face), *(out.candidates_text(face) if top > 1 else [])]
