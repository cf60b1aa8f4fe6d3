"""gallery: the file as a whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Inspect, check, back up and restore a gallery.")


@app.command()
def info(gallery: opt.GalleryPath = None, as_json: opt.Json = False) -> None:
    """Show where the gallery is and what it holds."""
    with opt.open_gallery(gallery) as people:
        facts = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(people.info()).items()}
    if as_json:
        out.line(facts)
    else:
        out.table(
            "Gallery",
            ("what", "value"),
            [(key.replace("_", " "), "none yet" if value is None else value) for key, value in facts.items()],
        )


@app.command()
def check(gallery: opt.GalleryPath = None) -> None:
    """Verify the record and the index, vector by vector.

    Exit code 1 when something is wrong: one line on stderr for each problem.
    """
    with opt.open_gallery(gallery) as people:
        problems = people.check()
    for problem in problems:
        out.complain(problem)
    if problems:
        raise typer.Exit(1)
    typer.echo("the record is sound and the index agrees with it")


@app.command()
def rebuild(gallery: opt.GalleryPath = None) -> None:
    """Make the search index anew from the record."""
    with opt.open_gallery(gallery) as people:
        out.say(f"{out.count(people.rebuild(), 'reference')} indexed")


@app.command("export")
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="The archive to write.")],
    gallery: opt.GalleryPath = None,
) -> None:
    """Write everything into one archive.

    It is a backup, and the way to another machine.
    """
    with opt.open_gallery(gallery) as people:
        out.say(f"{out.count(people.export(path), 'reference')} written to {path}")


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(metavar="FILE", readable=False, help="An archive made by `gallery export`.")],
    gallery: opt.GalleryPath = None,
) -> None:
    """Add everything from an archive.

    All of it or, when something is wrong with the archive, nothing. What the gallery has already is left out.
    """
    with opt.open_gallery(gallery, create=True) as people:
        tally = people.import_(path)
    out.say(f"{out.count(tally.added, 'reference')} added, {tally.skipped} there already")
