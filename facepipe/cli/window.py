"""A window on the screen, where there is a screen."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING

from facepipe.errors import UsageError

if TYPE_CHECKING:
    import PIL.Image

_QUIET = {"QT_LOGGING_RULES": "*.warning=false"}  # Qt's remarks on fonts and themes are of no use to anybody
_TRY = "import cv2; cv2.namedWindow('facepipe'); cv2.waitKey(1)"
_QUIT = {27, ord("q"), ord("Q")}  # Esc
_NO_KEY = 0xFF


@cache
def can_show() -> bool:
    """Whether a window can be opened. Tried in a process of its own: without a screen OpenCV may end the process."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        tried = subprocess.run(
            [sys.executable, "-c", _TRY], env={**os.environ, **_QUIET}, capture_output=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def wanted(asked: bool | None) -> bool:
    """Whether to open a window: when it was ``asked`` for, or, asked nothing, when it can be. Raises UsageError."""
    if asked and not can_show():
        raise UsageError("--window: there is no screen to open a window on; leave it out")
    return can_show() if asked is None else asked


def typed() -> str:
    """What was typed at the terminal meanwhile: a line, on Windows a key; "" for nothing. Does not wait for it."""
    if not sys.stdin.isatty():
        return ""
    if sys.platform == "win32":
        import msvcrt

        return msvcrt.getwch() if msvcrt.kbhit() else ""
    from select import select

    return sys.stdin.readline() if select([sys.stdin], [], [], 0)[0] else ""


class Window:
    """Shows picture after picture until it is closed, or q or Esc is pressed in it. ``pressed``: the key, "" for none,
    that was pressed during the last picture."""

    def __init__(self, title: str) -> None:
        import cv2

        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        self._cv2, self._title, self._sized = cv2, title, False
        self.pressed = ""
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)

    def show(self, picture: PIL.Image.Image) -> bool:
        """Whether it is still open."""
        import numpy as np

        if not self._sized:  # as large as the picture, within a common screen; then as large as the user makes it
            scale = min(1.0, 1280 / picture.width, 800 / picture.height)
            self._cv2.resizeWindow(self._title, round(picture.width * scale), round(picture.height * scale))
            self._sized = True
        self._cv2.imshow(self._title, np.asarray(picture)[..., ::-1])
        key = self._cv2.waitKey(1) & 0xFF
        self.pressed = "" if key == _NO_KEY else chr(key)
        visible = self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) >= 1
        return key not in _QUIT and visible

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) >= 1:
            self._cv2.destroyWindow(self._title)
        self._cv2.waitKey(1)
