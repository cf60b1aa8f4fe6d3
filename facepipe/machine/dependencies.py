"""Packages that facepipe needs and that are not there, or not whole: what is missing, and the command that mends it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from facepipe.errors import DependencyMissing

DISTRIBUTIONS = {"cv2": "opencv-python", "PIL": "pillow", "faiss": "faiss-cpu", "sklearn": "scikit-learn"}
# OpenCV's wheel carries all libraries but those of the screen; libgl1 brings those of X
FOR_OPENCV = "apt-get install libgl1 libglib2.0-0"
MEND_OPENCV = (
    "pip uninstall --yes opencv-python opencv-python-headless opencv-contrib-python opencv-contrib-python-headless; "
    "pip install opencv-python"
)
MEND_TORCH = "pip install --upgrade torch torchvision"
_LIBRARY = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")
_UNFIT_LIBRARY = re.compile(r"\.so[.\d]*: |undefined symbol")  # also of an OSError: torch loads its libraries by hand
_NO_MODULE = re.compile(r"No module named '([\w.]+)'")
# What opencv-python leaves when opencv-python-headless, which has the same files, is removed, or is of another version
_BROKEN_OPENCV = re.compile(r"module 'cv2[\w.]*' has no attribute|Check OpenCV installation")
_UNLIKE_TORCH = re.compile(r"torchvision::|torchvision\b.*undefined symbol|partially initialized module 'torchvision'")


@contextmanager
def explained() -> Iterator[None]:
    """Turn the failure of a package that facepipe needs, when it is imported or used, into DependencyMissing."""
    try:
        yield
        opencv = sys.modules.get("cv2")
        if opencv is not None and getattr(opencv, "__file__", None) is None:  # a folder in which nothing is left
            raise DependencyMissing(f"OpenCV is incomplete: {MEND_OPENCV}")
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        remedy = _remedy(error)
        if remedy is None:
            raise
        raise DependencyMissing(remedy) from error


def _remedy(error: Exception) -> str | None:
    """What is missing and how to get it; None for an error of another kind."""
    said = str(error)
    if _BROKEN_OPENCV.search(said):
        return f"OpenCV is incomplete ({_last_line(said)}): {MEND_OPENCV}"
    if _UNLIKE_TORCH.search(said):
        return f"torchvision is not of the same release as torch: {MEND_TORCH}"
    if library := _LIBRARY.search(said):
        return _without_library(_culprit(error), library[1])
    if not isinstance(error, ImportError) and not (isinstance(error, OSError) and _UNFIT_LIBRARY.search(said)):
        return None
    if missing := _NO_MODULE.match(said):
        return _not_installed(missing[1].partition(".")[0])
    package = _culprit(error)
    if package is None:
        return None
    return f"{package} cannot be imported ({_last_line(said)}): {_reinstall(package)}"


def _without_library(package: str | None, library: str) -> str:
    if package in ("cv2", None):
        return f"OpenCV needs {library}, which this system does not have: {FOR_OPENCV}"
    return (
        f"{package} needs {library}, which is not there: {_reinstall(package)}, or install the system's package of it"
    )


def _not_installed(package: str) -> str | None:
    if package == "facepipe":
        return None
    if package in sys.stdlib_module_names:
        return f"this Python was built without {package}: take another Python"
    return f"{package} is not installed: pip install {DISTRIBUTIONS.get(package, package.replace('_', '-'))}"


def _last_line(said: str) -> str:
    """Where there are several: numpy, for one, says at the end what it was."""
    return said.strip().rpartition("\n")[2][:200] or "it does not say why"


def _reinstall(package: str) -> str:
    return f"pip install --force-reinstall {DISTRIBUTIONS.get(package, package.replace('_', '-'))}"


def _culprit(error: Exception) -> str | None:
    """The package in which it went wrong; None where that is facepipe itself or Python."""
    frame, package = error.__traceback__, str(getattr(error, "name", None) or "").partition(".")[0]
    while frame is not None and not getattr(error, "name", None):
        name = str(frame.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        package = package if name in sys.stdlib_module_names else name
        frame = frame.tb_next
    return None if package in ("", "facepipe", "__main__") or package in sys.stdlib_module_names else package
