import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from facepipe.pipeline import Pipeline

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads wait for each other: 25 times slower on busy cores
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so shells start what goes on behind a script
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests and the programs that they start are interrupted

REPOSITORY = Path(__file__).parents[1]
SHARED_FACES = REPOSITORY.parent / "shared" / "faces"  # photos that are not in the repository and may be absent
LONGEST_NAMED = 40  # bytes that are shown in the name of a test
MARKED_BY = {  # kind of test: fixtures
    "browser": {"chromium", "playwright"},
    "server": {"serve", "serve_module"},
    "shell": {"run"},
    "slow": {"networks", "pipelines", "lfw", "people"},  # all networks, or many photos, looked into
}


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests by what they start."""
    for item in items:
        for kind, fixtures in MARKED_BY.items():
            if not fixtures.isdisjoint(getattr(item, "fixturenames", ())):
                item.add_marker(kind)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Files that are made for tests are not part of their names: an animated AVIF has the time in it, and pytest-xdist
    wants the same names from all its processes."""
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAMED else None


@pytest.fixture(scope="session", autouse=True)
def _no_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What lives longer than one test sees an empty facepipe folder too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEPIPE_HOME", str(tmp_path_factory.mktemp("facepipe") / "home"))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty facepipe folder for every test: none reads or writes the user's own."""
    folder = tmp_path / "facepipe-home"
    monkeypatch.setenv("FACEPIPE_HOME", str(folder))
    monkeypatch.delenv("FACEPIPE_GALLERY", raising=False)
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of portraits: obama.jpg, obama2.jpg, obama3.jpg, biden.jpg, astronaut.png, one face in each."""
    return REPOSITORY / "data" / "samples"


@pytest.fixture(scope="session")
def pipeline() -> "Pipeline":
    """The default pipeline, its networks loaded once. Tests that alter one make their own."""
    from facepipe.pipeline import Pipeline

    return Pipeline()


@pytest.fixture(scope="session")
def lfw() -> Path:
    """The folder of LFW crops, where it is present."""
    return _shared("lfw-dev")


@pytest.fixture(scope="session")
def people() -> Path:
    """The folder of named photos, where it is present."""
    return _shared("people")


@pytest.fixture
def chromium() -> Iterator[object]:
    """A browser without a window, where Chromium is installed: pages are opened with ``chromium.new_page``."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


def _shared(name: str) -> Path:
    if not (SHARED_FACES / name).is_dir():
        pytest.skip(f"{SHARED_FACES / name} is not here")
    return SHARED_FACES / name
