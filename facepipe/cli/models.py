"""models: the networks facepipe knows, and adding your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, fetch and add networks.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Its name, from `models list`.", autocompletion=opt.complete_models)
]


@app.command("list")
def list_models(as_json: opt.Json = False) -> None:
    """List the networks and whether their weights are here."""
    from facepipe.networks.cards import all_cards
    from facepipe.networks.weights import is_here

    rows = []
    for card in all_cards():
        here, default = is_here(card), card.name in (opt.BACKBONE, opt.DETECTOR)
        if as_json:
            facts = {"name": card.name, "role": card.role, "default": default, "here": here}
            out.line(facts | {"licence": card.licence, "summary": card.summary})
        rows.append((card.name, card.role, "here" if here else "to fetch", card.licence))
    if not as_json:
        out.table("Models", ("name", "role", "weights", "licence"), rows)
        out.say(f"by default: detector {opt.DETECTOR}, backbone {opt.BACKBONE}")


@app.command()
def show(name: Name) -> None:
    """Show one network's model card.

    It gives the input, the licence, the thresholds and what they were measured on.
    """
    from facepipe.networks.cards import find_card

    card = find_card(name, role=None)
    out.say(str(card.path))
    for line in card.path.read_text("utf-8").splitlines():
        typer.echo(out.printable(line))


@app.command()
def pull(
    name: Name,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HEX", help="The sha256 that you trust, where the model card has none."),
    ] = None,
) -> None:
    """Download a network's weights and check them.

    The only command that uses the network. Prints where the weights are.
    """
    from facepipe.networks import weights
    from facepipe.networks.cards import find_card

    with out.download_bar() as report:
        paths = weights.pull(find_card(name, role=None), report, sha256)
    for path in paths:
        typer.echo(out.printable(str(path)))


@app.command()
def add(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.onnx",
            readable=False,
            help="A network that turns a face into numbers: one image in, one vector out.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What to call it. Default: the file's name.")
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", metavar="PX", help="Side of its input, px, where the file does not say.")
    ] = None,
    colour: Annotated[str, typer.Option("--colour", metavar="ORDER", help="RGB or BGR.")] = "RGB",
    mean: Annotated[float, typer.Option("--mean", metavar="N", help="Subtracted from each value, 0 to 255.")] = 127.5,
    scale: Annotated[float, typer.Option("--scale", metavar="N", help="What the result is multiplied by.")] = 1 / 127.5,
    mirror: Annotated[bool, typer.Option("--mirror", help="Average with the vector of the mirror image.")] = False,
    licence: Annotated[
        str,
        typer.Option("--licence", metavar="TEXT", help="The licence of the weights, to be noted in the model card."),
    ] = "not stated",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
) -> None:
    """Add a network of your own, from an ONNX file.

    The file is copied to your models, with a card that says what pictures it takes. Faces are aligned to the five-point
    template of ArcFace; edit the card for another.
    """
    from facepipe.add_model import add_onnx

    card = add_onnx(
        path,
        name=name,
        size=size,
        colour=colour,
        mean=mean,
        scale=scale,
        mirror=mirror,
        licence=licence,
        replace=replace,
    )
    typer.echo(out.printable(str(card.path)))
    out.say(f"use it with --backbone {card.name} and a --threshold of your own: its card has none measured yet")
