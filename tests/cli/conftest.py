"""The shell as its user meets it: ``run(...)`` goes through ``main`` and gives the exit code and both streams."""

from __future__ import annotations

import shutil
import sys
from inspect import signature
from pathlib import Path

import PIL.Image
import pytest
import typer

from facepipe import folders
from facepipe.cli import app, options
from facepipe.pipeline import Pipeline
from tests.cli.cli_shell import Result, Run


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The samples, small enough to be quick: obama, obama2, obama3, biden and stranger .jpg."""
    folder = tmp_path_factory.mktemp("portraits")
    for path in folders.samples().glob("*.*g"):
        picture = PIL.Image.open(path).convert("RGB")
        picture.thumbnail((360, 360))
        picture.save(folder / ("stranger.jpg" if path.stem == "astronaut" else path.name), quality=95)
    return folder


@pytest.fixture
def here(tmp_path: Path, portraits: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the test, with the portraits in it."""
    folder = tmp_path / "here"
    shutil.copytree(portraits, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def commands() -> object:
    """The shell's commands, built once: typer builds all of them for each call, which takes longer than most."""
    return typer.main.get_command(app.app)


@pytest.fixture
def run(
    here: Path,
    pipeline: Pipeline,
    commands: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in this process, with the pipeline that is loaded already unless other settings are asked for."""
    load = options.open_pipeline
    settings = signature(load)
    usual = settings.bind()
    usual.apply_defaults()

    def open_pipeline(*values: object, **named: object) -> Pipeline:
        given = settings.bind(*values, **named)
        given.apply_defaults()
        return pipeline if given == usual else load(*given.args)

    monkeypatch.setattr(options, "open_pipeline", open_pipeline)
    monkeypatch.setattr(app, "app", commands)

    def command(*args: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["facepipe", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            app.main()
        return Result(int(stop.value.code or 0), *capsys.readouterr())

    return command


@pytest.fixture
def enrolled(run: Run) -> Run:
    """``run`` with two people in the default gallery: Ada (two references) and Ben."""
    assert run("enroll", "Ada", "obama.jpg", "obama2.jpg").code == 0
    assert run("enroll", "Ben", "biden.jpg").code == 0
    return run
