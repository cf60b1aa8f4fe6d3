"""docs/first-hour.md, typed from top to bottom in one folder, as its reader does: it prints what the page says.

With FACEPIPE_WRITE_DOCS=1 what is printed now is written into the pages. A film stands in for the camera.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from facepipe import Pipeline, folders
from tests.cli.cli_shell import ROOT, Run, command_line, environment
from tests.cli.documented import BLOCK, alike, as_before, examples, write
from tests.moving_portrait import FIVE, View, held, picture, video

PAGE = ROOT / "docs" / "first-hour.md"
CHINESE = PAGE.with_name("first-hour.zh.md")
CAMERA, FILM = "webcam:0", "visit.avi"


@pytest.fixture
def first_hour(tmp_path: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reader's folder, after "Install"; the film is of the astronaut's portrait, turning and nodding."""
    folder = tmp_path / "first-hour"
    shutil.copytree(folders.samples(), folder / "samples")
    video(folder / FILM, (picture("astronaut", pipeline, view) for view in held([*FIVE, View(pitch=-40)])))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FACEPIPE_HOME", str(folder))
    return folder


def test_the_first_hour_prints_what_the_page_says(run: Run, first_hour: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(examples(PAGE)) > 25
    different: list[tuple[str, str, str]] = []
    for command, expected in examples(PAGE):
        monkeypatch.setattr(sys, "stderr", sys.stdout)  # one after the other, as on a terminal
        shown = _typed(run, command)
        if not alike(shown, expected):
            different.append((command, as_before(shown, expected), expected))
    if os.environ.get("FACEPIPE_WRITE_DOCS"):
        for command, shown, expected in different:
            write(PAGE, command, shown, expected)
            write(CHINESE, command, shown, expected)
    for command, shown, expected in different:
        assert shown == expected, command
    assert {path.name for path in (first_hour / "seen").iterdir()} == {"obama3-faces.jpg", "astronaut-faces.jpg"}
    assert (first_hour / "stored" / "reference-1.jpg").exists()
    assert "<!doctype html" in (first_hour / "why.html").read_text("utf-8")[:20].lower()


def _typed(run: Run, command: str) -> str:
    """What the terminal shows."""
    if command == "facepipe serve":
        return _served()
    program, *args = shlex.split(command)
    if program != "facepipe":
        assert program in ("mkdir", "cp", "mv", "python")
        program = sys.executable if program == "python" else program
        return subprocess.run([program, *args], check=True, capture_output=True, text=True).stdout
    if "--webcam" in args:
        args += [FILM, "--no-window"]
    done = run(*(FILM if word == CAMERA else word for word in args))
    return done.out.replace(FILM, CAMERA) + (f"exit code {done.code}\n" if done.code else "")


def _served() -> str:
    """What a server says, once the address that it names has shown the page."""
    command = command_line("serve", "--port", "0")
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            said = server.stderr.readline()
            (address,) = re.findall(r"http://\S+", said)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(address, timeout=30) as page:
                assert b"facepipe" in page.read()
        finally:
            server.terminate()
    return said


def test_the_chinese_page_has_the_same_examples_and_sections() -> None:
    english, chinese = (page.read_text("utf-8") for page in (PAGE, CHINESE))
    assert BLOCK.findall(chinese) == BLOCK.findall(english)
    heads = [[head.count("#") for head in re.findall(r"^#+ ", text, re.MULTILINE)] for text in (english, chinese)]
    assert heads[0] == heads[1]
    assert len(re.findall(r"!\[", chinese)) == len(re.findall(r"!\[", english))
