"""Local cameras that are named by a path, as Linux has them: /dev/video0, /dev/v4l/by-id/…"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from facepipe.errors import SourceNotFound

ADVICE = "expected a camera that is plugged in and not used by another program"
FOLDER = Path("/dev")
VIDEO = 81  # the major number of video devices
LINUX = sys.platform.startswith("linux")


def is_device(given: str | os.PathLike[str]) -> bool:
    """Is ``given`` a path to a video device, or to where one would be?"""
    path = os.path.normpath(os.fsdecode(given))
    return LINUX and (path.startswith((f"{FOLDER}/video", f"{FOLDER}/v4l/")) or _is_video(path))


def check_device(path: str) -> str:
    """What to call the camera at ``path``. Raises SourceNotFound when there is none."""
    label = path if path.isprintable() else ascii(path)
    if not _is_video(path):
        raise SourceNotFound(f"{label}: no such camera; {ADVICE}{cameras_here()}")
    return label


def _is_video(path: str) -> bool:
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # not there, or no path
        return False
    return stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == VIDEO


def cameras_here() -> str:
    """What of cameras this machine has, to be added to an advice; nothing where that is not known."""
    if not LINUX:
        return ""
    numbers = sorted(int(path.name[5:]) for path in FOLDER.glob("video*") if path.name[5:].isdecimal())
    return f"; this machine has {', '.join(f'webcam:{number}' for number in numbers) or 'none'}"
