"""The files of folders that are not read. The library's warning has counted them by kind; here each has its answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from facepipe.cli import output as out

if TYPE_CHECKING:
    from facepipe.sources import LeftOut


def tell(files: Iterable[LeftOut], batch: out.Batch, blank: dict[str, Any]) -> None:
    """The JSON of each, as of a failed input; those that may hold a picture are counted."""
    for file in files:
        batch.unread += file.matters
        if batch.as_json:
            out.line({"source": str(file.path), **blank, "error": str(file.error)})


def as_json(files: Iterable[LeftOut]) -> list[dict[str, str]]:
    """For commands whose JSON is one object."""
    return [{"source": str(file.path), "error": str(file.error)} for file in files]


def count(files: Sequence[LeftOut]) -> int:
    """How many may hold a picture."""
    return sum(file.matters for file in files)


def finish(files: Sequence[LeftOut]) -> None:
    """Leave the command with exit code 3 when one may hold a picture."""
    if count(files):
        raise typer.Exit(out.SOME_FAILED)
