"""Options that several commands share, and what they open."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facepipe.cli import output as out
from facepipe.defaults import BACKBONE as BACKBONE
from facepipe.defaults import DETECTOR as DETECTOR
from facepipe.defaults import MIN_FACE as MIN_FACE
from facepipe.errors import FacepipeError, UsageError

if TYPE_CHECKING:
    from facepipe.gallery import Gallery
    from facepipe.gallery.thresholds import ThresholdInForce
    from facepipe.networks.cards import Card
    from facepipe.pipeline import Pipeline
    from facepipe.sources import FoundImages


def complete_models(incomplete: str) -> list[str]:
    return _cards(incomplete, None)


def complete_backbones(incomplete: str) -> list[str]:
    return _cards(incomplete, "backbone")


def complete_detectors(incomplete: str) -> list[str]:
    return _cards(incomplete, "detector")


def _cards(incomplete: str, role: str | None) -> list[str]:
    from facepipe.networks.cards import all_cards

    return [card.name for card in all_cards(role) if card.name.startswith(incomplete)]


def complete_people(ctx: typer.Context, incomplete: str) -> list[str]:
    with suppress(FacepipeError), open_gallery(ctx.params.get("gallery")) as gallery:
        return [person.name for person in gallery.people() if person.name.startswith(incomplete)]
    return []


Paths = Annotated[list[str], typer.Argument(metavar="PATH", help="Images, or folders of images.")]
PersonName = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.", autocompletion=complete_people)]
GalleryPath = Annotated[
    Path | None,
    typer.Option(
        "--gallery",
        "-g",
        metavar="FILE",
        readable=False,  # the library says more about a file that may not be read
        help="The gallery, the file of the people enrolled. Default: $FACEPIPE_GALLERY, or one in your data folder.",
    ),
]
BackboneName = Annotated[
    str,
    typer.Option(
        "--backbone",
        "-b",
        metavar="NAME",
        help="The network that turns a face into numbers; see `models list`.",
        autocompletion=complete_backbones,
    ),
]
GalleryBackbone = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        "-b",
        metavar="NAME",
        help="The network that turns a face into numbers. Default: the one the gallery was made with.",
        autocompletion=complete_backbones,
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", metavar="FILE", readable=False, help="A weights file to use instead of the network's own."
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="DEVICE", help="Where to compute: cpu, cuda, cuda:1 or mps.")]
MinFace = Annotated[
    float, typer.Option("--min-face", metavar="PX", help="Leave out faces whose shorter side is below this, px.")
]
MinScore = Annotated[
    float | None,
    typer.Option(
        "--min-score", metavar="SCORE", help="How sure it must be that it is a face, 0 to 1. Default: the detector's."
    ),
]
DetectorName = Annotated[
    str,
    typer.Option(
        "--detector", metavar="NAME", help="What finds faces; see `models list`.", autocompletion=complete_detectors
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        metavar="COSINE",
        help="The score, -1 to 1, from which on a face counts as that person. Overrides --fmr.",
    ),
]
Fmr = Annotated[
    str | None,
    typer.Option(
        "--fmr",
        metavar="RATE",
        help="Use the threshold at which this share of strangers would pass for one given person. Default: 1e-3.",
    ),
]
Fpir = Annotated[
    str | None,
    typer.Option(
        "--fpir",
        metavar="RATE",
        help="Use the threshold at which this share of strangers would get a name. Default: 1e-2, and at most 1e-3 "
        "would pass for any one person.",
    ),
]
Pick = Annotated[
    int | None,
    typer.Option(
        "--pick", "--face", metavar="N", min=1, help="Which face to use when there are several; 1 is the largest."
    ),
]
PickBoth = Annotated[
    str | None,
    typer.Option(
        "--pick",
        "--face",
        metavar="N[,M]",
        help="Which face to use when there are several; 1 is the largest. As 2,1 of A the second, of B the largest.",
    ),
]
Annotate = Annotated[
    Path | None,
    typer.Option(
        "--annotate",
        metavar="FOLDER",
        file_okay=False,
        help="Save a copy of each picture, with its faces marked, in this folder.",
    ),
]
ShowWindow = Annotated[
    bool | None,
    typer.Option("--window/--no-window", help="Show the picture in a window; q or Esc in it ends the command."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew, and keep nothing of it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def open_pipeline(
    backbone: str = BACKBONE,
    weights: Path | None = None,
    device: str = "cpu",
    min_face: float = MIN_FACE,
    min_score: float | None = None,
    detector: str = DETECTOR,
) -> Pipeline:
    from facepipe.pipeline import Pipeline  # only when it is needed: it brings in the networks

    pipe = Pipeline(backbone, detector=detector, device=device, weights=weights, min_face=min_face, min_score=min_score)
    if weights is not None:
        _say_other_weights(pipe.backbone.card, weights)
    return pipe


def _say_other_weights(card: Card, weights: Path) -> None:
    """What a card says was measured with its own."""
    from facepipe.networks.weights import file_sha256

    if card.thresholds and file_sha256(weights) not in [file.sha256 for file in card.weights]:
        out.say(f"{weights}: not the weights that {card.name}'s thresholds and probabilities were measured with")


def limit(
    pipe: Pipeline, gallery: Gallery | None, threshold: float | None, fmr: str | None, fpir: str | None = None
) -> ThresholdInForce:
    """The threshold in force, with what it means in the gallery. Raises UsageError for --fpir with one of the others,
    or a rate that nothing says."""
    if fpir is not None and (threshold is not None or fmr is not None):
        raise UsageError("expected one of --threshold, --fmr and --fpir")
    limits = pipe.limits(gallery)
    return limits.explained(limits.find(threshold, fmr, fpir))


def say_limit(limit: ThresholdInForce) -> None:
    """What decides, in one line, once all that is wrong with the command has been told; where somebody is enrolled and
    more is known of it than the number, or the rate is an extrapolation."""
    if (limit.people and limit.chance is not None) or limit.between is not None:
        out.say(limit.said)


def open_gallery(path: Path | None, *, create: bool = False) -> Gallery:
    from facepipe.gallery import Gallery

    return Gallery.open(path, create=create)


@contextmanager
def gallery_with_network(
    path: Path | None, backbone: str | None, weights: Path | None, *, create: bool = False
) -> Iterator[tuple[Gallery, str]]:
    """The gallery, and the name of the network to use with it: the one it was made with, said where that is not the
    usual one. A ``backbone`` that is given must be that one: known from the card, before any network is loaded."""
    from facepipe.gallery import Gallery
    from facepipe.gallery.network import network_of
    from facepipe.networks.cards import find_card
    from facepipe.networks.weights import resolve

    if backbone is None:
        with open_gallery(path, create=create) as found:
            name = network_of(found, weights)
    else:
        name = backbone
    with Gallery.open(path, backbone=resolve(find_card(name), weights)[1], create=create) as gallery:
        if name != (backbone or BACKBONE):
            out.say(f"{gallery.path}: made with {name}, so it is used")
        yield gallery, name


def camera(source: str) -> str:
    """A bare number is a local camera's."""
    return f"webcam:{source}" if source.isascii() and source.isdigit() and not os.path.exists(source) else source


def image_files(paths: Sequence[str]) -> FoundImages:
    """The images that ``paths`` name. Raises UsageError at "", which would be the current folder."""
    from facepipe import sources

    if "" in paths:
        raise UsageError("an empty path; expected an image or a folder of images")
    return sources.find_images(paths)
