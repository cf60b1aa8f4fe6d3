"""Images as a source, and which kind of source a name means."""

import logging
from itertools import islice
from pathlib import Path

import pytest

from facepipe.errors import ImageError, ImageNotFound, SourceNotFound, SourceRefused, UsageError
from facepipe.image import read_image
from facepipe.sources import open_source
from facepipe.sources.addresses import label_of


def test_one_image(samples: Path) -> None:
    with open_source(samples / "obama.jpg") as source:
        assert (source.label, source.live, source.fps, source.size) == (str(samples / "obama.jpg"), False, None, None)
        (frame,) = source
        assert source.state == "ended"
    assert (frame.index, frame.time, frame.at, source.dropped) == (0, 0, None, 0)
    assert frame.image.sha256 == read_image(samples / "obama.jpg").sha256


def test_a_folder_of_images(samples: Path) -> None:
    told = []
    with open_source(str(samples), on_state=lambda *news: told.append(news)) as source:
        frames = list(source)
        assert list(source) == []
    names = ["astronaut.png", "biden.jpg", "obama.jpg", "obama2.jpg", "obama3.jpg"]
    assert [Path(frame.image.source).name for frame in frames] == names
    assert [(frame.index, frame.time) for frame in frames] == [(n, n) for n in range(5)]
    assert told == [("ended", "the end")]


def test_several_images_again_and_again(samples: Path) -> None:
    with open_source([samples / "obama.jpg", str(samples / "biden.jpg")], loop=True) as source:
        frames = list(islice(source, 5))
        assert [Path(frame.image.source).stem for frame in frames] == ["obama", "biden", "obama", "biden", "obama"]
        assert [frame.index for frame in frames] == list(range(5))
        assert source.state == "live"
    assert source.state == "ended"
    assert list(source) == []


def test_images_that_cannot_be_read_are_left_out(
    samples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xffjunk")
    (tmp_path / "b.jpg").write_bytes((samples / "obama.jpg").read_bytes())
    with caplog.at_level(logging.WARNING, "facepipe"), open_source(tmp_path) as source:
        assert [frame.index for frame in source] == [1]
    assert len(caplog.messages) == 1
    assert "a.jpg" in caplog.text
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xffjunk")
    with open_source(tmp_path, loop=True) as source, pytest.raises(ImageError, match=r"b\.jpg"):
        list(source)


def test_one_image_that_cannot_be_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xffjunk")
    with open_source(tmp_path / "a.jpg") as source, pytest.raises(ImageError, match=r"a\.jpg"):
        list(source)
    with open_source([tmp_path / "missing.jpg"]) as source, pytest.raises(ImageNotFound, match=r"missing\.jpg"):
        list(source)
    assert caplog.messages == []


def test_nothing_to_open(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no images in this folder"):
        open_source(tmp_path)
    with pytest.raises(UsageError, match="no images given"):
        open_source([])
    with pytest.raises(SourceNotFound, match="empty path"):
        open_source("")


def test_a_camera_is_named_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("webcam:front", "webcam:-1", "webcam:1000", "Webcam:0", "webcam:", "webcam:٣"):
        with pytest.raises(SourceNotFound, match=f"^{name}: no such camera or file; expected webcam:NUMBER"):
            open_source(name)
    with pytest.raises(SourceNotFound, match="no such file"):
        open_source("camera:0")
    (tmp_path / "webcam:film").write_bytes(b"no film")
    with pytest.raises(SourceRefused, match="webcam:film: expected an MP4"):
        open_source("webcam:film")
    numbers: list[int] = []
    monkeypatch.setattr("facepipe.sources.open.open_camera", numbers.append)  # whose None says that there is none
    for name in ("webcam", "webcam:0", "webcam:12"):
        with pytest.raises(SourceNotFound, match=r"^webcam:[0-9]+: no picture came"):
            open_source(name)
    assert numbers == [0, 0, 12]


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("rtsp://10.0.0.1:554/live", "rtsp://10.0.0.1:554/live"),
        ("rtsp://ada:secret@10.0.0.1/live", "rtsp://***@10.0.0.1/live"),
        ("rtsp://token@host/", "rtsp://***@host/"),
        ("rtsp://a:s@e/c?r#e@t@host/x", "rtsp://***@host/x"),
        ("http://host/x?user=a&pwd=b", "http://host/x?…"),
        ("http://host/x#secret", "http://host/x?…"),
        ("http://host?secret", "http://host?…"),
        ("rtsp://host/user=admin_password=b_channel=1/0.sdp", "rtsp://host/user=***/0.sdp"),
        ("rtsp://host/PWD=b&channel=1", "rtsp://host/PWD=***&channel=1"),
        ("rtsp://host/a\x1b[2J\n", r"'rtsp://host/a\x1b[2J\n'"),
    ],
)
def test_what_is_shown_of_an_address(url: str, label: str) -> None:
    assert label_of(url) == label


def test_a_windows_path_is_a_path() -> None:
    with pytest.raises(SourceNotFound, match="no such file"):
        open_source("C://film.mp4")


def test_a_path_object_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceNotFound, match=r"^webcam:0: no such file"):
        open_source(Path("webcam:0"))
    with pytest.raises(SourceRefused, match="expected a stream"):
        open_source("gopher://host/film")
