"""A package that is missing or not whole is named, with the command that mends it, in the shell and in Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from facepipe.errors import DependencyMissing
from facepipe.machine.dependencies import FOR_OPENCV, MEND_OPENCV, MEND_TORCH, explained

ROOT = Path(__file__).parents[2]
NO_GL = "libGL.so.1: cannot open shared object file: No such file or directory"
NO_CUDNN = "libcudnn.so.9: cannot open shared object file: No such file or directory"
NUMPY = "\n\nIMPORTANT: PLEASE READ THIS\n\nOriginal error was: it is not for this Python\n"


def broken(name: str, error: Exception) -> None:
    """Raise ``error`` as the package ``name`` does while it is imported."""
    exec(compile("raise error", name, "exec"), {"__name__": name, "error": error})


@pytest.mark.parametrize(
    ("package", "error", "said"),
    [
        ("cv2", ImportError(NO_GL), f"OpenCV needs libGL.so.1, which this system does not have: {FOR_OPENCV}"),
        ("cv2", ImportError("libglib-2.0.so.0: cannot open shared object file"), FOR_OPENCV),
        ("cv2", AttributeError("module 'cv2' has no attribute 'imdecode'"), MEND_OPENCV),
        ("cv2", AttributeError("module 'cv2.dnn' has no attribute 'DictValue'"), MEND_OPENCV),
        ("cv2", ImportError("OpenCV loader: missing configuration file: ['config.py']. Check OpenCV installation."),
         MEND_OPENCV),
        ("torchvision._meta", RuntimeError("operator torchvision::nms does not exist"), MEND_TORCH),
        ("torch", OSError(NO_CUDNN), "torch needs libcudnn.so.9, which is not there: pip install"),
        ("torch", OSError("/x/libtorch_cuda.so: undefined symbol: ncclSend"), "pip install --force-reinstall torch"),
        ("numpy._core", ImportError(NUMPY), "numpy cannot be imported (Original error was: it is not for this Python)"),
        ("facepipe", ModuleNotFoundError("No module named 'faiss'", name="faiss"),
         "faiss is not installed: pip install faiss-cpu"),
        ("facepipe", ModuleNotFoundError("No module named 'sklearn.metrics'", name="sklearn.metrics"),
         "pip install scikit-learn"),
        ("sqlite3", ModuleNotFoundError("No module named '_sqlite3'", name="_sqlite3"), "take another Python"),
        ("scipy", ImportError(""), "pip install --force-reinstall scipy"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_line(package: str, error: Exception, said: str) -> None:
    with pytest.raises(DependencyMissing) as raised, explained():
        broken(package, error)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "No such file or directory", "photo.so"),
        AttributeError("'NoneType' object has no attribute 'x'"),
        RuntimeError("can't allocate memory"),
        ImportError("cannot import name 'x' from 'facepipe.records'"),
        ModuleNotFoundError("No module named 'facepipe.nothing'", name="facepipe.nothing"),
    ],
)
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, explained():
        broken("facepipe.records", error)
    assert raised.value is error


def test_a_folder_that_is_all_that_is_left_of_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    with pytest.raises(DependencyMissing, match="OpenCV is incomplete"), explained():
        pass


@pytest.fixture
def without_gl(tmp_path: Path) -> dict[str, str]:
    """The environment of a system whose OpenCV cannot be loaded."""
    (tmp_path / "cv2.py").write_text(f"raise ImportError({NO_GL!r})")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}


@pytest.mark.slow
def test_the_shell_says_it_in_a_line(without_gl: dict[str, str], samples: Path) -> None:
    command = [sys.executable, "-m", "facepipe", "detect", str(samples / "obama.jpg")]
    done = subprocess.run(command, env=without_gl, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr == f"facepipe: OpenCV needs libGL.so.1, which this system does not have: {FOR_OPENCV}\n"


def test_python_raises_it(without_gl: dict[str, str]) -> None:
    code = """
from facepipe import FacepipeError
for name in ("Pipeline", "read_image"):
    try:
        print(getattr(__import__("facepipe"), name))
    except FacepipeError as error:
        print(error.code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=without_gl, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines()[0] == "dependency-missing"
