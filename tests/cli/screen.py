"""A screen in memory, Xvfb, and what is to be seen on it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

SIZE = WIDTH, HEIGHT = 800, 600


@dataclass(frozen=True)
class Screen:
    """``display``: as in $DISPLAY; ``buffer``: the file that holds the picture, in the format of xwd."""

    display: str
    buffer: Path

    def pixels(self) -> np.ndarray:
        """(600, 800, 3) uint8 RGB."""
        data = self.buffer.read_bytes()
        header, colours = struct.unpack_from(">I", data)[0], struct.unpack_from(">I", data, 76)[0]
        bgrx = np.frombuffer(data, np.uint8, WIDTH * HEIGHT * 4, header + 12 * colours)
        return bgrx.reshape(HEIGHT, WIDTH, 4)[..., 2::-1]


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    """A screen, for as long as it is used. Skips the test where there is no Xvfb."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not here")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(folder)]
    with subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        try:
            with os.fdopen(reading) as stream:
                number = stream.readline().strip()  # once it is ready
            assert number, "Xvfb did not start"
            yield Screen(f":{number}", folder / "Xvfb_screen0")
        finally:
            server.terminate()
