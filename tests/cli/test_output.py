"""What reaches the two streams, on a terminal and in a pipe."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from itertools import repeat

import pytest
import typer

from facepipe.batches import Done, Failed, Outcome
from facepipe.cli import output as out
from facepipe.errors import ImageNotFound


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal and keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), "utf-8", write_through=True)

    def isatty(self) -> bool:
        return True

    def text(self) -> str:
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined]


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal 60 columns wide in place of stdout and stderr; in a fixture pytest would take them back."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    return stream


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada Łukasz 李 עדה", "Ada Łukasz 李 עדה"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066", r"a\u202eb\u2066"),
        ("\udcff", r"\udcff"),
    ],
)
def test_printable_leaves_every_script_and_no_control(text: str, shown: str) -> None:
    assert out.printable(text) == shown


@pytest.mark.parametrize("text", ["Łukasz 李 🦄", "a\nb", "\udce9", 'quote"', "\u2028"])
def test_json_is_one_line_of_utf8_that_reads_back(text: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    out.line({"person": text})
    written = capsysbinary.readouterr().out
    assert written.count(b"\n") == 1
    assert json.loads(written.decode("utf-8")) == {"person": text}


def test_json_shows_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    out.line({"person": "Łukasz"})
    assert "Łukasz" in capsys.readouterr().out


def test_warnings_are_remarks_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    record = logging.LogRecord("facepipe", logging.WARNING, "", 1, "%s: animated", ("a\n\x1b[2J.gif",), None)
    out.Remarks().handle(record)
    assert capsys.readouterr() == ("", "a\\n\\x1b[2J.gif: animated\n")


def test_a_table_in_a_pipe_is_tab_separated_without_header(capsys: pytest.CaptureFixture[str]) -> None:
    out.table("Title", ("name", "what"), [("a\tb", 1), ("c\nd", None)])
    assert capsys.readouterr().out == "a\\tb\t1\nc\\nd\tNone\n"


def test_a_table_on_a_terminal_takes_no_name_for_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    out.table("[bold]Ada[/]", ("name", "what"), [("[/red]", "x" * 100), ("\x1b[2J", "short")])
    drawn = terminal.text()
    assert "[bold]Ada[/]" in drawn
    assert "[/red]" in drawn
    assert r"\x1b[2J" in drawn
    assert drawn.count("x") == 100 + 1  # folded, not cut; one is in \x1b
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in drawn.splitlines()) <= 60


def outcomes(*failed: bool) -> Iterator[Outcome[int]]:
    for number, bad in enumerate(failed):
        yield (Failed(f"{number}", ImageNotFound(f"{number}: gone")) if bad else Done(f"{number}", number))


@pytest.mark.parametrize(
    ("failed", "code", "total"),
    [
        ((False, False), None, ""),
        ((True, False), 3, "facepipe: 1 of 2 inputs failed\n"),
        ((True, True), 1, "facepipe: 2 of 2 inputs failed\n"),
        ((True,), 1, ""),
    ],
)
def test_a_batch_reports_counts_and_exits(
    failed: tuple[bool, ...], code: int | None, total: str, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = out.Batch(len(failed), "working", as_json=False)
    good = [outcome.value for outcome in batch.successes(outcomes(*failed), repeat({}))]
    assert good == [number for number, bad in enumerate(failed) if not bad]
    if code is None:
        batch.finish()
    else:
        with pytest.raises(typer.Exit) as left:
            batch.finish()
        assert left.value.exit_code == code
    complaints = "".join(f"facepipe: {number}: gone\n" for number, bad in enumerate(failed) if bad)
    assert capsys.readouterr() == ("", complaints + total)


def test_a_failure_in_json_has_the_blank_of_its_input(capsys: pytest.CaptureFixture[str]) -> None:
    batch = out.Batch(2, "working", as_json=True)
    blanks = [{"person": "Ada"}, {"person": "Ben"}]
    assert [outcome.source for outcome in batch.successes(outcomes(False, True), blanks)] == ["0"]
    assert json.loads(capsys.readouterr().out) == {"source": "1", "person": "Ben", "error": "1: gone"}


def test_the_bar_steps_aside_for_long_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the caller prints stays as it is: not wrapped by rich, not on the bar's own line."""
    terminal = open_terminal(monkeypatch)
    text = "word " * 40
    for number in out.progress(range(4), 4, "working"):
        typer.echo(f"{number} {text}")
    shown = terminal.text()
    for number in range(4):
        assert f"{number} {text}\n" in shown
    assert "working" in shown
    assert "3/4" in shown


def test_no_bar_in_a_pipe_or_for_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    assert list(out.progress(range(2), 2, "working")) == [0, 1]
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    assert list(out.progress(range(9), 9, "working")) == list(range(9))
    assert terminal.text() == ""


def test_the_download_bar_shows_file_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with out.download_bar() as report:
        assert report is not None
        report("[x].pt", 500, 1000)
        report("[x].pt", 1000, 1000)
    assert "[x].pt" in terminal.text()
    assert "1.0/1.0 kB" in terminal.text()


def test_no_download_bar_in_a_pipe() -> None:
    with out.download_bar() as report:
        assert report is None


def test_the_ticker_steps_aside_for_other_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    ticker = out.Ticker(shown=True)
    ticker.tell("0:01.0  30 frames a second")
    ticker.step_aside()
    before = terminal.text()
    assert "0:01.0  30 frames a second" in before
    typer.echo("Ada")
    assert terminal.text() == f"{before}Ada\n"
    ticker.tell("0:02.0  31 frames a second")
    ticker.step_aside()
    assert "0:02.0  31 frames a second" in terminal.text()


def test_no_ticker_in_a_pipe_or_when_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    out.Ticker(shown=False).tell("0:01.0")
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    out.Ticker(shown=True).tell("0:01.0")
    assert terminal.text() == ""
