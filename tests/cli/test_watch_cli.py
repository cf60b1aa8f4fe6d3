"""watch, with films and a camera in the network."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pytest
from PIL import ImageColor

from facepipe import Pipeline
from facepipe.cli import snapshots, watch, window
from facepipe.cli.film import Film
from facepipe.draw import KNOWN
from facepipe.errors import GalleryBusy, UsageError, WriteFailed
from facepipe.records import Candidate, Detection, Frame, Image
from facepipe.watch import Event, TrackedFace, Watcher
from facepipe.watch.sightings import Worths
from tests.cli.cli_shell import Run
from tests.moving_portrait import FIVE, HEIGHT, WIDTH, View, held, picture, video
from tests.network_camera import NetworkCamera


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory, pipeline: Pipeline) -> Path:
    """Nobody for a second, then two seconds of obama.jpg, 10 frames a second."""
    empty = Image(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), "empty")
    seen = [picture("obama", pipeline, view) for view in held(FIVE)]
    return video(tmp_path_factory.mktemp("films") / "visit.avi", [empty] * 10 + seen)


def test_events_as_json(enrolled: Run, film: Path) -> None:
    done = enrolled("watch", film, "--json")
    assert done.code == 0
    assert [row["event"] for row in done.json] == ["appeared", "named", "left"]
    appeared, named, left = done.json
    assert {row["track"] for row in done.json} == {1}
    assert (appeared["name"], named["name"], left["name"]) == (None, "Ada", "Ada")
    assert named["score"] >= named["threshold"] == pytest.approx(0.3356)
    assert (left["from"], left["to"]) == (pytest.approx(1.0, abs=0.35), 2.9)
    assert left["from_at"] is left["to_at"] is None  # a film has its own time
    x0, y0, x1, y1 = left["box"]
    assert 250 < (x0 + x1) / 2 < 390
    assert 170 < (y0 + y1) / 2 < 310
    decides, told = done.err.splitlines()
    said = (
        "threshold 0.3356: 1 in 1,000 strangers would pass for one given person; 0.2 % would get a name among 2 people"
    )
    assert decides == said
    assert told.startswith("30 frames, ")
    assert told.endswith(" a second; Ada")


def test_events_as_lines(enrolled: Run, film: Path) -> None:
    lines = enrolled("watch", film).out.splitlines()
    told = [line.split(None, 2)[2].split("  ")[0] for line in lines]
    assert told == ["appears", "is Ada, 99.9 %", "leaves: Ada, 99.9 %"]
    assert lines[2].startswith("0:02.9    1  leaves: Ada")
    assert " px at (" in lines[0]
    assert max(map(len, lines)) <= 80


def test_strangers_are_unknown_and_nobody_enrolled_is_said(enrolled: Run, film: Path) -> None:
    strict = enrolled("watch", film, "--threshold", "0.9999", "--json")
    assert [row["name"] for row in strict.json] == [None, None]
    assert strict.err.splitlines()[0].startswith(
        "threshold 0.9999: as given; under 0.1 % would get a name among 2 people"
    )
    assert strict.err.endswith("; 1 unknown\n")
    (best,) = strict.json[-1]["candidates"]
    assert (best["person"], best["score"]) == ("Ada", strict.json[-1]["score"])
    assert "  leaves: unknown; nearest Ada, 99.9 %  " in enrolled("watch", film, "--threshold", "0.9999").out
    for name in ("Ada", "Ben"):
        assert enrolled("people", "remove", name, "--yes").code == 0
    nobody, _ = enrolled("watch", film).err.splitlines()
    assert "nobody is enrolled, so everybody is unknown" in nobody


def test_without_a_gallery_it_is_an_error(run: Run, film: Path) -> None:
    done = run("watch", film)
    assert (done.code, done.out) == (1, "")
    assert "no gallery there" in done.complaint


def test_fewer_frames(enrolled: Run, film: Path) -> None:
    assert enrolled("watch", film, "--max-fps", "5", "--every", "2").err.splitlines()[1].startswith("15 frames, ")


# What is written ------------------------------------------------------------------------------------------------------


def test_an_annotated_video(enrolled: Run, film: Path, here: Path) -> None:
    (here / "marked.mp4").write_bytes(b"an older one")
    done = enrolled("watch", film, "--video", "marked.mp4")
    assert done.code == 0
    capture = cv2.VideoCapture("marked.mp4")
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1][..., ::-1])
    assert (len(frames), capture.get(cv2.CAP_PROP_FPS)) == (30, 10)
    teal = np.array(ImageColor.getrgb(KNOWN))
    marked = [int((np.abs(frame.astype(int) - teal).max(axis=2) < 40).sum()) for frame in frames]
    assert max(marked[:10]) == 0
    assert min(marked[-8:]) > 500
    assert not list(here.glob(".*part*"))


def test_snapshots_of_everybody(enrolled: Run, film: Path, here: Path) -> None:
    first = enrolled("watch", film, "--snapshots", "seen", "--json")
    again = enrolled("watch", film, "--snapshots", "seen", "--json", "--threshold", "0.9999")
    paths = [run.json[-1]["snapshot"] for run in (first, again)]
    assert paths == ["seen/track-1.jpg", "seen/track-1-2.jpg"]  # what is there is kept; unknown ones, too
    assert "snapshot" not in first.json[0]
    assert enrolled("enroll", "Ada", *paths[:1], "--gate").code == 0  # the best one
    with PIL.Image.open(paths[0]) as shot:
        assert 200 < shot.width < 400
    assert enrolled("watch", film, "--snapshots", "seen").out.endswith("\n             seen/track-1-3.jpg\n")


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (["--video", "marked.txt"], 2, "marked.txt: expected a name that ends in .mp4 or .avi"),
        (["--video", "obama.jpg/marked.mp4"], 1, "obama.jpg/marked.mp4: cannot be written"),
        (["--snapshots", "obama.jpg"], 2, "obama.jpg"),
        (["--max-fps", "0"], 2, "max_fps: expected a number above 0"),
        (["--window"], 2, "--window: there is no screen"),
        (["--threshold", "3"], 2, "expected a cosine"),
        (["--every", "0"], 2, "--every"),
    ],
)
def test_wrong_usage(
    enrolled: Run, film: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], code: int, complaint: str
) -> None:
    monkeypatch.setattr(window, "can_show", lambda: False)
    done = enrolled("watch", film, *options)
    assert (done.code, done.out) == (code, "")
    assert complaint in done.complaint


def test_a_film_never_replaces_its_source(enrolled: Run, film: Path, here: Path) -> None:
    before = film.read_bytes()
    (here / "soft.avi").symlink_to(film)
    (here / "hard.avi").hardlink_to(film)
    pairs: list[tuple[str | Path, str | Path]] = [
        (film, film),
        ("soft.avi", film),
        (film, "soft.avi"),
        ("hard.avi", "soft.avi"),
    ]
    for source, target in pairs:
        done = enrolled("watch", source, "--video", target)
        assert (done.code, done.out) == (2, "")
        assert (
            done.complaint
            == f"facepipe: --video {target}: that is the source, which would be lost; name another file\n"
        )
    assert film.read_bytes() == before
    assert (here / "soft.avi").is_symlink()


def test_pictures_are_for_identify(enrolled: Run, samples: Path, here: Path) -> None:
    (here / "empty").mkdir()
    for source in (samples / "obama.jpg", samples, "empty"):
        done = enrolled("watch", source)
        assert (done.code, done.out) == (2, "")
        assert done.complaint.startswith(f"facepipe: {source}: expected a video, a camera or a stream; of pictures, ")
        assert "facepipe identify" in done.complaint


def test_a_film_shows_frames_for_as_long_as_they_were_seen(tmp_path: Path) -> None:
    colours = ["red", "green", "blue"]
    with Film(tmp_path / "live.avi", 10) as made:
        for colour, time in zip(colours, (5.0, 5.2, 5.24), strict=True):  # frames that come when they come
            made.add(PIL.Image.new("RGB", (64, 48), colour), time)
        made.add(PIL.Image.new("RGB", (32, 24), "white"), 605.24)  # after a stall, and of another size
        assert not (tmp_path / "live.avi").exists()
    capture = cv2.VideoCapture(str(tmp_path / "live.avi"))
    shades = []
    while (read := capture.read())[0]:
        assert read[1].shape == (48, 64, 3)
        shades.append(int(read[1][..., ::-1].mean(axis=(0, 1)).argmax()) if read[1].min() < 128 else 3)
    assert shades[:3] == [0, 1, 1]
    assert set(shades[3:]) == {3}
    assert len(shades) == 3 + 20  # the gap is two seconds at most


def test_a_film_that_cannot_be_whole_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a name that ends in"):
        Film(tmp_path / "a.mov", 10)
    made = Film(tmp_path / "a.mp4", 10)
    made.add(PIL.Image.new("RGB", (64, 48)), 0)
    made._part.write_bytes(b"")
    made._writer.release()
    made._part.write_bytes(b"")  # as on a full disk
    with pytest.raises(WriteFailed, match=r"a\.mp4: the video could not be written whole"):
        made.close()
    assert list(tmp_path.iterdir()) == []
    Film(tmp_path / "b.mp4", 10).close()  # no frame at all
    assert list(tmp_path.iterdir()) == []


def test_slow_films_name_people_too(enrolled: Run, film: Path) -> None:
    for options in (("--every", "1"), ("--every", "50"), ("--max-fps", "2")):
        events = [row["event"] for row in enrolled("watch", film, "--json", *options).json]
        assert events == ["appeared", "named", "left"], options


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_full_disk_ends_a_film_at_once(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Writer:
        fourcc = cv2.VideoWriter.fourcc

        def __init__(self, *given: object) -> None:
            self.isOpened, self.release = (lambda: True), (lambda: None)

        def write(self, pixels: np.ndarray) -> bool:
            return False  # as OpenCV 5 does

    monkeypatch.setattr(cv2, "VideoWriter", Writer)
    (tmp_path / f"a{suffix}").write_bytes(b"before")
    with pytest.raises(WriteFailed, match="no room for the rest"), Film(tmp_path / f"a{suffix}", 10) as made:
        made.add(PIL.Image.new("RGB", (64, 48)), 0)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_snapshots_let_go_of_faces_that_were_never_reported(tmp_path: Path, pipeline: Pipeline) -> None:
    image = picture("obama", pipeline, View())
    kept = snapshots.Snapshots(tmp_path, Worths())

    def seen(track: int, time: float) -> None:
        face = TrackedFace(track, pipeline.detect(image)[0], None, None, 0.9, (), False, 0, True)
        kept.look(Frame(image, 0, time), [face])

    seen(1, 0.0)
    seen(2, snapshots.FORGOTTEN + 1)
    assert kept.write(1) is None
    assert kept.write(2) == tmp_path / "track-2.jpg"


# Its end --------------------------------------------------------------------------------------------------------------


def after(count: int, act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something when the watcher has seen ``count`` frames."""
    see, frames = Watcher.see, []

    def counted(self: Watcher, frame: Frame) -> list[TrackedFace]:
        faces = see(self, frame)
        frames.append(frame.index)
        if len(frames) == count:
            act()
        return faces

    monkeypatch.setattr(Watcher, "see", counted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_tells_the_rest_and_makes_the_video_whole(
    enrolled: Run, film: Path, here: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    after(25, lambda: signal.raise_signal(number), monkeypatch)
    done = enrolled("watch", film, "--json", "--video", "marked.avi", "--snapshots", "seen")
    assert done.code == 130
    assert [row["event"] for row in done.json] == ["appeared", "named", "left"]
    assert done.json[-1]["to"] == pytest.approx(2.4)
    assert Path(done.json[-1]["snapshot"]).exists()
    assert cv2.VideoCapture("marked.avi").get(cv2.CAP_PROP_FRAME_COUNT) == 24
    assert "interrupted; what was reported until here is done and stored" in done.err
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_error_comes_after_what_happened_before(enrolled: Run, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise GalleryBusy("people.db: another process writes; run it again")

    after(25, fail, monkeypatch)
    done = enrolled("watch", film, "--json")
    assert done.code == 1
    assert [row["event"] for row in done.json] == ["appeared", "named", "left"]
    assert done.err.splitlines()[-1] == "facepipe: people.db: another process writes; run it again"


def test_a_window_that_is_closed_ends_it_well(enrolled: Run, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Shown:
        def __init__(self, title: str) -> None:
            self.left = 25

        def show(self, picture: PIL.Image.Image) -> bool:
            assert picture.size == (WIDTH, HEIGHT)
            self.left -= 1
            return self.left > 0

        def __enter__(self) -> "Shown":
            return self

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(window, "can_show", lambda: True)
    monkeypatch.setattr(window, "Window", Shown)
    done = enrolled("watch", film, "--json", "--window")
    assert (done.code, done.json[-1]["event"]) == (0, "left")
    assert done.err.splitlines()[1].startswith("25 frames, ")


def test_live_by_the_clock_until_ctrl_c(enrolled: Run, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [cv2.cvtColor(picture("obama", pipeline, view).pixels, cv2.COLOR_RGB2BGR) for view in held([View()], 2)]
    camera = NetworkCamera(lambda number: seen[number % 2], fps=25)
    try:
        after(40, lambda: signal.raise_signal(signal.SIGINT), monkeypatch)
        done = enrolled("watch", camera.url(user="me:secret@"), "--json", "--video", "live.mp4")
    finally:
        camera.disappear()
    assert done.code == 0
    assert [row["event"] for row in done.json] == ["appeared", "named", "left"]
    left = done.json[-1]
    assert left["from_at"] < left["to_at"]
    assert left["to_at"].endswith("+00:00")
    assert "secret" not in done.out + done.err
    assert Path("live.mp4").exists()


def test_the_states_of_a_live_source_are_remarks(capsys: pytest.CaptureFixture[str]) -> None:
    class Camera:
        label, live = "rtsp://camera/1", True

    watch.say_state(Camera(), "stalled", "no picture for 5.0 s")  # type: ignore[arg-type]
    assert capsys.readouterr().err == "rtsp://camera/1: stalled: no picture for 5.0 s\n"
    Camera.live = False
    watch.say_state(Camera(), "ended", "the end")  # type: ignore[arg-type]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.0"), (9.96, "0:10.0"), (59.97, "1:00.0"), (3727.3, "1:02:07.3")]
)
def test_clock(seconds: float, shown: str) -> None:
    assert watch.clock(seconds) == shown


def test_marks() -> None:
    detection = Detection(np.array([0, 0, 9, 9], np.float32), 0.9, np.zeros((5, 2), np.float32))

    def label(name: str | None, decided: bool, *candidates: Candidate) -> tuple[str, bool | None, int | None]:
        mark = watch.mark(TrackedFace(7, detection, name, 0.96, 0.9, candidates, decided, 3, True))
        return mark.label, mark.known, mark.number

    ben, ada = Candidate("Ben", 0.96, 1, 1, 0.6), Candidate("Ada", 0.956, 2, 2, 0.4)
    assert label(None, False, ben) == ("…", None, 7)
    assert label(None, True) == ("unknown", False, 7)
    assert label(None, True, ben) == ("unknown; nearest Ben, 60 %", False, 7)
    assert label("Ada", True, ben, ada) == ("Ada 40 %", True, 7)  # of her who is named, not of the best
    assert label("Ada", True, Candidate("Ada", 0.956, 1, 1)) == ("Ada 0.96", True, 7)  # nothing says how sure it is


def test_who_left_too_soon_is_neither_known_nor_unknown() -> None:
    def left(name: str | None, score: float, decided: bool, odds: float | None = None) -> str:
        box, best = np.array([0, 0, 9, 9], np.float32), (Candidate("Ada", score, 1, 1, odds),)
        return watch.event_text(Event("left", 1, name, score, 0.93, decided, 0, 1, None, None, box, best))

    assert "leaves: undecided  " in left(None, 0.957, False, 0.99)
    assert "leaves: undecided      0.957 ≥ 0.930" in left(None, 0.957, False)
    assert "leaves: unknown  " in left(None, 0.84, True, 0.004)
    assert "leaves: unknown; nearest Ada, 7 %  " in left(None, 0.92, True, 0.07)
    assert "leaves: Ada            0.920 < 0.930" in left("Ada", 0.92, True)  # until the chips clearly say otherwise
    assert "leaves: Ada, 99.6 %  " in left("Ada", 0.97, True, 0.996)
