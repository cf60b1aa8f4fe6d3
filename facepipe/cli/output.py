"""What the shell prints: results on stdout, as text or as JSON lines; progress, remarks and failures on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from facepipe import words
from facepipe.cli.hints import in_shell
from facepipe.errors import UsageError, WriteFailed
from facepipe.words import count as count
from facepipe.words import printable as printable

if TYPE_CHECKING:
    import rich.progress

    from facepipe.batches import Done, Failed, Outcome
    from facepipe.progress import Progress
    from facepipe.records import Identification

T = TypeVar("T")
_PAGE = b"<!doctype html"
SOME_FAILED = 3
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
WORTH_A_BAR = 3  # fewer inputs than this are done before a bar is drawn


def line(record: dict[str, Any]) -> None:
    """One JSON object on one line of stdout, in UTF-8 whatever the terminal's encoding.

    A lone surrogate (a byte of a file name that is not UTF-8) becomes ``\\udcXX``, which is how JSON writes one.
    """
    typer.echo(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace"))


def say(text: str) -> None:
    """A remark for the person at the terminal: one line on stderr."""
    typer.echo(printable(text), err=True)


def complain(text: str) -> None:
    """What went wrong: one line on stderr."""
    say(f"facepipe: {in_shell(text)}")


class Remarks(logging.Handler):
    """The library's warnings, as remarks: above the progress bar, and unable to repaint the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


def progress(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """The items, with a bar on stderr when it is a terminal and there are several."""
    if total < WORTH_A_BAR or not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    with _bar(TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            bar.stop()  # it steps aside while the caller prints: rich would break long lines
            yield item
            bar.advance(task)
            bar.start()


@contextmanager
def download_bar() -> Iterator[Progress | None]:
    """What ``weights.pull`` reports to: a bar on stderr when it is a terminal, else None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with _bar(*columns) as bar:
        tasks: dict[str, Any] = {}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(printable(name), total=total or None)
            bar.update(tasks[name], completed=done)

        yield report


@contextmanager
def steps() -> Iterator[Progress | None]:
    """What a long computation of named steps reports to: one bar on stderr when it is a terminal, else None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    with _bar(TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn()) as bar:
        task = bar.add_task("loading", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


class Ticker:
    """One line on stderr that goes on changing, when it is a terminal. It steps aside while other lines are printed."""

    def __init__(self, shown: bool) -> None:
        self._bar: rich.progress.Progress | None = None
        if shown and sys.stderr.isatty():
            from rich.progress import SpinnerColumn, TextColumn

            self._bar = _bar(SpinnerColumn(), TextColumn("{task.description}", markup=False))
            self._task = self._bar.add_task("")

    def tell(self, text: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, description=text)
            self._bar.start()

    def step_aside(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(*columns: rich.progress.ProgressColumn) -> rich.progress.Progress:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)


class Batch:
    """The inputs of one command. Failures are reported as they come, and decide the exit code in ``finish``, with
    files of folders that were ``unread`` although they may hold a picture."""

    def __init__(self, total: int, label: str, as_json: bool) -> None:
        self.total, self.label, self.as_json = total, label, as_json
        self.failed = self.unread = 0

    def successes(
        self,
        outcomes: Iterable[Outcome[T]],
        blanks: Iterable[dict[str, Any]],
        complaint: Callable[[Failed], str] = lambda failed: str(failed.error),
    ) -> Iterator[Done[T]]:
        """Those that went well. ``blanks``: for each input, what a failure's JSON has beside source and error;
        ``complaint``: what is said of a failure else, "" for nothing."""
        from facepipe.batches import Failed

        for outcome, blank in progress(zip(outcomes, blanks, strict=False), self.total, self.label):
            if not isinstance(outcome, Failed):
                yield outcome
                continue
            self.failed += 1
            if self.as_json:
                line({"source": outcome.source, **blank, "error": str(outcome.error)})
            elif said := complaint(outcome):
                complain(said)

    def finish(self) -> None:
        """Leave the command when any input failed, or is unread: exit code 3, or 1 when all did."""
        if (self.failed or self.unread) and self.total + self.unread > 1:
            complain(failures(self.failed, self.total, "inputs", self.unread))
        if self.failed or self.unread:
            raise typer.Exit(1 if self.failed == self.total else SOME_FAILED)


def failures(failed: int, total: int, things: str, unread: int) -> str:
    """How many ``failed`` of all that were read, and how many files of folders were ``unread``."""
    some = f"{failed} of {total} {things} failed" if failed else ""
    more = f"{count(unread, 'file')} left out may hold {'a picture' if unread == 1 else 'pictures'}" if unread else ""
    return "; ".join(filter(None, (some, more)))


def identified_text(face: Identification) -> str:
    """Who it is and how sure that is, where; at the end the score against the threshold."""
    where, guess = words.place(face.detection.box), face.guess
    if guess is None:
        return f"{'unknown; nobody is enrolled':30}  {where}"
    who = printable(words.who(face.name, guess))
    return f"{who:30}  {where:26}  {words.against(guess.score, face.threshold)}"


def candidates_text(face: Identification) -> list[str]:
    return [f"{c.rank:>8}. {printable(words.who(c.person, c)):50}  {c.score:.3f}" for c in face.candidates]


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout: drawn on a terminal, tab-separated without title and header when piped."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # as a string, a name with [brackets] would be taken for markup

    drawn = Table(title=Text(printable(title), "bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        drawn.add_column(Text(name), overflow="fold", no_wrap=number == 0)
    for row in cells:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)


def confirm(question: str, yes: bool) -> None:
    """Ask before something that cannot be undone. Raises UsageError where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody is at the terminal to answer: add --yes")
    typer.confirm(printable(question), abort=True, err=True)


def finish_measuring(
    remarks: Sequence[str], kept: Path | None, failed: Sequence[str], images: int, unread: int = 0
) -> None:
    """What is said on stderr after the results: ``remarks``, where new embeddings are ``kept``, which of the ``images``
    ``failed``; when there are such, or ``unread`` files, leave the command with exit code 3."""
    for remark in remarks:
        say(remark)
    if kept is not None:
        say(f"embeddings, which are biometric data, are kept in {kept}; delete it when you are done")
    for failure in failed:
        complain(failure)
    if failed or unread:
        complain(failures(len(failed), images, "images", unread))
        raise typer.Exit(SOME_FAILED)


def expect_page(path: Path) -> None:
    """Raises UsageError where there is something else already: a gallery, a photo, the list of pairs, a device."""
    if path.exists() and not path.is_dir() and not (path.is_file() and _begins(path, _PAGE)):
        raise UsageError(f"{path}: this file is there and is not a page, so it was left as it is; name another")


def _begins(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)).lower() == mark


def ready(folder: Path) -> None:
    """Make ``folder`` before the work starts rather than fail after it. Raises WriteFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteFailed(f"{folder}: cannot be made: {error.strerror}; name another folder") from None
    if not os.access(folder, os.W_OK):
        raise WriteFailed(f"{folder}: no permission to write there; name another folder")
