"""What a process holds open, and waiting until something is so."""

import os
import time
from collections.abc import Callable

import pytest


def in_use() -> tuple[int, int]:
    """How many file descriptors are open, and how many threads run, OpenCV's own among them."""
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("open files are counted in /proc")
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def settles(holds: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether ``holds`` comes true in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
