"""people: who is enrolled, and putting it right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, rename, merge and remove people.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The person's name.")]


@app.command("list")
def list_people(gallery: opt.GalleryPath = None, as_json: opt.Json = False) -> None:
    """Everybody, with how many references they have."""
    with opt.open_gallery(gallery) as people:
        rows = people.people()
    if as_json:
        for p in rows:
            out.line({"person": p.name, "references": p.references, "last_enrolled": p.last_enrolled.isoformat()})
        return
    out.table("People", ("name", "references", "last enrolled"), [(p.name, p.references, _day(p)) for p in rows])


def _day(person: object) -> str:
    return f"{person.last_enrolled:%Y-%m-%d}"  # type: ignore[attr-defined]


@app.command()
def show(
    name: Name,
    gallery: opt.GalleryPath = None,
    as_json: opt.Json = False,
    chips: Annotated[Path | None, typer.Option("--chips", help="Write the stored chips into this folder.")] = None,
) -> None:
    """One person's references: where each came from and how well the face was seen."""
    with opt.open_gallery(gallery) as people:
        references = people.references(name)
        if chips is not None:
            from facepipe.files import replacing

            for reference in references:
                if thumbnail := people.thumbnail(reference.id):
                    with replacing(chips / f"reference-{reference.id}.jpg") as stream:
                        stream.write(thumbnail)
    if as_json:
        for r in references:
            quality = None if r.quality is None else {"size": r.quality.size, "sharpness": r.quality.sharpness}
            enrolled = r.enrolled_at.isoformat()
            out.line({"reference": r.id, "source": r.source, "enrolled_at": enrolled, "quality": quality})
        return
    rows = [
        (r.id, r.source, f"{r.quality.size:.0f} px" if r.quality else "", f"{r.enrolled_at:%Y-%m-%d %H:%M} UTC")
        for r in references
    ]
    out.table(name, ("reference", "source", "face", "enrolled"), rows)


@app.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The name now.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name from now on.")],
    gallery: opt.GalleryPath = None,
) -> None:
    """Give a person another name."""
    with opt.open_gallery(gallery) as people:
        people.rename(old, new)
    out.say(f"{old} is now {new}")


@app.command()
def merge(
    names: Annotated[list[str], typer.Argument(metavar="NAME... INTO", help="Who to merge, and last into whom.")],
    gallery: opt.GalleryPath = None,
    yes: opt.Yes = False,
) -> None:
    """Put the references of several people under the last one's name: they are one person."""
    if len(names) < 2:
        raise typer.BadParameter("expected at least two names: facepipe people merge NAME... INTO")
    *sources, into = names
    with opt.open_gallery(gallery) as people:
        out.confirm(f"Merge {', '.join(sources)} into {into}? This cannot be undone.", yes)
        tally = people.merge(sources, into)
    out.say(f"{into}: {tally.added} references added, {tally.skipped} of the same image left out")


@app.command()
def remove(name: Name, gallery: opt.GalleryPath = None, yes: opt.Yes = False) -> None:
    """Delete a person and every reference of theirs."""
    with opt.open_gallery(gallery) as people:
        held = len(people.references(name))
        out.confirm(f"Delete {name} and {out.count(held, 'reference')}? This cannot be undone.", yes)
        removed = people.remove(name)
    out.say(f"{name}: {out.count(removed, 'reference')} deleted")


@app.command("remove-reference")
def remove_reference(
    reference: Annotated[int, typer.Argument(metavar="ID", help="The reference's number, from `people show`.")],
    gallery: opt.GalleryPath = None,
    yes: opt.Yes = False,
) -> None:
    """Delete one reference; with their last one a person goes too."""
    with opt.open_gallery(gallery) as people:
        held = people.reference(reference)
        out.confirm(f"Delete reference {reference} of {held.person} ({held.source})?", yes)
        people.remove_reference(reference)
    out.say(f"{held.person}: reference {reference} deleted")
