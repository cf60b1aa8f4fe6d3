"""enroll --webcam, with films instead of a camera; enroll --gate."""

import sys
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import PIL.Image
import pytest
from PIL import ImageColor

from facepipe import Pipeline
from facepipe.cli import options, window
from facepipe.draw import KNOWN, UNKNOWN
from facepipe.enroll.guide import Guidance, Guide
from tests.cli.cli_shell import Run
from tests.moving_portrait import FIVE, HEIGHT, View, held, picture, video

NO_CAMERA = 99  # a number that no machine has


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "can_show", lambda: False)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory, pipeline: Pipeline) -> Path:
    """obama.avi and biden.avi: guided poses; dark.avi: two poses, the second in the dark."""
    folder = tmp_path_factory.mktemp("films")
    for name in ("obama", "biden"):
        wide = [View(**{**vars(view), "yaw": 1.2 * view.yaw, "pitch": 1.5 * view.pitch}) for view in FIVE]
        views = wide if name == "biden" else FIVE
        video(folder / f"{name}.avi", (picture(name, pipeline, view) for view in held(views, 6)))
    still = [View(centre=(320 + step / 20, 240)) for step in range(80)]
    video(folder / "still.avi", (picture("obama", pipeline, view) for view in still))
    dark = [View(), View(light=0.15)]
    video(folder / "dark.avi", (picture("obama", pipeline, view) for view in held(dark, 8)))
    return folder


def test_five_shots_are_enrolled_together(run: Run, films: Path) -> None:
    done = run("enroll", "Ada", "--webcam", films / "obama.avi", "--consent", "yes")
    source = films / "obama.avi"
    assert done.out.splitlines() == [f"Ada: {source}: reference {number}" for number in range(1, 6)]
    assert done.code == 0
    assert done.complaint.startswith("5 shots enrolled; ")  # in a pipe there are no hints
    shown = run("people", "show", "Ada", "--json").json
    assert len(shown) == 5
    assert all(row["consent"]["wording"] == "yes" for row in shown)
    name = run("identify", "obama3.jpg", "--json").json[0]["faces"][0]["name"]
    assert name == "Ada"


def test_json_and_fewer_shots(run: Run, films: Path) -> None:
    film = films / "biden.avi"
    done = run("enroll", "--webcam", "--shots", 2, "--json", "Ada", film)
    assert done.json == [
        {"source": str(film), "person": "Ada", "reference": number, "before": None, "others": [], "error": None}
        for number in (1, 2)
    ]


def test_hints_on_a_terminal(run: Run, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    done = run("enroll", "Ada", "--webcam", films / "obama.avi")
    hints = [line for line in done.err.splitlines() if line[1:4] == "/5 "]
    assert hints[0] == "0/5  hold still"
    told = [line for line in hints if "hold still" not in line]
    assert told == [
        "1/5  turn your head a little to your left",
        "2/5  turn your head a little to your right",
        "3/5  lift your chin a little",
        "4/5  lower your chin a little",
        "5/5  done",
    ]
    assert len(hints) < 15  # one when it changes, not one for each of the 30 frames


def test_a_source_that_ends_too_early_enrolls_nobody(run: Run, films: Path) -> None:
    done = run("enroll", "Ada", "--webcam", films / "dark.avi")
    assert (done.code, done.out) == (1, "")
    last = "(the last hint was: too dark: turn towards a light)"
    assert f"dark.avi: it ended after 1 of 5 good shots {last}, so nobody was enrolled" in done.complaint
    assert run("people", "list").code == 1  # there is no gallery


@pytest.mark.parametrize("dark", [1, 2])
def test_a_lamp_that_flashes(run: Run, tmp_path: Path, pipeline: Pipeline, dark: int) -> None:
    lit, unlit = View(), View(light=0.02)
    video(tmp_path / "flash.avi", (picture("obama", pipeline, view) for view in [lit, *[unlit] * dark] * 8))
    assert run("enroll", "Ada", "--webcam", tmp_path / "flash.avi", "--shots", 1).code == 0
    done = run("watch", tmp_path / "flash.avi", "--json")
    assert [row["name"] for row in done.json if row["event"] == "left"] == ["Ada"]


def test_enrolled_already(run: Run, films: Path) -> None:
    assert run("enroll", "Ada", "obama.jpg", "obama2.jpg").code == 0
    done = run("enroll", "Ben", "--webcam", films / "obama.avi")
    assert done.code == 1
    assert "Ben: is enrolled already, as Ada (99.9 % likely)" in done.complaint
    assert run("enroll", "Ben", "--webcam", films / "obama.avi", "--threshold", "0.9999").code == 1  # no one person
    assert run("enroll", "Ben", "--webcam", films / "obama.avi", "--anyway").code == 0
    counts = {row["name"]: row["references"] for row in run("people", "list", "--json").json}
    assert counts == {"Ada": 2, "Ben": 5}


def test_ctrl_c_cancels_and_enrolls_nobody(run: Run, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    see = Guide.see

    def interrupted(self: Guide, *given: object) -> Guidance:
        told = see(self, *given)  # type: ignore[arg-type]
        if told.taken == 3:
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(Guide, "see", interrupted)
    done = run("enroll", "Ada", "--webcam", films / "obama.avi")
    assert (done.code, done.out, done.complaint) == (130, "", "facepipe: cancelled; nobody was enrolled\n")
    assert run("people", "list").code == 1


def test_who_cannot_turn_is_offered_a_way_out(run: Run, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = iter(["t\n", "", "x\n", "E\n"])
    monkeypatch.setattr(window, "typed", lambda: next(keys, ""))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    done = run("enroll", "Ada", "--webcam", films / "still.avi", "--json")
    assert [row["reference"] for row in done.json] == [1, 2]
    lines = [line for line in done.err.splitlines() if "t: take" in line]
    assert lines[0] == "1/5  turn your head a little to your left (t: take it as it is, e: 1 will do)"
    assert lines[-1].startswith("2/5")
    assert "2/2  done" in done.err


def test_nothing_is_typed_where_there_is_no_terminal() -> None:
    assert window.typed() == ""


class Shown:
    """In place of a window: keeps what it is given, and is closed after ``most`` pictures."""

    pictures: ClassVar[list[PIL.Image.Image]] = []
    most = 1000
    pressed = ""

    def __init__(self, title: str) -> None:
        assert title == "facepipe: Ada"
        self.pictures.clear()

    def show(self, picture: PIL.Image.Image) -> bool:
        self.pictures.append(picture)
        return len(self.pictures) < self.most

    def __enter__(self) -> "Shown":
        return self

    def __exit__(self, *error: object) -> None:
        assert self.pictures


def bar_colour(picture: PIL.Image.Image) -> set[Any]:
    """The colours in the line over the hint."""
    row = np.asarray(picture)[HEIGHT]
    return {tuple(map(int, colour)) for colour in row}


def test_a_window_shows_how_it_goes(run: Run, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "can_show", lambda: True)
    monkeypatch.setattr(window, "Window", Shown)
    assert run("enroll", "Ada", "--webcam", films / "dark.avi").code == 1
    assert len(Shown.pictures) == 16  # every frame
    assert bar_colour(Shown.pictures[0]) == {ImageColor.getrgb(KNOWN)}
    assert bar_colour(Shown.pictures[-1]) == {ImageColor.getrgb(UNKNOWN)}  # too dark
    before = len(Shown.pictures)
    assert run("enroll", "Ada", "--webcam", films / "dark.avi", "--no-window").code == 1
    assert len(Shown.pictures) == before


def test_closing_the_window_cancels(run: Run, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "can_show", lambda: True)
    monkeypatch.setattr(window, "Window", Shown)
    monkeypatch.setattr(Shown, "most", 20)
    done = run("enroll", "Ada", "--webcam", films / "obama.avi")
    assert (done.code, done.out, done.complaint) == (130, "", "facepipe: cancelled; nobody was enrolled\n")
    assert len(Shown.pictures) == 20


def test_a_bare_number_is_a_camera(run: Run) -> None:
    assert options.camera("0") == "webcam:0"
    assert options.camera("clip.mp4") == "clip.mp4"
    assert options.camera("webcam:2") == "webcam:2"
    assert options.camera("٣") == "٣"
    done = run("enroll", "Ada", "--webcam", NO_CAMERA)
    assert done.code == 1
    assert f"webcam:{NO_CAMERA}: no picture came" in done.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--webcam"], "expected a name and perhaps a camera"),
        (["Ada", "King", "Lovelace", "--webcam"], 'quote a name of several words: enroll "Ada King Lovelace" --webcam'),
        (["Ada", "--webcam", "--pick", "1"], "without --folders and --pick"),
        (["Ada", "--webcam", "--window"], "--window: there is no screen"),
        (["Ada", "obama.jpg", "--shots", "3"], "--shots: only with --webcam"),
        (["Ada", "obama.jpg", "--no-window"], "--window: only with --webcam"),
        (["Ada", "obama.jpg", "--threshold", "0.9"], "--threshold: only with --webcam"),
        (["Ada", "--webcam", "--shots", "21"], "Invalid value for '--shots'"),
        (["Ada", "--webcam", "--threshold", "2"], "threshold 2.0: expected a cosine"),
    ],
)
def test_wrong_usage(run: Run, words: list[str], complaint: str) -> None:
    done = run("enroll", *words)
    assert done.code == 2
    assert complaint in done.complaint


def test_gate(run: Run, here: Path) -> None:
    blurred = cv2.GaussianBlur(cv2.imread(str(here / "obama.jpg")), (0, 0), 4)
    PIL.Image.fromarray(blurred[..., ::-1]).save(here / "blurred.png")
    done = run("enroll", "Ada", "obama.jpg", "blurred.png", "--gate", "--json")
    assert done.code == 3
    assert [row["reference"] for row in done.json] == [1, None]
    assert done.json[1]["error"] == "blurred.png: not good enough to enrol: blurred: use a sharper photo"
    assert run("enroll", "Ada", "blurred.png").code == 0
