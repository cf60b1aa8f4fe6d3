"""Live sources: only the newest frame counts, silence is noticed, what went away is waited for and found again."""

import time
from dataclasses import replace
from functools import partial
from itertools import islice, pairwise

import pytest

from facepipe.errors import SourceRefused
from facepipe.sources import Patience, open_source
from facepipe.sources.capture import open_stream
from facepipe.sources.live import Link, LiveSource
from tests.network_camera import QUICK, SHORT, SIZE, NetworkCamera, RtspCamera, number_in, picture
from tests.sources.settling import in_use, settles

pytestmark = pytest.mark.slow


def test_a_stream(nothing_left: None, camera: NetworkCamera) -> None:
    with open_source(camera.url(), patience=QUICK) as source:
        assert (source.live, source.size, source.state) == (True, SIZE, "live")
        frames = list(islice(source, 10))
    assert source.state == "ended"
    assert list(source) == []
    numbers = [number_in(frame.image.pixels) for frame in frames]
    assert numbers == sorted(set(numbers))
    assert [frame.index for frame in frames] == [number - 1 for number in numbers]


def test_frames_are_timed_as_they_come(camera: NetworkCamera) -> None:
    with open_source(camera.url(), patience=QUICK) as source:
        frames = list(islice(source, 10))
    assert 0 <= frames[0].time < 1  # not 0 where the first of all was dropped
    passed = [b.time - a.time for a, b in pairwise(frames)]
    assert min(passed) > 0
    assert [(b.at - a.at).total_seconds() for a, b in pairwise(frames)] == pytest.approx(passed, abs=0.05)
    assert frames[0].at.utcoffset().total_seconds() == 0
    assert abs(frames[-1].at.timestamp() - time.time()) < 5


def test_who_is_slow_sees_the_newest(camera: NetworkCamera) -> None:
    with open_source(camera.url(), patience=QUICK) as source:
        frames = iter(source)
        next(frames)
        camera.send_more(15)
        camera.silent = True
        assert settles(lambda: source.dropped == camera.number - 2)  # all but the first taken and the last
        late = next(frames)
        assert number_in(late.image.pixels) == camera.number == late.index + 1 >= 15


def test_max_fps(camera: NetworkCamera) -> None:
    with open_source(camera.url(), patience=QUICK, max_fps=10) as source:
        frames = list(islice(source, 6))
    assert frames[-1].time >= 0.48  # five tenths, but for rounding
    assert frames[-1].index >= 10  # those left out are counted
    assert source.dropped == 0  # but nobody was too slow


def test_frames_that_are_left_out_are_signs_of_life(camera: NetworkCamera) -> None:
    told = []
    patience = replace(QUICK, stall=0.3)
    with open_source(camera.url(), patience=patience, max_fps=1, on_state=lambda *news: told.append(news)) as source:
        assert [frame.index > 20 for frame in islice(source, 2)] == [False, True]
    assert told == []


def test_away_and_back_twenty_times(nothing_left: None, camera: NetworkCamera) -> None:
    told: list[str] = []

    def on_state(state: str, message: str) -> None:
        told.append(state)
        if state == "reconnecting":
            camera.appear()

    used: list[tuple[int, int]] = []
    with open_source(camera.url(), patience=QUICK, on_state=on_state) as source:
        for frame in source:
            if len(told) == 3 * len(used):  # the first frame, and the first after each return
                assert told == ["stalled", "reconnecting", "live"] * len(used)
                used.append(in_use())
                if len(used) > 20:
                    break
                last = frame
                camera.disappear()
            else:
                assert frame.index > last.index
                assert frame.time > last.time
    assert len(camera.requests) == 21
    files, threads = zip(*used, strict=True)
    assert max(files) <= files[0]
    assert max(threads) <= threads[0]


def test_damaged_pictures_are_left_out(camera: NetworkCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    wrap, told = camera._wrap, []
    monkeypatch.setattr(camera, "_wrap", lambda jpeg: wrap(jpeg if camera.number % 5 else b"\xff" * len(jpeg)))
    with open_source(camera.url(), patience=QUICK, on_state=lambda *news: told.append(news)) as source:
        numbers = [number_in(frame.image.pixels) for frame in islice(source, 20)]
    assert [number for number in numbers if number % 5 == 1] == []
    assert (told, len(camera.requests)) == ([], 1)


def test_silence_is_noticed_and_over(nothing_left: None, camera: NetworkCamera) -> None:
    """The connection stands, but nothing comes; it comes back before that is given up."""
    told = []

    def on_state(state: str, message: str) -> None:
        told.append((state, message))
        camera.silent = False

    patience = Patience(connect=3, stall=0.1, read=20)
    with open_source(camera.url(), patience=patience, on_state=on_state) as source:
        frames = iter(source)
        next(frames)
        camera.silent = True
        while "live" not in [state for state, _ in told]:
            next(frames)
    assert [state for state, _ in told] == ["stalled", "live"]
    assert told[0][1] == "no picture for 0.1 s"
    assert len(camera.requests) == 1


def test_long_silence_is_given_up(nothing_left: None, camera: NetworkCamera) -> None:
    told = []

    def on_state(state: str, message: str) -> None:
        told.append((time.monotonic(), state))
        if state == "reconnecting":
            camera.silent = False

    with open_source(camera.url(), patience=SHORT, on_state=on_state) as source:
        frames = iter(source)
        next(frames)
        camera.silent = True
        start = time.monotonic()
        while "live" not in [state for _, state in told]:
            next(frames)
    assert [state for _, state in told] == ["stalled", "reconnecting", "live"]
    assert 0.2 < told[0][0] - start < 2
    assert 0.4 < told[1][0] - start < 3
    assert len(camera.requests) == 2


def test_the_state_tells_without_a_frame_being_asked_for(camera: NetworkCamera) -> None:
    with open_source(camera.url(), patience=SHORT) as source:
        next(iter(source))
        camera.silent = True
        assert settles(lambda: source.state == "stalled")
        assert settles(lambda: source.state == "reconnecting")
        camera.silent = False
        assert settles(lambda: source.state == "live")


def test_defaults_notice_within_ten_seconds() -> None:
    patience = Patience()
    assert patience.stall < patience.read < 10
    assert patience.frozen < 10


def test_a_frozen_picture_is_given_up_once(camera: NetworkCamera) -> None:
    """If the same picture comes with the next connection too, it may be all there is to see."""
    told = []
    patience = Patience(connect=3, frozen=0.2, first_wait=0.01)
    with open_source(camera.url(), patience=patience, on_state=lambda *news: told.append(news)) as source:
        frames = iter(source)
        next(frames)
        still = picture(7)
        camera.pictures = lambda number: still
        while "live" not in [state for state, _ in told]:
            next(frames)
        assert [state for state, _ in told] == ["stalled", "reconnecting", "live"]
        assert told[0][1] == "the picture has not changed for 0.2 s"
        start = next(frames).time
        while next(frames).time < start + 0.35:
            pass
        assert len(told) == 3
        camera.pictures = picture
        start = next(frames).time
        while next(frames).time < start + 0.35:
            pass
        assert len(told) == 3
        assert len(camera.requests) == 2


def test_attempts_come_at_longer_and_longer_intervals(camera: NetworkCamera) -> None:
    attempts: list[float] = []

    def connect():
        attempts.append(time.monotonic())
        if len(attempts) == 8:
            camera.appear()
        return open_stream(camera.url(), 3, 3)

    patience = Patience(connect=3, first_wait=0.02, longest_wait=0.08)
    with LiveSource(Link("camera", connect, ""), patience=patience) as source:
        camera.disappear()
        assert settles(lambda: len(attempts) >= 8)
        assert next(frame for frame in source if frame.index) is not None
    waits = [b - a for a, b in pairwise(attempts[1:8])]
    expected = [0.04, 0.08, 0.08, 0.08, 0.08, 0.08]
    assert all(wait >= least for wait, least in zip(waits, expected, strict=True))
    assert sum(waits) < sum(expected) + 1


def test_a_local_camera_that_stays_away_ends(nothing_left: None, camera: NetworkCamera) -> None:
    told = []
    link = Link("webcam:0", partial(open_stream, camera.url(), 3, 3), "", gone=QUICK.gone)
    with LiveSource(link, patience=QUICK, on_state=lambda *news: told.append(news)) as source:
        frames = iter(source)
        next(frames)
        camera.disappear()
        rest = list(frames)
        assert source.state == "ended"
    assert [state for state, _ in told] == ["stalled", "reconnecting", "ended"]
    assert told[-1][1] == "gone for more than 0.4 s"
    assert len(rest) <= 1  # the last to come


def test_what_answers_meanwhile_is_no_reason_to_give_up(nothing_left: None, camera: NetworkCamera) -> None:
    """A camera that starts up may show a page or a picture first."""
    told, attempts = [], []

    def connect():
        attempts.append(1)
        if len(attempts) == 2:
            raise SourceRefused("a picture")
        return open_stream(camera.url(), 3, 3)

    def on_state(state: str, message: str) -> None:
        told.append(state)
        if state == "stalled":
            camera.appear()

    with LiveSource(Link("camera", connect, ""), patience=QUICK, on_state=on_state) as source:
        frames = iter(source)
        next(frames)
        camera.disappear()
        while len(told) < 3:
            next(frames)
    assert told == ["stalled", "reconnecting", "live"]
    assert len(attempts) >= 3


def test_pictures_that_are_too_large(
    nothing_left: None, camera: NetworkCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facepipe.sources.open.MAX_PIXELS", SIZE[0] * SIZE[1] - 1)
    with pytest.raises(SourceRefused, match="at most 19199 pixels, got 160x120"):
        open_source(camera.url(), patience=QUICK)


def test_a_camera_that_speaks_rtsp(nothing_left: None) -> None:
    told = []
    camera = RtspCamera()

    def on_state(state: str, message: str) -> None:
        told.append(state)
        if state == "reconnecting" and not camera.silent:
            camera.appear()
        elif state == "reconnecting":
            camera.silent = False

    with open_source(camera.url("ada:secret@"), patience=SHORT, on_state=on_state) as source:
        assert (source.label, source.size) == (f"rtsp://***@127.0.0.1:{camera.port}/video", SIZE)
        frames = iter(source)
        first = next(frames)
        assert abs(first.image.pixels.astype(int) - picture(number_in(first.image.pixels))[..., ::-1]).mean() < 6
        camera.disappear()
        while len(told) < 3:
            next(frames)
        camera.silent = True
        while len(told) < 6:
            next(frames)
    camera.disappear()
    assert told == ["stalled", "reconnecting", "live"] * 2
