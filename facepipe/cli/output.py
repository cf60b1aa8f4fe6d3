"""What the shell prints: results on stdout, as text or as JSON lines; progress and failures on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from facepipe.records import Detection, Identification
    from facepipe.stream import Outcome

T = TypeVar("T")
SOME_FAILED = 3
WORTH_A_BAR = 3  # fewer inputs than this are done before a bar is drawn


def line(record: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    typer.echo(json.dumps(record, ensure_ascii=False))


def say(text: str) -> None:
    """A remark for the person at the terminal, on stderr."""
    typer.echo(printable(text), err=True)


def printable(text: str) -> str:
    """The text with control and direction-changing characters shown as escapes: names cannot repaint a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def progress(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """The items, with a bar on stderr when it is a terminal and there are several."""
    if total < WORTH_A_BAR or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            yield item
            bar.advance(task)


def successes(
    outcomes: Iterable[Outcome[T]], total: int, label: str, as_json: bool, **blank: Any
) -> Iterator[Outcome[T]]:
    """Those that went well, with a progress bar; the others are reported, with ``blank`` fields in their JSON.

    Leaves the command at the end when any failed: exit code 3, or 1 when all did.
    """
    failed = 0
    for outcome in progress(outcomes, total, label):
        if outcome.error is None:
            yield outcome
            continue
        failed += 1
        if as_json:
            line({"source": outcome.source, **blank, "error": str(outcome.error)})
        else:
            say(f"facepipe: {outcome.error}")
    if failed and total > 1:
        say(f"facepipe: {failed} of {total} inputs failed")
    if failed:
        raise typer.Exit(1 if failed == total else SOME_FAILED)


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def detection_json(face: Detection) -> dict[str, Any]:
    """``box`` and ``landmarks`` in image px, rounded to a hundredth; ``score`` 0..1."""
    return {
        "box": _rounded(face.box, 2),
        "score": round(face.score, 4),
        "landmarks": [_rounded(point, 2) for point in face.landmarks],
    }


def identified_json(face: Identification) -> dict[str, Any]:
    return {
        **detection_json(face.detection),
        "name": face.name,
        "threshold": round(face.threshold, 4),
        "candidates": [{"person": c.person, "score": round(c.score, 4), "rank": c.rank} for c in face.candidates],
    }


def detection_text(face: Detection) -> str:
    x0, y0, x1, y1 = (round(float(v)) for v in face.box)
    return f"{x1 - x0}×{y1 - y0} px at ({x0}, {y0})"


def identified_text(face: Identification) -> str:
    """The name with its score against the threshold; of a stranger only how near the nearest came."""
    where = detection_text(face.detection)
    if not face.candidates:
        return f"{'unknown':24} nobody is enrolled            {where}"
    best = face.candidates[0]
    sign = "≥" if face.name is not None else "<"
    return f"{printable(face.name or 'unknown'):24} {best.score:.3f} {sign} {face.threshold:.3f}   {where}"


def candidates_text(face: Identification) -> list[str]:
    return [f"    {c.rank}. {printable(c.person):22} {c.score:.3f}" for c in face.candidates]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout: drawn on a terminal, tab-separated when piped."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title, title_justify="left")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be undone; where nobody can answer, --yes is needed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter(f"{question} Nobody is there to answer: add --yes")
    typer.confirm(printable(question), abort=True)


def unused(folder: Path, stem: str, suffix: str) -> Path:
    """A path in ``folder`` that no file has yet: stem.suffix, stem-2.suffix, …"""
    path, number = folder / f"{stem}{suffix}", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}{suffix}", number + 1
    return path


def _rounded(values: Iterable[Any], digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]
