"""A real window, on a screen in memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from facepipe.cli import window
from facepipe.errors import UsageError
from tests.cli.cli_shell import environment
from tests.cli.screen import screen

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    window.can_show.cache_clear()


def test_without_a_screen_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not window.wanted(None)
    assert not window.wanted(False)
    with pytest.raises(UsageError, match=r"^--window: there is no screen"):
        window.wanted(True)


def test_a_display_that_is_not_there_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV would abort the process."""
    monkeypatch.setenv("DISPLAY", ":987")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    assert not window.wanted(None)


SHOW = """
import sys
from pathlib import Path
import PIL.Image
from facepipe.cli.window import Window, wanted
from screen import Screen
shown = Screen("", Path(sys.argv[1]))
assert wanted(None)
with Window("a test") as window:
    while (shown.pixels() == (250, 10, 90)).all(axis=2).sum() < 70000:
        assert window.show(PIL.Image.new("RGB", (320, 240), (250, 10, 90)))
print("seen")
while (shown.pixels() == (250, 10, 90)).all(axis=2).any():
    window._cv2.waitKey(1)
print("gone")
"""


def test_what_is_shown_is_on_the_screen_until_it_is_closed(tmp_path: Path) -> None:
    with screen(tmp_path) as made:
        path = f"{Path(__file__).parents[2]}:{Path(__file__).parent}"
        done = subprocess.run(
            [sys.executable, "-c", SHOW, made.buffer],
            env=environment(DISPLAY=made.display, PYTHONPATH=path),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout.splitlines() == ["seen", "gone"], done.stderr
