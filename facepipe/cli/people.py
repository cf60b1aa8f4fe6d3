"""people: who is enrolled, and putting it right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.commands import typed
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.gallery import Gallery
    from facepipe.records import Reference

PNG = b"\x89PNG"
MINUTES = "%Y-%m-%d %H:%M UTC"

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="List, show, rename, merge and remove people.")


@app.command("list")
def list_people(gallery: opt.GalleryPath = None, as_json: opt.Json = False) -> None:
    """List everybody, with how many references (pictures) each has."""
    with opt.open_gallery(gallery) as people:
        rows = people.people()
    if as_json:
        for p in rows:
            out.line(p.to_dict())
    elif rows:
        cells = [(p.name, p.references, f"{p.last_enrolled:%Y-%m-%d}") for p in rows]
        out.table("People", ("name", "references", "last enrolled"), cells)
    else:
        out.say("nobody is enrolled")


@app.command()
def show(
    name: opt.PersonName,
    gallery: opt.GalleryPath = None,
    as_json: opt.Json = False,
    chips: Annotated[
        Path | None,
        typer.Option(
            "--chips", metavar="FOLDER", file_okay=False, help="Save the faces that are stored of them in this folder."
        ),
    ] = None,
) -> None:
    """Show one person's pictures (references): where each is from."""
    with opt.open_gallery(gallery) as people:
        references = people.references(name)
        if chips is not None:
            _write_chips(people, references, chips)
        waiting = 0 if references else people.info().left_out
    if waiting:
        out.say(
            f"{name}: no picture of the face is kept, so the change of network left it out; enrol again, or go back to"
            f" the network of before ({typed('gallery upgrade', people.path, '--back')})"
        )
    if as_json:
        for r in references:
            out.line(r.to_dict())
        return
    out.table(name, ("reference", "source", "face", "enrolled", "consent"), [_row(r) for r in references])


def _row(r: Reference) -> tuple[object, ...]:
    face = f"{r.quality.size:.0f} px" if r.quality else ""
    consent = f"{r.consent.given_at:{MINUTES}}: {r.consent.wording}" if r.consent else "none"
    return r.id, r.source, face, f"{r.enrolled_at:{MINUTES}}", consent


def _write_chips(people: Gallery, references: Sequence[Reference], folder: Path) -> None:
    """One picture per reference, named by its number: a person's name is never a path."""
    from facepipe.files import replacing

    out.ready(folder)
    chips = [(reference.id, people.thumbnail(reference.id)) for reference in references]
    stored = [(id, chip) for id, chip in chips if chip]
    for id, chip in stored:
        with replacing(folder / f"reference-{id}.{'png' if chip.startswith(PNG) else 'jpg'}") as stream:
            stream.write(chip)
    out.say(f"{out.count(len(stored), 'chip')} written to {folder}")


@app.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The name now.", autocompletion=opt.complete_people)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The name from now on.")],
    gallery: opt.GalleryPath = None,
) -> None:
    """Give a person another name."""
    from facepipe.gallery.names import clean_name

    with opt.open_gallery(gallery) as people:
        people.rename(old, new)
        name = clean_name(new)
        out.say(f"{old} is now {name}")
        remark_on_spelling([name], [person.name for person in people.people() if person.name != name])


def remark_on_spelling(names: Sequence[str], known: Sequence[str]) -> None:
    """Upper and lower case tell people apart, which is rarely meant."""
    spelled = {name.casefold(): name for name in known}
    for name in dict.fromkeys(names):
        other = spelled.setdefault(name.casefold(), name)
        if other != name and name not in known:
            out.say(f"{name} and {other} are two people; to make them one: facepipe people merge NAME INTO")


@app.command()
def merge(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Two or more people who are one; the last name stays.",
            autocompletion=opt.complete_people,
        ),
    ],
    gallery: opt.GalleryPath = None,
    yes: opt.Yes = False,
) -> None:
    """Put several people under the last one's name."""
    if len(names) < 2:
        raise UsageError("expected two names or more: facepipe people merge NAME... INTO")
    *sources, into = names
    with opt.open_gallery(gallery) as people:
        out.confirm(f"Merge {', '.join(sources)} into {into}? This cannot be undone.", yes)
        tally = people.merge(sources, into)
    out.say(f"{into}: {out.count(tally.added, 'reference')} added, {tally.skipped} of the same image left out")


@app.command()
def remove(name: opt.PersonName, gallery: opt.GalleryPath = None, yes: opt.Yes = False) -> None:
    """Delete a person and all their references."""
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
    """Delete one reference.

    With their last one the person goes too.
    """
    with opt.open_gallery(gallery) as people:
        held = people.reference(reference)
        out.confirm(f"Delete reference {reference} of {held.person} ({held.source})? This cannot be undone.", yes)
        people.remove_reference(reference)
    out.say(f"{held.person}: reference {reference} deleted")
