"""Nothing tells anybody what is run: not facepipe, and not the packages that it uses."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TELLS = "onnxruntime"  # to Microsoft, from the moment on in which it is imported, unless it was told before not to


def test_a_command_leaves_nothing_in_the_home_folder(tmp_path: Path, home: Path, samples: Path) -> None:
    """onnxruntime keeps there a number for the machine, and what it is going to tell."""
    command = [sys.executable, "-m", "facepipe", "identify", str(samples / "obama.jpg")]
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    alone = theirs | {"HOME": str(tmp_path / "theirs"), "PYTHONPATH": str(ROOT)}
    (tmp_path / "theirs").mkdir()
    home.mkdir()
    subprocess.run([*command[:3], "enroll", "Ada", command[-1]], env=alone, check=True, capture_output=True)
    done = subprocess.run(command, env=alone, check=True, capture_output=True, text=True)
    assert "Ada" in done.stdout
    assert list((tmp_path / "theirs").iterdir()) == []


@pytest.mark.parametrize("folder", ["facepipe", "scripts"])
def test_one_function_imports_what_tells(folder: str) -> None:
    importers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if any(TELLS in imported(node) for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    ]
    assert importers == (["facepipe/networks/runtime.py"] if folder == "facepipe" else [])


def imported(node: ast.AST) -> list[str]:
    """The packages that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name.partition(".")[0] for alias in node.names]
    return [(node.module or "").partition(".")[0]] if isinstance(node, ast.ImportFrom) else []
