"""Whatever a command writes that shows a face, or from which one could be known again, is its owner's alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from facepipe import Pipeline
from tests.cli.cli_shell import Run
from tests.moving_portrait import FIVE, held, picture, video


@pytest.fixture
def albums(here: Path, pipeline: Pipeline) -> None:
    video(here / "visit.avi", [picture("obama", pipeline, view) for view in held(FIVE)])
    for person, photo in (("Ada", "obama"), ("Ada", "obama2"), ("Joe", "biden"), ("Eileen", "stranger")):
        (here / "albums" / person).mkdir(parents=True, exist_ok=True)
        shutil.copy(here / f"{photo}.jpg", here / "albums" / person)


@pytest.mark.usefixtures("albums")
@pytest.mark.parametrize(
    ("command", "written"),
    [
        (["inspect", "biden.jpg", "--views", "kernel", "-o", "made/page.html", "--png", "made"], 3),
        (["inspect", "biden.jpg", "--layers", "fc", "--dump", "made/faces.npz"], 1),
        (["inspect", "biden.jpg", "--layers", "fc", "--dump", "made/faces.safetensors"], 1),
        (["detect", "biden.jpg", "--annotate", "made"], 1),
        (["identify", "biden.jpg", "--annotate", "made"], 1),
        (["evaluate", "--folders", "albums", "--html", "made/page.html", "--no-cache"], 1),
        (["gallery", "doctor", "--html", "made/page.html"], 1),
        (["gallery", "export", "made/people.zip"], 1),
        (["people", "show", "Ada", "--chips", "made"], 1),
        (["watch", "visit.avi", "--snapshots", "made", "--video", "made/marked.mp4"], 2),
        (["watch", "visit.avi", "--video", "made/marked.avi"], 1),
        (["demo", "made"], 5),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_it_is_readable_by_its_owner_alone(enrolled: Run, here: Path, command: list[str], written: int) -> None:
    (here / "made").mkdir()
    assert enrolled(*command).code in (0, 1)  # the doctor may find something
    files = [path for path in (here / "made").rglob("*") if path.is_file()]
    assert len(files) >= written
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files} == dict.fromkeys(
        (path.name for path in files), "0o600"
    )
