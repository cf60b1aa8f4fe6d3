"""The examples of docs/cli.md, run from top to bottom in one folder: they print what the page says.

With FACEPIPE_WRITE_DOCS=1 what they print now is written into the page, where it says something else.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from facepipe import Pipeline, folders
from tests.cli.cli_shell import ROOT, Run
from tests.cli.documented import alike, as_before, examples, write
from tests.moving_portrait import FIVE, held, picture, video

PAGE = ROOT / "docs" / "cli.md"


@pytest.mark.parametrize(
    ("shown", "expected", "same"),
    [
        ("  Ada   0.974 ≥ 0.931   280×372 px at (635, 241)", "  Ada   0.975 ≥ 0.931   281×370 px at (635, 241)", True),
        ("  Ada   0.974 ≥ 0.931   280×372 px at (635, 241)", "  Ada   0.974 ≥ 0.931   222×324 px at (635, 241)", False),
        ("  Ada   0.974 ≥ 0.931", "  Ada   0.984 ≥ 0.931", False),
        ("3 references, Ada", "4 references, Ada", False),
        ("3 references, Ada", "3 references, Ben", False),
        ("load\t3.34\tdetector", "load\t9.99\tdetector", True),
        ("Ada, 40 % likely", "Ada, 42 % likely", True),
        ("Ada, 40 % likely", "Ada, 60 % likely", False),
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
    (pairs,) = re.findall(r"^```csv\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    (folder / "pairs.csv").write_text(pairs, "utf-8")
    assert len(examples(PAGE)) > 15
    different: list[tuple[str, str, str]] = []
    for command, expected in examples(PAGE):
        program, *args = shlex.split(command)
        assert program == "facepipe"
        done = run(*args)
        shown = done.out + done.err + (f"exit code {done.code}\n" if done.code else "")
        if not alike(shown, expected):
            different.append((command, as_before(shown, expected), expected))
    if os.environ.get("FACEPIPE_WRITE_DOCS"):
        for command, shown, expected in different:
            write(PAGE, command, shown, expected)
    for command, shown, expected in different:
        assert shown == expected, command
