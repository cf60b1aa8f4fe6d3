"""evaluate: how well faces are told apart, on labelled images of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import unread
from facepipe.errors import UsageError, WriteFailed

if TYPE_CHECKING:
    from facepipe import sources
    from facepipe.evaluate import Evaluation
    from facepipe.evaluate.result import Failure


Pairs = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PAIRS.csv]", readable=False, help="A CSV file: image_a, image_b, same_person, perhaps fold."
    ),
]
Folders = Annotated[
    Path | None,
    typer.Option(
        "--folders", metavar="DIR", help="Instead of pairs: a folder with one sub-folder of photos per person."
    ),
]
Images = Annotated[
    Path | None, typer.Option("--images", metavar="DIR", help="Where the CSV file's images are. Default: beside it.")
]
WhoElse = Annotated[
    str | None,
    typer.Option(
        "--cohort",
        metavar="WHO",
        show_default=False,
        help="Measure corrected scores too, which allow for faces that many strangers resemble. The strangers: others "
        "(of these people), a folder, or none. Default: others, where there are enough.",
    ),
]
LeftOut = Annotated[
    float,
    typer.Option(
        "--left-out",
        metavar="SHARE",
        help="With --folders: the share of people who are not enrolled, so that they are strangers.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="The seed of all random draws.")]
Page = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with the curves and the worst mistakes.")
]


def evaluate(
    pairs: Pairs = None,
    people: Folders = None,
    images: Images = None,
    cohort: WhoElse = None,
    left_out: LeftOut = 0.5,
    seed: Seed = 0,
    html: Page = None,
    no_cache: opt.NoCache = False,
    as_json: opt.Json = False,
    backbone: opt.BackboneName = opt.BACKBONE,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Measure how well people are told apart.

    Give it a list of pairs, or a folder of photos by person. It tells error rates with intervals, and draws curves.
    What was computed is kept, so a run that was stopped goes on where it was.
    """
    if (pairs is None) == (people is None):
        got = "neither" if people is None else "both"
        raise UsageError(f"expected a list of pairs or folders, got {got}: facepipe evaluate PAIRS.csv | --folders DIR")
    if people is not None and images is not None:
        raise UsageError("--images goes with a list of pairs; --folders names the images itself")
    if html is not None:
        out.expect_page(html)
        out.ready(html.parent)
        if html.is_dir():
            raise WriteFailed(f"{html}: cannot be written: it is a folder; name a file")
    pipe = opt.open_pipeline(backbone, weights, device, min_face, min_score, detector)
    from facepipe.evaluate import evaluate_pairs, evaluate_people
    from facepipe.sources import find_people

    photos = None if people is None else find_people(people)
    with out.steps() as step:
        common: dict[str, Any] = {"cohort": cohort, "seed": seed, "cached": not no_cache, "progress": step}
        if photos is not None:
            found = evaluate_people(pipe, photos.labelled, source=str(people), left_out=left_out, **common)
        elif pairs is not None:
            found = evaluate_pairs(pipe, pairs, images=images, **common)
    _show(found, [] if photos is None else [file for _, file in photos.left_out], html, as_json)


def _show(found: Evaluation, left_out: Sequence[sources.LeftOut], html: Path | None, as_json: bool) -> None:
    from facepipe.evaluate.measuring import COSINE
    from facepipe.evaluate.report.summary import summarise
    from facepipe.evaluate.report.verdict import verdict

    if as_json:
        out.line(found.to_json() | {"left_out": unread.as_json(left_out)})
    else:
        typer.echo(out.printable(verdict(found).en))
        for section in summarise(found):
            kind = "" if section.score == COSINE else f", {section.score}"
            rows = [(line.name.en + kind, line.value, line.interval, line.meaning.en) for line in section.lines]
            out.table(section.title.en, ("figure", "value", "95 % interval", "what it means"), rows)
    if html is not None:
        from facepipe.evaluate.report.page import page
        from facepipe.page.page import save_page

        save_page(page(found), html)
        if not as_json:
            typer.echo(html)
    failures = [_failed(failure) for failure in found.images.failures]
    out.finish_measuring(found.remarks, found.kept, failures, found.images.images, unread.count(left_out))


def _failed(failure: Failure) -> str:
    return failure.error if failure.row is None else f"row {failure.row}: {failure.error}"
