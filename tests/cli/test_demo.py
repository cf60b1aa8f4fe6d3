"""demo: the first thing a newcomer runs."""

from __future__ import annotations

import json
from pathlib import Path

import PIL.Image
import pytest

from facepipe.cli import demo
from tests.cli.cli_shell import Run


def test_demo_recognises_and_writes_picture_json_and_chips(run: Run, here: Path, home: Path) -> None:
    done = run("demo", "seen")
    assert done.code == 0
    rows = [row.split("\t") for row in done.out.splitlines()]
    assert [step for step, _, _ in rows if step] == ["load", "enroll", "identify", "verify", "in all"]
    said = [text for _, _, text in rows]
    assert any(text.startswith("2  Barack Obama, 99.9 %") for text in said)
    assert any(text.startswith("3  unknown  ") and " < " in text for text in said)
    assert sum(float(seconds) for _, seconds, _ in rows[:-1] if seconds) <= float(rows[-1][1]) + 0.05
    assert done.complaint.startswith("Look at seen/group-faces.jpg")

    record = json.loads(Path("seen/group.json").read_text("utf-8"))
    named = [(face["face"], face["name"]) for face in record["faces"]]
    assert named == [(1, "Joe Biden"), (2, "Barack Obama"), (3, None)]
    assert PIL.Image.open("seen/group-faces.jpg").size == PIL.Image.open("seen/group.jpg").size
    assert [PIL.Image.open(f"seen/chips/face-{number}.png").size for number in (1, 2, 3)] == [(112, 112)] * 3
    assert not home.exists()  # one's own gallery is not touched


def test_demo_fails_when_it_does_not_recognise(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "GROUP", {**demo.GROUP, "astronaut.png": "Joe Biden"})
    done = run("demo")
    assert done.code == 1
    assert "facepipe: the demo expected Barack Obama, Joe Biden, Joe Biden" in done.err


@pytest.mark.parametrize("folder", ["obama.jpg", "obama.jpg/sub"])
def test_demo_says_at_once_where_it_cannot_write(run: Run, folder: str) -> None:
    done = run("demo", folder)
    assert (done.code in (1, 2), done.out) == (True, "")
    assert folder in done.complaint
