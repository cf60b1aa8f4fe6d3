"""gallery: the file as a whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli.upgrade import upgrade

if TYPE_CHECKING:
    from facepipe.doctor import Diagnosis, Finding, Pictured

MOST_ADVICE = 10  # lines of a kind that is only advice; --json has all

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Inspect, check, back up and restore a gallery.")
app.command("upgrade")(upgrade)


@app.command()
def info(gallery: opt.GalleryPath = None, as_json: opt.Json = False) -> None:
    """Show where the gallery is, what it holds, what decides.

    What decides is the threshold: the score from which on a face gets a name. With it goes where it comes from, and
    how often a stranger gets a name.
    """
    from facepipe.gallery.thresholds import in_force

    with opt.open_gallery(gallery) as people:
        facts = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(people.info()).items()}
        limit = in_force(people)
    if as_json:
        out.line(facts | {"threshold": None if limit is None else limit.as_dict()})
    else:
        rows = facts | {"threshold": None if limit is None else f"{limit.threshold:.4f}: {limit.reason}"}
        named = [(key.replace("_", " "), "none yet" if value is None else value) for key, value in rows.items()]
        out.table("Gallery", ("what", "value"), named)


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
def doctor(
    gallery: opt.GalleryPath = None,
    as_json: opt.Json = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", dir_okay=False, help="Write a page with the pictures side by side."),
    ] = None,
) -> None:
    """Look for wrong labels, second names, and poor pictures.

    Each finding comes with the command that mends it; nothing is changed. Exit code 1 when something looks wrong.
    """
    from facepipe.doctor import examine, page

    if html is not None:
        out.expect_page(html)
    with opt.open_gallery(gallery) as people, out.steps() as report:
        found = examine(people, report=report)
        if html is not None:
            from facepipe.page.page import save_page

            save_page(page.render(found, people, gallery), html)
    if as_json:
        for finding in found.findings:
            out.line(_finding_json(finding, gallery))
    else:
        _print_findings(found, gallery)
    if html is not None:
        out.say(f"the pictures are in {html}")
    if not found.sound:
        raise typer.Exit(1)


def _print_findings(found: Diagnosis, gallery: Path | None) -> None:
    """The kinds, most important first, each with what it means; of each finding what it is, and the command."""
    from itertools import groupby

    from facepipe.doctor.remedy import command
    from facepipe.doctor.words import ADVICE, TITLES, sentence, summary

    typer.echo(out.printable(summary(found).en))
    for kind, rows in groupby(found.findings, lambda finding: finding.kind):
        several = list(rows)
        shown = several[:MOST_ADVICE] if kind.advice else several
        typer.echo(f"\n{TITLES[kind].en} ({len(several)})\n{ADVICE[kind].en}")
        for finding in shown:
            typer.echo(f"  {out.printable(sentence(finding).en)}\n    {command(finding.remedy, gallery)}")
        if len(several) > len(shown):
            typer.echo(f"  and {len(several) - len(shown)} more; --json lists all")
    if not found.findings:
        typer.echo("nothing looks wrong")


def _finding_json(finding: Finding, gallery: Path | None) -> dict[str, Any]:
    from facepipe.doctor.remedy import command

    figures = {name: getattr(finding, name) for name in ("sure", "score", "own")}
    return {
        "kind": finding.kind.value,
        "advice": finding.kind.advice,
        "person": finding.person,
        "references": [_pictured_json(reference) for reference in finding.references],
        "other": finding.other,
        "beside": [_pictured_json(reference) for reference in finding.beside],
        **{name: None if value is None else round(value, 4) for name, value in figures.items()},
        "reasons": list(finding.reasons),
        "command": command(finding.remedy, gallery),
    }


def _pictured_json(reference: Pictured) -> dict[str, Any]:
    return {"reference": reference.id, "person": reference.person, "source": reference.source}


@app.command()
def rebuild(gallery: opt.GalleryPath = None) -> None:
    """Rebuild the search index from the record."""
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
        if people.calibration is not None:
            out.say("its calibration is not in it; calibrate the gallery that it is imported into")


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
