"""What a program outside sees: the package's names, and its types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import facepipe

ROOT = Path(__file__).parents[1]
PROGRAM = """
from facepipe import Failed, Gallery, Pipeline

pipe = Pipeline()
with Gallery.open("people.db") as gallery:
    for face in pipe.identify("party.jpg", gallery, fpir="1e-2"):
        reveal_type(face.name)
    for outcome in pipe.identify_each(["a.jpg"], gallery):
        if isinstance(outcome, Failed):
            reveal_type(outcome.error)
        else:
            reveal_type(outcome.value[0].candidates)
    reveal_type(pipe.faces("a.jpg"))
pipe.detect(1)
"""


@pytest.mark.slow
def test_types_reach_a_program_outside(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache" / "outside"), "program.py"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "NO_COLOR": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = [line.partition(": ")[2] for line in run.stdout.splitlines() if line.startswith("program.py")]
    told = [line.replace("builtins.", "").replace("Union[str, None]", "str | None") for line in said]  # by older mypys
    assert told[:4] == [
        'note: Revealed type is "str | None"',
        'note: Revealed type is "facepipe.errors.FacepipeError"',
        'note: Revealed type is "tuple[facepipe.records.people.Candidate, ...]"',
        'note: Revealed type is "facepipe.faces.Faces[facepipe.records.faces.Face]"',
    ], run.stdout + run.stderr
    assert said[4].startswith('error: Argument 1 to "detect" of "Pipeline" has incompatible type "int"')


def test_its_names_are_listed_and_there() -> None:
    listed = [name for name in dir(facepipe) if not name.startswith("_")]
    assert listed == sorted(facepipe.__all__)
    assert all(getattr(facepipe, name).__module__.startswith("facepipe.") for name in listed)
