import gc
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.network_camera import NetworkCamera, write_video
from tests.sources.settling import in_use, settles

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


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """At the end of the test no more files are open and no more threads run than at its start."""
    files, threads = in_use()
    yield
    gc.collect()
    assert settles(lambda: in_use()[0] <= files and in_use()[1] <= threads), (files, threads, in_use())


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Make empty files from their names; a picture is known by such a name alone, until it is read."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make
