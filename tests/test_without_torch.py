"""Who finds and recognises faces with the default networks waits for no torch, and needs none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from facepipe.image import read_image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Without(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision"):
            raise ImportError(f"{name} is not to be loaded")

sys.meta_path.insert(0, Without())
"""
SHELL = f"""{WITHOUT}
import json
from facepipe.cli.app import main

for line in sys.stdin:
    sys.argv = ["facepipe", *json.loads(line)]
    try:
        main()
    except SystemExit as ended:
        print("exit code", ended.code, flush=True)
"""


def run(folder: Path, code: str, given: str = "") -> str:
    """What it prints, ``given`` its input."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path, samples: Path) -> Path:
    (tmp_path / "samples").symlink_to(samples)
    return tmp_path


def test_the_shell(folder: Path, samples: Path) -> None:
    film(folder / "film.avi", samples / "obama2.jpg")
    commands = [
        "detect samples/obama.jpg",
        "enroll Barack samples/obama.jpg --gallery people.db --consent asked",
        "enroll Joe samples/biden.jpg --gallery people.db --consent asked",
        "identify samples/obama2.jpg --gallery people.db",
        "identify samples/obama3.jpg samples/biden.jpg --gallery people.db --json",
        "verify samples/obama.jpg samples/obama2.jpg",
        "watch film.avi --gallery people.db",
    ]
    told = run(folder, SHELL, given="\n".join(json.dumps(command.split()) for command in commands))
    detected, _, _, identified, several, verified, watched, rest = told.split("exit code 0\n")
    assert rest == ""
    assert "1 face" in detected
    assert "Barack" in identified
    assert several.index("Barack") < several.rindex("Joe")
    assert verified
    assert "Barack" in watched


def film(path: Path, photo: Path) -> None:
    """A second and a half of it."""
    pixels = cv2.resize(read_image(photo).pixels, (320, 612), interpolation=cv2.INTER_AREA)[:480]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (320, 480))
    for _ in range(15):
        writer.write(np.ascontiguousarray(pixels[..., ::-1]))
    writer.release()


def test_python(folder: Path) -> None:
    code = f"""{WITHOUT}
from facepipe import Gallery, Pipeline

pipe = Pipeline()
with Gallery.open("people.db", backbone=pipe.backbone) as gallery:
    pipe.enroll("Barack", ["samples/obama.jpg"], gallery)
    print([face.name for face in pipe.identify("samples/obama2.jpg", gallery)])
    found = pipe.identify_each(["samples/obama2.jpg", "samples/biden.jpg", "samples/obama3.jpg"], gallery)
    print([[face.name for face in outcome.unwrap()] for outcome in found])
print(pipe.verify("samples/obama.jpg", "samples/biden.jpg").match)
"""
    assert run(folder, code).splitlines() == ["['Barack']", "[['Barack'], [None], ['Barack']]", "False"]


def test_what_looks_inside_does_need_it(folder: Path) -> None:
    """So the tests above can fail."""
    code = f"{WITHOUT}\nfrom facepipe import Pipeline\nprint(Pipeline().backbone.layers)"
    with pytest.raises(AssertionError, match="torch is not to be loaded"):
        run(folder, code)
