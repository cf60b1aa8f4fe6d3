"""Cameras by the path to their device."""

import os
import sys
from pathlib import Path

import pytest

from facepipe.errors import SourceNotFound
from facepipe.sources import open_source
from facepipe.sources.devices import VIDEO
from tests.network_camera import QUICK

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="devices are named so on Linux")


@pytest.mark.parametrize("path", ["/dev/video97", "/dev/v4l/by-id/usb-ACME_97-video-index0", "/dev/../dev/video97"])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_camera_that_is_not_there(path: str, kind: type[str] | type[Path]) -> None:
    with pytest.raises(SourceNotFound, match=r"/video97|/usb-ACME") as caught:
        open_source(kind(path))
    assert str(caught.value).startswith(f"{path}: no such camera; expected a camera that is plugged in")
    assert "this machine has " in str(caught.value)


def test_a_path_may_stand_for_a_number() -> None:
    with pytest.raises(SourceNotFound, match=r"^/dev/video97: no such camera"):
        open_source("webcam:/dev/video97")


def test_a_path_is_opened_as_the_device_that_it_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []  # append's None says that it cannot be opened
    monkeypatch.setattr("facepipe.sources.open.open_camera", opened.append)
    monkeypatch.setattr("facepipe.sources.devices._is_video", lambda path: path.endswith("front"))
    (tmp_path / "front").symlink_to(tmp_path / "video3")
    with pytest.raises(SourceNotFound, match=r"front: no picture came; expected a camera that is plugged in"):
        open_source(tmp_path / "front", patience=QUICK)
    assert opened == [str(tmp_path / "video3")]


@pytest.mark.skipif(not hasattr(os, "mknod") or os.geteuid() != 0, reason="only root makes devices")
def test_a_device_without_a_driver(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "front", 0o20600, os.makedev(VIDEO, 250))
    except PermissionError:
        pytest.skip("not even root may here")
    with pytest.raises(SourceNotFound, match=r"front: no picture came; expected a camera"):
        open_source(tmp_path / "front", patience=QUICK)
