"""calibrate: what scores mean for one's own people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe import words
from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import unread
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.evaluate.calibrate import CalibrationReport
    from facepipe.evaluate.measures.reliability import Reliability
    from facepipe.networks.cards import Card


def calibrate(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Photos of people, one sub-folder per person.", show_default=False),
    ] = None,
    gallery: opt.GalleryPath = None,
    cohort: Annotated[
        str,
        typer.Option(
            "--cohort",
            metavar="WHO",
            help="The strangers that tell which faces resemble many, so that scores are corrected for it: gallery, "
            "labelled (those in FOLDER), a folder, none; or auto.",
        ),
    ] = "auto",
    remove: Annotated[
        bool, typer.Option("--remove", help="Forget the calibration, and use the network's own figures again.")
    ] = False,
    no_cache: opt.NoCache = False,
    as_json: opt.Json = False,
    backbone: opt.GalleryBackbone = None,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Measure on photos of your own people what scores mean.

    The thresholds and probabilities that come of it are kept with the gallery, and decide from then on.
    """
    if (folder is None) != remove:
        raise UsageError("expected a folder with one sub-folder of photos per person, or --remove")
    if folder is None:
        with opt.open_gallery(gallery) as people:
            people.calibrate(None)
            out.say(f"{people.path}: not calibrated any more; the network's own thresholds decide")
        return
    with opt.gallery_with_network(gallery, backbone, weights) as (people, network):
        from facepipe.evaluate.calibrate import calibrate as measure
        from facepipe.sources import find_people

        photos = find_people(folder)
        pipe = opt.open_pipeline(network, weights, device, min_face, min_score, detector)
        with out.steps() as step:
            found = measure(
                pipe, photos.labelled, people, source=str(folder), cohort=cohort, cached=not no_cache, progress=step
            )
        path, limits = people.path, pipe.limits(people)
        decides = limits.explained(limits.find()).said
    left_out = [file for _, file in photos.left_out]
    if as_json:
        out.line(_json(found, path) | {"left_out": unread.as_json(left_out)})
    else:
        _print(found, path, pipe.backbone.card, decides)
    out.finish_measuring(found.remarks, found.kept, found.failures, found.images, unread.count(left_out))


def _json(found: CalibrationReport, path: Path) -> dict[str, Any]:
    made = asdict(found.calibration) | {"made_at": found.calibration.made_at.isoformat()}
    kept = None if found.kept is None else str(found.kept)
    return asdict(found) | {"gallery": str(path), "calibration": made, "kept": kept}


def _print(found: CalibrationReport, path: Path, card: Card, decides: str) -> None:
    """What decides now, then a table for each set of pairs or photos, with what it is of."""
    made = found.calibration
    without = f", {found.no_face} more without a face" if found.no_face else ""
    _say(f"{path}: calibrated on {made.measured_on}{without}")
    _say(f"From now on, unless you ask for another: {decides}.")
    if made.corrected:
        _say(f"Scores are corrected for {found.strangers} faces of strangers ({found.cohort}).")
    else:
        _say(f"Scores are not corrected for faces that resemble many: {found.cohort}.")
    _say(f"All photos against all: {found.genuine:,} pairs of one person, {found.impostor:,} of two people.")
    head = "rate", "wrongly taken for somebody", "threshold", "network's own", "pairs of one accepted"
    out.table("Compared with one person", head, _compared(found, card))
    _looked_up(found)
    if found.reliability is not None:
        _honest(found.reliability)


def _say(line: str) -> None:
    typer.echo(out.printable(line))


def _compared(found: CalibrationReport, card: Card) -> Iterator[tuple[str, ...]]:
    made = found.calibration
    known = {} if made.corrected else card.thresholds
    for rate, limit in made.fmr.items():
        usual, accepted = f"{known[rate]:.4f}" if rate in known else "", f"{found.tmr[rate]:.1%}"
        yield f"FMR {rate}", f"{_one_in(rate)} strangers, compared with one person", f"{limit:.4f}", usual, accepted


def _looked_up(found: CalibrationReport) -> None:
    made = found.calibration
    _say(
        f"Of the {found.people} people in the folder {found.enrolled} are enrolled, by name;"
        f" {out.count(found.unknown_probes, 'photo')} of the others tell the FPIR"
        + ("." if made.fpir else ": too few, it takes 100 for 1e-1.")
    )
    among = out.count(made.people, "person") if made.people == 1 else f"{made.people} people"
    rows = [
        (f"FPIR {rate}", f"{_one_in(rate)} strangers, looked up among {among}", f"{limit:.4f}")
        for rate, limit in made.fpir.items()
    ]
    if rows:
        out.table("Looked up among all", ("rate", "wrongly taken for somebody", "threshold"), rows)


def _honest(kept: Reliability) -> None:
    _say(
        f"Probabilities, on {kept.pairs:,} pairs drawn of all, of people they were not fitted to: Brier score"
        f" {kept.brier.value:.4f} (0.25 is saying one half always), off by {kept.expected_error.value:.1%} on average."
    )
    cells = [
        (f"{one.low:.0%} to {one.high:.0%}", words.percent(one.stated), f"{one.observed.value:.1%}", one.pairs)
        for one in kept.bins
    ]
    out.table("Stated and observed", ("said", "on average", "were of one person", "pairs"), cells)


def _one_in(rate: str) -> str:
    return f"1 in {1 / float(rate):,.0f}"
