"""Video files: each frame once, at its time, decoded ahead; what is damaged says so."""

import re
import struct
import threading
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from facepipe.errors import SourceDamaged, SourceRefused, UsageError
from facepipe.sources import open_source
from tests.network_camera import SIZE, number_in, picture, write_video

pytestmark = pytest.mark.slow


def test_every_frame_of_a_file_at_its_time(clip: Path, nothing_left: None) -> None:
    with open_source(clip) as source:
        assert (source.label, source.live, source.fps, source.size) == (str(clip), False, 25, SIZE)
        frames = list(source)
        assert source.state == "ended"
        assert list(source) == []
    assert [frame.index for frame in frames] == list(range(50))
    assert [number_in(frame.image.pixels) for frame in frames] == list(range(50))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(50)])
    assert {frame.at for frame in frames} == {None}
    assert (source.dropped, frames[0].image.source) == (0, str(clip))


def test_frames_are_rgb_and_read_only(clip: Path) -> None:
    with open_source(str(clip)) as source:
        pixels = next(iter(source)).image.pixels
    assert np.abs(pixels.astype(int) - picture(0)[..., ::-1]).mean() < 6  # compressed
    assert np.abs(pixels.astype(int) - picture(0)).mean() > 12  # not BGR
    assert not pixels.flags.writeable


@pytest.mark.parametrize(
    ("name", "fourcc"),
    [
        ("a.mov", "mp4v"),
        ("a.m4v", "mp4v"),
        ("a.avi", "MJPG"),
        ("a.mkv", "mp4v"),
        ("a.webm", "VP80"),
        ("a.ts", "mp4v"),
        ("a.m2ts", "mp4v"),
        ("a.mpg", "mpg2"),
        ("a.flv", "FLV1"),
        ("a.wmv", "WMV2"),
        ("a.mjpeg", "MJPG"),
    ],
)
def test_containers_that_are_played(name: str, fourcc: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / name, 8, fourcc)
    if not name.endswith(".mjpeg"):
        path = path.rename(tmp_path / "told by its bytes")
    with open_source(path) as source:
        frames = list(source)
    assert [number_in(frame.image.pixels) for frame in frames] == list(range(8))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(8)], abs=1e-3)


def test_frames_of_uneven_length(tmp_path: Path, clip: Path) -> None:
    """The file's clock counts, not its frame rate: the first ten frames are shown three times as long."""
    data = bytearray(clip.read_bytes())
    index = data.index(b"moov")
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stts"):
        at = data.index(kind, index)
        (size,) = struct.unpack_from(">I", data, at - 4)
        struct.pack_into(">I", data, at - 4, size + 8)  # room for one more entry
    entries, count, length = struct.unpack_from(">3I", data, at + 8)
    assert (entries, count) == (1, 50)
    data[at + 8 : at + 20] = struct.pack(">5I", 2, 10, 3 * length, 40, length)
    (tmp_path / "uneven.mp4").write_bytes(data.replace(b"edts", b"free"))  # the list that ends it after 2 s
    with open_source(tmp_path / "uneven.mp4") as source:
        times = [frame.time for frame in source]
    assert times == pytest.approx([3 * n / 25 for n in range(10)] + [(30 + n) / 25 for n in range(40)])


def test_a_video_filmed_upright_is_turned(tmp_path: Path, clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    matrix = data.index(b"tkhd") + 44
    struct.pack_into(">9i", data, matrix, 0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[1] << 16, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(data)
    with open_source(tmp_path / "turned.mp4") as source:
        pixels = next(iter(source)).image.pixels
        assert source.size == (SIZE[1], SIZE[0]) == (pixels.shape[1], pixels.shape[0])
    upright = np.rot90(picture(0)[..., ::-1], -1)  # a quarter to the right
    assert np.abs(pixels.astype(int) - upright).mean() < 6


def test_a_loop_goes_on(clip: Path, nothing_left: None) -> None:
    with open_source(clip, loop=True) as source:
        frames = list(islice(source, 120))
    assert [number_in(frame.image.pixels) for frame in frames] == [n % 50 for n in range(120)]
    assert [frame.index for frame in frames] == list(range(120))
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(120)])


@pytest.mark.parametrize(
    ("max_fps", "expected"),
    [(25, range(50)), (100, range(50)), (12.5, range(0, 50, 2)), (5, range(0, 50, 5)), (0.1, [0])],
)
def test_max_fps_leaves_frames_out(max_fps: float, expected: range | list[int], clip: Path) -> None:
    with open_source(clip, max_fps=max_fps) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(expected)
    assert [number_in(frame.image.pixels) for frame in frames] == list(expected)
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in expected])
    assert source.dropped == 0


def test_max_fps_that_is_no_fraction_of_the_files(clip: Path) -> None:
    with open_source(clip, max_fps=15) as source:
        indices = [frame.index for frame in source]
    assert len(indices) == 30  # of two seconds
    assert {b - a for a, b in pairwise(indices)} == {1, 2}


@pytest.mark.parametrize("max_fps", [0, -1, float("nan"), float("inf")])
def test_max_fps_out_of_range(max_fps: float, clip: Path) -> None:
    with pytest.raises(UsageError, match="max_fps"):
        open_source(clip, max_fps=max_fps)


def test_closed_in_the_middle(clip: Path, nothing_left: None) -> None:
    before = threading.active_count()
    source = open_source(clip, loop=True)
    frames = iter(source)
    assert next(frames).index == 0
    source.close()
    assert threading.active_count() == before  # at once
    source.close()
    assert source.state == "ended"
    assert list(frames) == list(source) == []


def test_a_source_that_is_dropped_ends_its_thread(clip: Path, nothing_left: None) -> None:
    for frame in open_source(clip, loop=True):
        assert frame.index == 0
        break


def test_an_iterator_let_go_of_leaves_the_rest_to_the_next(clip: Path) -> None:
    with open_source(clip) as source:
        assert [frame.index for frame in islice(source, 3)] == [0, 1, 2]
        assert next(iter(source)).index == 3


def test_the_end_is_told(clip: Path) -> None:
    told = []
    with open_source(clip, on_state=lambda *news: told.append(news)) as source:
        assert source.state == "live"
        list(source)
    assert told == [("ended", "the end")]


# Damage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "fourcc"), [("a.avi", "MJPG"), ("a.mkv", "mp4v")])
def test_a_truncated_file_is_played_as_far_as_it_goes(name: str, fourcc: str, tmp_path: Path, nothing_left) -> None:
    path = write_video(tmp_path / name, 50, fourcc)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    seen = list[int]()
    with (
        open_source(path, loop=True) as source,
        pytest.raises(SourceDamaged, match=rf"{name}: truncated .*, ends after"),
    ):
        seen.extend(frame.index for frame in source)
    assert seen == list(range(len(seen)))
    assert 20 < len(seen) < 40
    assert source.state == "ended"


def test_damaged_frames_are_left_out(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 50, "MJPG")
    data = bytearray(path.read_bytes())
    starts = [found.end() for found in re.finditer(b"00dc", data) if found.start() > data.index(b"movi")]
    for number in (20, 21, 30):
        (length,) = struct.unpack_from("<I", data, starts[number])
        data[starts[number] + 4 : starts[number] + 4 + length] = b"\xff" * length
    path.write_bytes(data)
    with open_source(path) as source:
        frames = list(source)
    whole = [number for number in range(50) if number not in (20, 21, 30)]
    assert [number_in(frame.image.pixels) for frame in frames] == whole
    assert [frame.time for frame in frames] == pytest.approx([number / 25 for number in whole])


def test_a_truncated_mp4_has_lost_its_index(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.mp4"
    path.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    with pytest.raises(SourceDamaged, match=r"half\.mp4: no index in it: .*truncated"):
        open_source(path)


def test_an_mp4_that_says_it_is_longer(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "longer.mp4"
    path.write_bytes(clip.read_bytes() + b"\0\0\1\0mdat" + b"rest")
    with open_source(path) as source:
        frames = iter(source)
        assert [frame.index for frame in islice(frames, 50)] == list(range(50))
        with pytest.raises(SourceDamaged, match="truncated MP4"):
            next(frames)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mkv", b"\x1a\x45\xdf\xa3" + bytes(500)),
        ("a.avi", b"RIFF\0\0\0\0AVI " + b"junk" * 100),
        ("a.ts", (b"\x47" + bytes(187)) * 20),
        ("a.mjpeg", b"\xff\xd8\xff" + bytes(500)),
        ("a.flv", b"FLV\x01\5\0\0\0\x09" + bytes(500)),
    ],
)
def test_a_container_without_pictures(name: str, data: bytes, tmp_path: Path, nothing_left: None) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceDamaged, match=rf"{name}: damaged .*\bdecoded; copy"):
        open_source(tmp_path / name)


def test_a_file_damaged_all_over(clip: Path, tmp_path: Path, nothing_left: None) -> None:
    data = bytearray(clip.read_bytes())
    start = data.index(b"mdat") + 4
    stop = data.index(b"moov") - 4
    data[start:stop] = bytes(stop - start)
    (tmp_path / "zeros.mp4").write_bytes(data)
    with pytest.raises(SourceDamaged, match=r"zeros\.mp4: damaged MP4, no picture"):
        open_source(tmp_path / "zeros.mp4")


def test_pictures_that_are_too_large(clip: Path, monkeypatch: pytest.MonkeyPatch, nothing_left: None) -> None:
    monkeypatch.setattr("facepipe.sources.video.MAX_PIXELS", SIZE[0] * SIZE[1] - 1)
    with pytest.raises(SourceRefused, match="at most 19199 pixels, got 160x120"):
        open_source(clip)
