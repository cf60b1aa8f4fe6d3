"""What OpenCV leaves out or cannot decode: fields, AV1, sound alone; and pixels that are not square."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", minversion="18")

from facepipe.errors import SourceRefused
from facepipe.sources import open_source, spoilt
from tests.network_camera import SIZE, number_in, picture
from tests.sources.coded import woven, write, write_sound

pytestmark = pytest.mark.slow
COUNT = 12
FIELDS = {
    "a.mpg": ("mpeg2video", "yuv420p"),
    "a.ts": ("mpeg2video", "yuv420p"),
    "a.vob": ("mpeg2video", "yuv420p"),
    "a.mp4": ("mpeg4", "yuv420p"),
    "a.avi": ("mpeg4", "yuv420p"),
    "a.mkv": ("ffv1", "yuv420p"),
    "a.mov": ("prores_ks", "yuv422p10le"),
}


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)


def fields(folder: Path, name: str = "a.mpg", count: int = COUNT) -> Path:
    codec, pixels = FIELDS[name]
    return write(folder / name, [woven(number) for number in range(count)], codec, fields=True, pixels=pixels)


@pytest.mark.parametrize("name", FIELDS)
def test_fields_become_whole_pictures(name: str, tmp_path: Path, nothing_left: None) -> None:
    path = fields(tmp_path, name)
    with open_source(path) as source:
        assert (source.size, source.fps) == (SIZE, 25)
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(COUNT))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(COUNT)], abs=2e-3)
    for number, frame in enumerate(frames):
        assert number_in(frame.image.pixels) == 2 * number
        rows = frame.image.pixels[20:].astype(int)
        combed = np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean()
        smooth = picture(2 * number)[20:].astype(int)
        assert combed < 1.5 * np.abs(2 * smooth[1:-1] - smooth[:-2] - smooth[2:]).mean() + 2
    assert not frames[0].image.pixels.flags.writeable


@pytest.mark.parametrize("name", FIELDS)
def test_without_pyav_fields_are_an_error(name: str, tmp_path: Path, no_pyav: None) -> None:
    """Whatever the memory held before: here a picture of the same size."""
    before = write(tmp_path / "before.mkv", [picture(5)] * 3, "ffv1")
    assert {number_in(frame.image.pixels) for frame in open_source(before)} == {5}
    path = fields(tmp_path, name)
    with pytest.raises(
        SourceRefused, match=r"interlaced, which OpenCV .* pip install 'av>=18', or convert it: ffmpeg -i "
    ):
        open_source(path)


@pytest.mark.skipif(spoilt.mallopt is None, reason="only the GNU C library says what lies in memory that is taken")
def test_without_pyav_fields_are_an_error_whatever_lies_in_memory(tmp_path: Path, no_pyav: None) -> None:
    """Holes of a picture's size and a little more, the same grey in all of them."""
    path = fields(tmp_path)
    whole = picture(0).nbytes
    for _ in range(5):
        pieces = [np.full(whole + 16 * (number % 400), 200, np.uint8) for number in range(1200)]
        kept = pieces[::2]
        del pieces
        with pytest.raises(SourceRefused, match="interlaced"):
            open_source(path)
        del kept


def test_fields_in_the_middle(tmp_path: Path) -> None:
    """As in what was recorded from the air: one programme after another."""
    whole = write(tmp_path / "a.ts", [picture(2 * n) for n in range(COUNT)], "mpeg2video")
    later = [woven(number) for number in range(COUNT, 2 * COUNT)]
    split = write(tmp_path / "b.ts", later, "mpeg2video", fields=True, first=COUNT)
    for parts in ([whole, split], [split, whole]):
        path = tmp_path / "both.ts"
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        with open_source(path) as source:
            seen = [number_in(frame.image.pixels) // 2 for frame in source]
        expected = [*range(COUNT), *range(COUNT, 2 * COUNT)]
        assert seen == (expected if parts[0] == whole else expected[COUNT:] + expected[:COUNT])


def test_fewer_frames_and_loops_of_fields(tmp_path: Path) -> None:
    path = fields(tmp_path)
    with open_source(path, max_fps=5) as source:
        assert [number_in(frame.image.pixels) // 2 for frame in source] == [0, 5, 10]
    with open_source(path, loop=True) as source:
        frames = [frame for frame, _ in zip(source, range(2 * COUNT + 2), strict=False)]
    assert [number_in(frame.image.pixels) // 2 for frame in frames] == [*range(COUNT), *range(COUNT), 0, 1]


def test_a_film_of_one_picture_is_no_error(tmp_path: Path, no_pyav: None) -> None:
    path = write(tmp_path / "a.mkv", [picture(7)] * 9, "ffv1")
    with open_source(path) as source:
        assert [number_in(frame.image.pixels) for frame in source] == [7] * 9


def test_a_film_that_begins_in_black(tmp_path: Path, no_pyav: None) -> None:
    black = np.zeros_like(picture(0))
    path = write(tmp_path / "a.mkv", [black] * 3 + [picture(n) for n in range(3, 9)], "ffv1")
    with open_source(path) as source:
        frames = list(source)
    assert [number_in(frame.image.pixels) for frame in frames] == list(range(3, 9))
    assert [frame.index for frame in frames] == list(range(3, 9))


def test_a_dark_film_is_played(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", [np.zeros_like(picture(0))] * 5, "ffv1")
    with open_source(path) as source:
        assert [int(frame.image.pixels.max()) for frame in source] == [0] * 5


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_av1(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
    path = write(tmp_path / name, [picture(n) for n in range(6)], "libsvtav1")
    assert before is None or os.sched_getscheduler(0) == before
    with open_source(path) as source:
        assert [number_in(frame.image.pixels) for frame in source] == list(range(6))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SourceRefused, match=r"AV1, which OpenCV .* pip install 'av>=18', or convert it: ffmpeg -i "):
        open_source(path)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "aac"),
        ("a.m4a", "aac"),
        ("a.mov", "aac"),
        ("a.mkv", "aac"),
        ("a.webm", "libopus"),
        ("a.ts", "mp2"),
        ("a.mpg", "mp2"),
        ("a.avi", "pcm_s16le"),
        ("a.wmv", "wmav2"),
        ("a.flv", "aac"),
        ("a.ogg", "flac"),
        ("a.wav", "pcm_s16le"),
        ("a.flac", "flac"),
        ("a.aac", "aac"),
        ("a.mp2", "mp2"),
    ],
)
@pytest.mark.parametrize("pyav", [True, False])
def test_sound_alone(name: str, codec: str, pyav: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sound(tmp_path / name, codec)
    if not pyav:
        monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(SourceRefused, match=r"no video in it, only sound or data"):
        open_source(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mpg"])
@pytest.mark.parametrize("aspect", [Fraction(2), Fraction(1, 2), Fraction(16, 15)])
@pytest.mark.parametrize("coded_in_fields", [False, True])
def test_pixels_are_made_square(name: str, aspect: Fraction, coded_in_fields: bool, tmp_path: Path) -> None:
    width, height = (int(SIZE[0] / aspect), SIZE[1]) if aspect > 1 else (SIZE[0], int(SIZE[1] * aspect))
    codec = "mpeg2video" if name == "a.mpg" else "mpeg4"
    if name == "a.mpg":  # which states the shape of the picture, by one of three
        aspect, width, height = Fraction(4, 3) / Fraction(160, 144), 160, 144
    frames = [picture(4)] * 2 + [picture(6)] * 2
    path = write(tmp_path / name, frames, codec, fields=coded_in_fields, aspect=aspect, size=(width, height))
    with open_source(path) as source:
        pixels = next(iter(source)).image.pixels
        assert source.size == (pixels.shape[1], pixels.shape[0])
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(4 / 3, abs=0.03)
    assert pixels.shape[1] >= width
    assert pixels.shape[0] >= height
    if name != "a.mpg":
        assert abs(pixels.shape[1] - SIZE[0]) <= 1
        seen = pixels[: SIZE[1], : SIZE[0]].astype(int)
        truth = picture(4)[: pixels.shape[0], : pixels.shape[1], ::-1]
        assert np.abs(seen[18:] - truth[18:]).mean() < 12
