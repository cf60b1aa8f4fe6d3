"""docs/architecture.md tells the ways of a face and of an enrolment function by function: these follow, and compare."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from facepipe import Gallery, Pipeline
from facepipe.cli import app

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| (\d+) \| .* \| (`.*`) \| (`facepipe/.*`) \|$", re.MULTILINE)


FACE, ENROLMENT = "The way of a face", "The way of an enrolment"


def told(heading: str) -> list[tuple[str, str]]:
    """(file, function) of each step, as the page has them below ``heading``."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    steps = []
    for _, functions, files in ROW.findall(text.partition(f"## {heading}\n")[2].partition("\n## ")[0]):
        names, paths = (re.findall(r"`([^`]+)`", column) for column in (functions, files))
        steps += [(path, name.rpartition(".")[2]) for path, name in zip(paths, names, strict=True)]
    return steps


@contextmanager
def followed() -> Iterator[list[tuple[str, str]]]:
    """Which functions of facepipe are called, each when it is called first."""
    seen: dict[tuple[str, str], None] = {}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "facepipe"):
            seen.setdefault((path.relative_to(ROOT).as_posix(), frame.f_code.co_name))

    called: list[tuple[str, str]] = []
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        called += seen


@pytest.fixture
def enrolled(home: Path, pipeline: Pipeline, samples: Path) -> None:
    with Gallery.open(home / "gallery.db", backbone=pipeline.backbone) as gallery:
        pipeline.enroll("Barack Obama", [samples / "obama.jpg"], gallery)


def expect_told(heading: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["facepipe", *words])
    with followed() as called, pytest.raises(SystemExit) as left:
        app.main()
    assert left.value.code in (None, 0)
    steps = told(heading)
    assert len(steps) > 8
    assert [step for step in steps if step not in called] == []
    assert sorted(steps, key=called.index) == steps


@pytest.mark.slow
@pytest.mark.usefixtures("enrolled")
def test_a_face_goes_where_the_page_says(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_told(FACE, ["identify", str(samples / "obama3.jpg")], monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("enrolled")
def test_an_enrolment_goes_where_the_page_says(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = [str(samples / name) for name in ("obama2.jpg", "obama3.jpg")]
    expect_told(ENROLMENT, ["enroll", "Barack Obama", *photos, "--gate"], monkeypatch)


def test_no_room_is_entered_twice() -> None:
    files = [file for file, _ in told(FACE)]
    assert 12 < len(files) <= 15
    assert len(set(files)) == len(files)
