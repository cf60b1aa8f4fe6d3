"""models: the networks facepipe knows, and adding your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facepipe.cli import output as out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, fetch and add networks.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A card's name, from `models list`.")]


@app.command("list")
def list_models() -> None:
    """Every network with its role, whether its weights are here, and its licence."""
    from facepipe.cards import all_cards
    from facepipe.weights import is_here

    rows = [
        (card.name, card.role, "here" if is_here(card) else "to fetch", card.licence, card.summary)
        for card in all_cards()
    ]
    out.table("Models", ("name", "role", "weights", "licence", "what"), rows)


@app.command()
def show(name: Name) -> None:
    """The whole card of one network: input, licence, thresholds and what they were measured on."""
    from facepipe.cards import find_card

    card = find_card(name, role=None)
    out.say(str(card.path))
    typer.echo(out.printable(card.path.read_text("utf-8")), nl=False)


@app.command()
def pull(
    name: Name,
    sha256: Annotated[
        str | None, typer.Option("--sha256", help="For a card that knows none: the one you trust.")
    ] = None,
) -> None:
    """Download a network's weights, verified; the only command that uses the network."""
    from facepipe import weights
    from facepipe.cards import find_card

    for path in weights.pull(find_card(name, role=None), sha256=sha256):
        typer.echo(path)


@app.command()
def add(
    path: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="A face embedder: one image in, one vector out.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it. Default: the file's name.")] = None,
    size: Annotated[int | None, typer.Option("--size", help="Input side, px, when the file does not say.")] = None,
    colour: Annotated[str, typer.Option("--colour", help="RGB or BGR.")] = "RGB",
    mean: Annotated[float, typer.Option("--mean", help="Subtracted from each value 0..255.")] = 127.5,
    scale: Annotated[float, typer.Option("--scale", help="Multiplied after that.")] = 1 / 127.5,
    mirror: Annotated[bool, typer.Option("--mirror", help="Average with the mirror image's embedding.")] = False,
    licence: Annotated[str, typer.Option("--licence", help="Of the weights.")] = "not stated",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
) -> None:
    """Make an ONNX face embedder a backbone of yours: copies it and writes its card.

    Faces are aligned to the five-point template of ArcFace; edit the card for another.
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
    typer.echo(card.path)
    out.say(f"use it with --backbone {card.name} and a --threshold of your own: its card has none measured yet")
