"""gallery upgrade: another network for the gallery, without the photos."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.commands import typed
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.gallery import Gallery
    from facepipe.pipeline import Pipeline
    from facepipe.upgrade import Comparison, PersonErrors, Unmade

Done = tuple[dict[str, Any], list[str]]  # the record for --json, and what is said of it
MOST_PEOPLE = 10  # of each kind that are named; --json has all

To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        metavar="FILE",
        dir_okay=False,
        help="Write the changed gallery to another file, and leave this one as it is.",
    ),
]
LeaveOut = Annotated[bool, typer.Option("--leave-out", help="Go on without the references that cannot be made again.")]


def upgrade(
    gallery: opt.GalleryPath = None,
    backbone: opt.BackboneName = opt.BACKBONE,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    apply: Annotated[bool, typer.Option("--apply", help="Change the gallery; --back undoes it.")] = False,
    to: To = None,
    commit: Annotated[
        bool, typer.Option("--commit", help="Keep the change for good, and delete what was before.")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="Go back to what was before the change.")] = False,
    leave_out: LeaveOut = False,
    yes: opt.Yes = False,
    as_json: opt.Json = False,
) -> None:
    """Change to another network, without the photos.

    Shows what that would change for the people who are enrolled; --apply does it. All references are made again from
    the small pictures that are kept of the faces. What was before is kept as well, until --commit or --back.
    """
    chosen = [name for name, given in _ways(apply, to, commit, back).items() if given]
    if len(chosen) > 1:
        raise UsageError(f"expected one of --apply, --to, --commit and --back, got {' and '.join(chosen)}")
    with opt.open_gallery(gallery) as people:
        if commit:
            found, said = _commit(people, yes)
        elif back:
            found, said = _go_back(people, weights, device, leave_out)
        else:
            _expect_possible(people, apply, to)
            pipe = opt.open_pipeline(backbone, weights, device)
            wish = _Wish(apply, to, leave_out, _named(backbone, weights), shown=not as_json)
            found, said = _change(people, pipe, wish)
        if as_json:
            out.line({"gallery": str(to or people.path), **found})
    for remark in said:
        out.say(remark)


def _ways(apply: bool, to: Path | None, commit: bool, back: bool) -> dict[str, bool]:
    return {"--apply": apply, "--to": to is not None, "--commit": commit, "--back": back}


@dataclass(frozen=True)
class _Wish:
    """What is asked for. ``network``: the options that name the new one; ``shown``: as text, what would change."""

    apply: bool
    to: Path | None
    leave_out: bool
    network: tuple[str, ...]
    shown: bool


def _named(backbone: str, weights: Path | None) -> tuple[str, ...]:
    network = () if backbone == opt.BACKBONE else ("--backbone", backbone)
    return (*network, *(("--weights", str(weights)) if weights else ()))


def _expect_possible(people: Gallery, apply: bool, to: Path | None) -> None:
    """Raises before anything is computed."""
    from facepipe.upgrade import expect_free

    if to is not None:
        expect_free(to)
    if apply or to is not None:
        people.expect_settled()
    if apply and people.backbone is not None:
        people.expect_writable(people.backbone)


def _change(people: Gallery, pipe: Pipeline, wish: _Wish) -> Done:
    """Show what would change, and do it where that is asked for."""
    from facepipe.upgrade import Upgrade

    calibrated = people.calibration is not None
    with out.steps() as step:
        change = Upgrade(people, pipe, step) if step else Upgrade(people, pipe)
        found = change.compare()
        if wish.shown:
            _print(found)
        changed = None
        if wish.apply:
            changed = change.apply(leave_out=wish.leave_out)
        elif wish.to is not None:
            changed = change.write(wish.to, leave_out=wish.leave_out)
    record = asdict(found) | {"changed": changed}
    if changed is None:
        return record, [f"nothing was changed; {_how(people, found, wish)}"]
    if wish.to is not None:
        return record, [f"{out.count(changed, 'reference')} of {_name(found.after)} written to {wish.to}"]
    said = [
        f"{people.path}: {out.count(changed, 'reference')} changed to {_name(found.after)}",
        f"now {_settle(people)}",
    ]
    if calibrated:
        said.append("the calibration was for the network of before and returns with it; for this one calibrate again")
    return record, said


def _how(people: Gallery, found: Comparison, wish: _Wish) -> str:
    """How to go on after looking."""
    if people.former is not None:
        return f"first {_settle(people)}"
    if not found.made:
        return "no reference can be made anew: enrol everybody again"
    without = ["--leave-out"] if found.unmade else []
    return f"to change it: {typed('gallery upgrade', people.path, *wish.network, '--apply', *without)}"


def _settle(people: Gallery) -> str:
    keep, back = (typed("gallery upgrade", people.path, way) for way in ("--commit", "--back"))
    return f"keep the change ({keep}), or return ({back})"


def _commit(people: Gallery, yes: bool) -> Done:
    from facepipe.upgrade import commit

    info = people.info()
    if info.changed_from is not None:
        without = f" and {out.count(info.left_out, 'reference')} that could not be made anew" if info.left_out else ""
        out.confirm(f"Delete what was of {_name(info.changed_from)}{without}? This cannot be undone.", yes)
    deleted = commit(people)
    return {"deleted": deleted}, [f"{people.path}: holds templates of {_name(str(info.backbone))} only"]


def _go_back(people: Gallery, weights: Path | None, device: str, leave_out: bool) -> Done:
    from facepipe.upgrade import go_back

    former = people.former
    with out.steps() as step:
        pipe = None
        if former is not None and people.roll(since_change=True):
            pipe = opt.open_pipeline(_name(former), weights, device)
        count, new = go_back(people, pipe, leave_out=leave_out, **({"report": step} if step else {}))
    since = f", {new} of those enrolled since made anew" if new else ""
    said = f"{people.path}: {out.count(count, 'reference')} of {_name(str(former))} again{since}"
    return {"references": count, "made": new}, [said]


def _print(found: Comparison) -> None:
    old, new = _name(found.before), _name(found.after)
    everybody = out.count(found.people, "person") if found.people == 1 else f"{found.people} people"
    _say(f"From {old} to {new}: {found.made} of {out.count(found.references, 'reference')} of {everybody}.")
    for one in found.unmade[:MOST_PEOPLE]:
        _say(f"  {one.person}: {_unmade(one)} cannot be made anew: no picture of it shows a face; enrol again")
    _more(len(found.unmade))
    if found.judged_by is None:
        _say("What that changes cannot be measured: it takes several people, and two references of one.")
        return
    by = "measured on these" if found.judged_by == "gallery" else "as the cards say: these are too few to measure it"
    _say(f"Missed, of {out.count(found.pairs, 'pair')} of one person, at the same false match rate ({by}):")
    rows = [(f"FMR {one.fmr}", f"{one.before:.1%}", f"{one.after:.1%}") for one in found.errors]
    out.table("Missed", ("rate", old, new), rows)
    _say(_verdict(found))
    for what, changed in (("gain", found.gains), ("lose", found.loses)):
        _say(f"{what.capitalize()}, in comparisons that go wrong at FMR {found.fmr}: {_changed(changed)}")


def _verdict(found: Comparison) -> str:
    """What the errors come to, where they differ by more than chance would have them: about twice the root of their
    number, as counts do."""
    (before, after), fmr = next(((e.before, e.after), e.fmr) for e in found.errors if e.fmr == found.fmr)
    old, new = round(before * found.pairs), round(after * found.pairs)
    if abs(new - old) <= 2 * math.sqrt(new + old):
        return f"At FMR {fmr} both do about as well on these people."
    said = "better" if new < old else "worse"
    return f"At FMR {fmr} it does {said} on these people: {new} pairs are missed instead of {old}."


def _changed(people: tuple[PersonErrors, ...]) -> str:
    if not people:
        return "nobody"
    named = ", ".join(f"{one.person} ({one.before} → {one.after})" for one in people[:MOST_PEOPLE])
    named += f" and {len(people) - MOST_PEOPLE} more" if len(people) > MOST_PEOPLE else ""
    if len(people) == 1:
        return named
    before, after = (sum(getattr(one, when) for one in people) for when in ("before", "after"))
    return f"{len(people)} people ({before} → {after}), most {named}"


def _unmade(one: Unmade) -> str:
    return f"reference{'s' * (len(one.references) > 1)} {', '.join(map(str, one.references))}"


def _more(count: int) -> None:
    if count > MOST_PEOPLE:
        _say(f"  and of {count - MOST_PEOPLE} more people; --json names all")


def _say(line: str) -> None:
    typer.echo(out.printable(line))


def _name(backbone: str) -> str:
    from facepipe.networks.cards import network_name

    return network_name(backbone)
