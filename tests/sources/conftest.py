import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from network_camera import NetworkCamera, write_video

LONGEST = 30  # seconds that one of these tests may take


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A source that delivers nothing would keep its test waiting for ever."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still waiting after {LONGEST} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of pictures 0 to 49, 25 a second, 160x120."""
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def camera() -> Iterator[NetworkCamera]:
    camera = NetworkCamera()
    yield camera
    camera.disappear()


def in_use() -> tuple[int, int]:
    """How many file descriptors are open, and how many threads run, OpenCV's own among them."""
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("open files are counted in /proc")
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """At the end of the test no more files are open and no more threads run than at its start."""
    files, threads = in_use()
    yield
    gc.collect()
    assert settles(lambda: in_use()[0] <= files and in_use()[1] <= threads), (files, threads, in_use())


def settles(holds: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether ``holds`` comes true in time."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
