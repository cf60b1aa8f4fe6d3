"""The examples of docs/cli.md, run from top to bottom in one folder: they print what the page says.

With FACEPIPE_WRITE_DOCS=1 what they print now is written into the page, where it says something else.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_shell import ROOT, Run
from moving_portrait import FIVE, held, picture, video

from facepipe import Pipeline, folders

PAGE = ROOT / "docs" / "cli.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run or from machine to machine: seconds, speed, dates, ids, sizes of files, folders
VARYING = [
    r"(?m)(?<=^load\t)[\d.]+|(?<=^enroll\t)[\d.]+|(?<=^identify\t)[\d.]+|(?<=^verify\t)[\d.]+|(?<=^in all\t)[\d.]+",
    r"[\d.]+(?= a second)",
    r"\d{4}-\d\d-\d\d(?:T[\d:.]+(?:\+00:00)?| \d\d:\d\d)?",
    r"@?\b[0-9a-f]{16,64}\b",
    r"(?<=bytes\t)\d+|(?<=_bytes\": )\d+",
    r"[^\s\"]*/(?=(?:gallery|guests|embeddings|old)\.db|models/)",
]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# What is measured differs a little from processor to processor: scores, and places of faces in px
SCORE, PIXELS = 0.005, 4


def examples() -> list[tuple[str, str]]:
    """(command line, output) of every ``$ facepipe …`` in the page."""
    found = []
    for block in BLOCK.findall(PAGE.read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def settled(text: str) -> str:
    """The text without what varies; numbers that are measured have a point, those that are counted have none."""
    for pattern in VARYING:
        text = re.sub(pattern, "VARIES", text)
    text = re.sub(r"(\d+)×(\d+) px at \((\d+), (\d+)\)", r"\1.0×\2.0 px at (\3.0, \4.0)", text)
    return re.sub(r"\b(\d+) px", r"\1.0 px", text)


def alike(shown: str, expected: str) -> bool:
    shown, expected = settled(shown), settled(expected)
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(expected), strict=False)
    return NUMBER.sub("#", shown) == NUMBER.sub("#", expected) and all(_near(*pair) for pair in pairs)


def _near(a: str, b: str) -> bool:
    if "." not in a + b:
        return a == b
    return abs(float(a) - float(b)) <= (SCORE if abs(float(b)) <= 1 else PIXELS)


def as_before(shown: str, expected: str) -> str:
    """``shown`` with what varies as it is in ``expected``, where both have as many of it."""
    for pattern in VARYING:
        before = re.findall(pattern, expected)
        if len(before) == len(re.findall(pattern, shown)):
            again: Iterator[str] = iter(before)
            shown = re.sub(pattern, lambda _, again=again: next(again), shown)  # type: ignore[misc]
    return shown


@pytest.mark.parametrize(
    ("shown", "expected", "same"),
    [
        ("  Ada   0.974 ≥ 0.931   280×372 px at (635, 241)", "  Ada   0.975 ≥ 0.931   281×370 px at (635, 241)", True),
        ("  Ada   0.974 ≥ 0.931   280×372 px at (635, 241)", "  Ada   0.974 ≥ 0.931   222×324 px at (635, 241)", False),
        ("  Ada   0.974 ≥ 0.931", "  Ada   0.984 ≥ 0.931", False),
        ("3 references, Ada", "4 references, Ada", False),
        ("3 references, Ada", "3 references, Ben", False),
        ("load\t3.34\tdetector", "load\t9.99\tdetector", True),
        ('"box": [377.96, 80.36]', '"box": [376.11, 80.36]', True),
        ("2026-01-02 10:11 UTC", "2026-11-12 01:00 UTC", True),
    ],
)
def test_only_what_varies_may_differ_and_what_is_measured_a_little(shown: str, expected: str, same: bool) -> None:
    assert alike(shown, expected) is same


def test_what_varies_stays_as_it_was_in_the_page() -> None:
    assert (
        as_before("/tmp/x/gallery.db: 4 of 2026-01-02", "~/gallery.db: 3 of 2025-01-01")
        == "~/gallery.db: 4 of 2025-01-01"
    )


def test_the_examples_print_what_the_page_says(
    run: Run, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "documented"
    shutil.copytree(folders.samples(), folder / "samples", ignore=shutil.ignore_patterns("*.md"))
    monkeypatch.chdir(folder)
    video(folder / "visit.avi", (picture("obama", pipeline, view) for view in held(FIVE)))
    page = PAGE.read_text("utf-8")
    (pairs,) = re.findall(r"^```csv\n(.*?)^```$", page, re.M | re.S)
    (folder / "pairs.csv").write_text(pairs, "utf-8")
    assert len(examples()) > 15
    different: list[tuple[str, str, str]] = []
    for command, expected in examples():
        program, *args = shlex.split(command)
        assert program == "facepipe"
        done = run(*args)
        shown = done.out + done.err + (f"exit code {done.code}\n" if done.code else "")
        if not alike(shown, expected):
            different.append((command, as_before(shown, expected), expected))
    if os.environ.get("FACEPIPE_WRITE_DOCS"):
        for command, shown, expected in different:
            page = page.replace(f"$ {command}\n{expected}", f"$ {command}\n{shown}", 1)
        PAGE.write_text(page, "utf-8")
    for command, shown, expected in different:
        assert shown == expected, command
