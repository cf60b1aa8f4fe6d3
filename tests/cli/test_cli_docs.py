"""The examples of docs/cli.md, run from top to bottom in one folder: they print what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from cli_shell import ROOT, Run
from moving_portrait import FIVE, held, picture, video

from facepipe import Pipeline, folders

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run or from machine to machine: numbers with decimals (scores, seconds), places of faces to
# a pixel, dates, ids, sizes, folders
VARYING = [
    (r"-?\d+\.\d+", "N"),
    (r"\d+×\d+ px at \(\d+, \d+\)", "FACE"),
    (r"\d+ px", "SIZE"),
    (r"\d{4}-\d\d-\d\d(T[\d:]+|( \d\d:\d\d))?", "DATE"),
    (r"@?[0-9a-f]{16,64}\b", "ID"),
    (r"(bytes\t|_bytes\": )\d+", r"\1SIZE"),
    (r"[^\s\"]*/(?=(gallery|guests|embeddings)\.db|models/)", "DIR/"),
    (r"\+00:00", ""),
]


def examples() -> list[tuple[str, str]]:
    """(command line, output) of every ``$ facepipe …`` in the page."""
    found = []
    for block in BLOCK.findall((ROOT / "docs" / "cli.md").read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def settled(text: str) -> str:
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text)
    return text


def test_what_varies_is_left_out_and_nothing_else() -> None:
    assert settled("  Ada   0.974 ≥ 0.931   280×372 px at (635, 241)") == "  Ada   N ≥ N   FACE"
    assert settled("3 references, Ada") == "3 references, Ada"


def test_the_examples_print_what_the_page_says(
    run: Run, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "documented"
    shutil.copytree(folders.samples(), folder / "samples", ignore=shutil.ignore_patterns("*.md"))
    monkeypatch.chdir(folder)
    video(folder / "visit.avi", (picture("obama", pipeline, view) for view in held(FIVE)))
    (pairs,) = re.findall(r"^```csv\n(.*?)^```$", (ROOT / "docs" / "cli.md").read_text("utf-8"), re.M | re.S)
    (folder / "pairs.csv").write_text(pairs, "utf-8")
    assert len(examples()) > 15
    for command, expected in examples():
        program, *args = shlex.split(command)
        assert program == "facepipe"
        done = run(*args)
        shown = done.out + done.err + (f"exit code {done.code}\n" if done.code else "")
        assert settled(shown) == settled(expected), command
