"""Live sources that cannot be opened, and how they are let go of; what is said meanwhile, and what never is."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import pytest

from facepipe.errors import SourceNotFound, SourceRefused, UsageError
from facepipe.sources import Patience, open_source
from tests.network_camera import QUICK, SHORT, NetworkCamera
from tests.sources.settling import settles

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_no_camera_of_this_number(nothing_left: None) -> None:
    with pytest.raises(SourceNotFound, match=r"webcam:99: no picture came; expected a camera that is plugged in"):
        open_source("webcam:99")


def test_nobody_answers(nothing_left: None, camera: NetworkCamera) -> None:
    url = camera.url("ada:se@cret@", "/user=ada_password=secret2_channel=1?token=secret3")
    camera.disappear()
    with pytest.raises(SourceNotFound) as caught:
        open_source(url, patience=QUICK)
    assert str(caught.value) == (
        f"http://***@127.0.0.1:{camera.port}/user=***?…: no picture came; "
        "check the address, the user name and the password, and that the camera is on"
    )


def test_somebody_answers_and_says_nothing(nothing_left: None, camera: NetworkCamera) -> None:
    camera.silent = True
    start = time.monotonic()
    with pytest.raises(SourceNotFound, match="no picture came"):
        open_source(camera.url(), patience=Patience(connect=0.3, read=0.3))
    assert time.monotonic() - start < 3


def test_the_password_is_shown_nowhere(camera: NetworkCamera) -> None:
    told = []
    url = camera.url("ada:secret@", "/video?pw=secret")
    with open_source(url, patience=SHORT, on_state=lambda *news: told.append(news)) as source:
        frames = iter(source)
        seen = [source.label, next(frames).image.source, *(thread.name for thread in threading.enumerate())]
        camera.silent = True
        assert settles(lambda: source.state == "reconnecting")
        camera.silent = False
        while len(told) < 3:
            next(frames)
    assert source.label == f"http://***@127.0.0.1:{camera.port}/video?…"
    assert "secret" not in repr([*seen, told])
    assert "pw=secret" in camera.requests[0]


def test_close_wakes_the_one_who_waits(nothing_left: None, camera: NetworkCamera) -> None:
    source = open_source(camera.url(), patience=SHORT)
    frames = iter(source)
    next(frames)
    camera.silent = True
    closing = threading.Timer(0.05, source.close)
    closing.start()
    assert len(list(frames)) <= 2
    closing.join()
    assert source.state == "ended"


def test_closed_while_it_is_away(nothing_left: None, camera: NetworkCamera) -> None:
    patience = Patience(connect=3, first_wait=60)
    with open_source(camera.url(), patience=patience) as source:
        camera.disappear()
        assert settles(lambda: source.state == "reconnecting")
        start = time.monotonic()
    assert time.monotonic() - start < 0.5


def test_a_source_that_is_dropped_ends_its_thread(nothing_left: None, camera: NetworkCamera) -> None:
    for _ in open_source(camera.url(), patience=QUICK):
        break


def test_ctrl_c_while_nothing_comes(nothing_left: None, camera: NetworkCamera) -> None:
    with open_source(camera.url(), patience=SHORT) as source:
        next(iter(source))
        camera.silent = True
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            list(source)


def test_ctrl_c_while_it_is_opened(nothing_left: None, camera: NetworkCamera) -> None:
    camera.silent = True
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        open_source(camera.url(), patience=Patience(connect=1, read=1))


ABANDONED = """
import sys
from facepipe.sources import open_source
for frame in open_source(sys.argv[1]):  # with the patience of a user: eight seconds
    print(frame.index, flush=True)
"""


def test_a_program_ends_at_ctrl_c_while_nothing_comes(camera: NetworkCamera) -> None:
    """Nobody closed the source, and its thread waits in FFmpeg: neither keeps the program, or says anything."""
    run = subprocess.Popen(
        [sys.executable, "-c", ABANDONED, camera.url()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    try:
        assert run.stdout.readline().strip().isdecimal()
        camera.silent = True
        start = time.monotonic()
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=10)
    finally:
        run.kill()
    assert time.monotonic() - start < 3
    assert run.returncode == -signal.SIGINT
    assert said.splitlines()[-1] == "KeyboardInterrupt"


QUIET = """
import sys, os
from facepipe.errors import SourceError
from facepipe.sources import open_source
for given in sys.argv[1:]:
    try:
        with open_source(given) as source:
            print(len(list(source)))
    except SourceError:
        print("refused")
import cv2
print(cv2.utils.logging.getLogLevel(), os.environ.get("OPENCV_FFMPEG_LOGLEVEL"))
cv2.VideoCapture("/nowhere", cv2.CAP_FFMPEG)
"""


def test_opencv_says_nothing_meanwhile_and_speaks_again_after(
    camera: NetworkCamera, tmp_path: Path, clip: Path
) -> None:
    camera.disappear()
    (tmp_path / "a.ts").write_bytes((b"\x47" + bytes(187)) * 20)
    given = [camera.url("ada:secret@"), "webcam:99", str(tmp_path / "a.ts"), str(clip)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV")}
    run = subprocess.run(
        [sys.executable, "-c", QUIET, *given], capture_output=True, cwd=ROOT, text=True, env=clean, timeout=20
    )
    assert run.stdout == "refused\nrefused\nrefused\n50\n3 None\n"
    assert len(run.stderr.splitlines()) == 1
    assert "can't be used to capture by name" in run.stderr


@pytest.mark.skipif("OPENCV_LOG_LEVEL" in os.environ, reason="a level that was chosen is left alone")
def test_opencv_is_silent_while_a_stream_is_open(nothing_left: None, camera: NetworkCamera) -> None:
    before = cv2.utils.logging.getLogLevel()
    with open_source(camera.url(), patience=QUICK):
        assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_SILENT
    assert cv2.utils.logging.getLogLevel() == before != cv2.utils.logging.LOG_LEVEL_SILENT


# What is no stream ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["ftp://host/a", "file:///etc/passwd", "rtmp://host/a", "concat://a", "rtsp://", "http://:80/x", "http://a b/"],
)
def test_addresses_that_are_no_streams(url: str) -> None:
    with pytest.raises(SourceRefused, match="expected"):
        open_source(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://ada:secret@host:port/",
        "rtsp://ada:secret@[::1/",
        "rtsp://ada:secret@hö/",
        "rtsp://ada:sec/ret@host/",
        "rtsp://ada:sec?ret@host/",
    ],
)
def test_addresses_that_are_wrong(url: str) -> None:
    with pytest.raises(SourceRefused, match="expected rtsp://HOST") as caught:
        open_source(url)
    assert "ada" not in str(caught.value)
    assert "sec" not in str(caught.value)


def test_a_live_source_is_not_looped() -> None:
    with pytest.raises(UsageError, match="cannot be looped"):
        open_source("webcam:0", loop=True)
