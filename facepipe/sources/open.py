"""Whatever pictures come from, opened: one function for all kinds of sources."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from facepipe.errors import SourceNotFound, SourceRefused, UsageError
from facepipe.image import MAX_PIXELS
from facepipe.sources.addresses import check_url, label_of, scheme_of
from facepipe.sources.base import OnState, Patience, Pictures, Source
from facepipe.sources.capture import open_camera
from facepipe.sources.checked import open_stream
from facepipe.sources.containers import look_at
from facepipe.sources.devices import ADVICE, cameras_here, check_device, is_device
from facepipe.sources.live import Link, LiveSource
from facepipe.sources.mjpeg import open_jpegs
from facepipe.sources.pictures import image_files
from facepipe.sources.searching import IMAGE_SUFFIXES
from facepipe.sources.stills import Stills
from facepipe.sources.video import VideoFile

Given = str | os.PathLike[str]

_CAMERA = re.compile(r"webcam(?::(\d{1,3}))?", re.ASCII)
_VIDEO_NAME = re.compile(r"\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|m?ts|m2ts|flv|og[gv]|wmv|mjpe?g|3gp)$", re.IGNORECASE)
_STREAM_ADVICE = "check the address, the user name and the password, and that the camera is on"


def open_source(
    given: Given | Sequence[Given],
    *,
    loop: bool = False,
    max_fps: float | None = None,
    on_state: OnState | None = None,
    patience: Patience | None = None,
) -> Source:
    """Open ``given`` as an iterator of timed frames, to be closed or used with ``with``.

    ``given``: a video file, an image, a folder of images or several of these, ``webcam:0`` (a local camera by its
    number) or on Linux its device, ``/dev/video0`` or ``/dev/v4l/by-id/…``, or a stream: ``rtsp://…``, ``rtsps://…``,
    ``http://…``, ``https://…`` (MJPEG, or what FFmpeg takes; a file that begins like one of these is given with
    ``./``). The type tells live sources apart: ``source.live``.

    - Files are decoded ahead, three frames, and timed by their own clock. ``loop`` starts them again, times going on.
    - Live sources give the newest frame, timed by its arrival; ``dropped`` counts those nobody waited for. When no
      picture comes they are connected again, after longer and longer waits: streams for ever, a camera for half a
      minute, then it ends. The picture being the very same for long counts as none.
    - Images have no clock: each counts as a second, and nobody is followed from one to the next, so a Watcher's tracks
      do not last; ``Pipeline.identify`` says who is in them.
    - ``max_fps`` leaves frames out by their times; images have none.
    - ``on_state(state, message)`` is told of every change, in the thread that iterates: "stalled", "reconnecting",
      "live", "ended". ``patience``: how long is waited, ``Patience()`` when None.

    Pixels that are not square are made so, and what was recorded in fields becomes whole pictures (by PyAV, where it is
    installed; else SourceRefused): see docs/watch.md.

    A video file is told by its bytes, not by its name; a playlist, a session description, or a movie that refers to
    other files is refused, and no address in a file is contacted. A stream may answer with a playlist (HLS: ``.m3u8``),
    which may name other addresses but no local file. Certificates are not checked.

    Raises SourceNotFound, SourceRefused, SourceDamaged, SourceError when it may not be read; UsageError for a folder
    without images and for values out of range. Images that cannot be read raise ImageError as they are reached.
    """
    if max_fps is not None and not (math.isfinite(max_fps) and max_fps > 0):
        raise UsageError(f"max_fps: expected a number above 0, got {max_fps}")
    if not isinstance(given, str | os.PathLike):
        if not given:
            raise UsageError("no images given; expected one or more")
        return _stills(given, "images", loop, on_state)
    patience = Patience() if patience is None else patience
    link = _link(given, patience)
    if link is None:
        return _file(given, loop, max_fps, on_state)
    if loop:
        raise UsageError(f"{link.label}: a live source cannot be looped; expected a file")
    return LiveSource(link, patience=patience, max_fps=max_fps, on_state=on_state)


# Files ----------------------------------------------------------------------------------------------------------------


def _file(given: Given, loop: bool, max_fps: float | None, on_state: OnState | None) -> Source:
    path = os.fsdecode(given)
    if not path:
        raise SourceNotFound("an empty path; expected a file, webcam:0 or a stream's address")
    label = path if path.isprintable() else ascii(path)
    if os.path.isdir(given):
        return _stills([given], label, loop, on_state)
    container = look_at(path, label)
    if container is None:
        return _stills([given], label, loop, on_state)
    if Path(path).suffix.lower() in IMAGE_SUFFIXES or ("%" in path and not _VIDEO_NAME.search(path)):
        # by such a name FFmpeg takes it for one of a numbered series of images
        raise SourceRefused(f"{label}: a video ({container.kind}) named like an image; rename it")
    return VideoFile(path, container, label, loop=loop, max_fps=max_fps, on_state=on_state)


def _stills(given: Sequence[Given], label: str, loop: bool, on_state: OnState | None) -> Source:
    return Stills(list(image_files(os.fsdecode(one) for one in given)), label, loop=loop, on_state=on_state)


# Cameras and streams --------------------------------------------------------------------------------------------------


def _link(given: Given, patience: Patience) -> Link | None:
    """The way to the camera or stream that ``given`` names; None when it is a path to a file."""
    if is_device(device := os.fsdecode(given).removeprefix("webcam:")):
        return _camera(device, patience)
    if not isinstance(given, str):
        return None
    if camera := _CAMERA.fullmatch(given):
        return _camera(int(camera[1] or 0), patience)
    if scheme_of(given) is None:
        if given.lower().startswith("webcam:") and not os.path.lexists(given):
            label = given if given.isprintable() else ascii(given)
            raise SourceNotFound(f"{label}: no such camera or file; expected webcam:NUMBER, the first is webcam:0")
        return None
    check_url(given)
    label = label_of(given)
    return Link(label, _Stream(given, label, patience).open, _STREAM_ADVICE, bursts=_is_playlist(given))


def _is_playlist(url: str) -> bool:
    return urlsplit(url).path.endswith(".m3u8")


def _camera(named: int | str, patience: Patience) -> Link:
    """The way to the camera of this number, or at this path to its device."""
    if isinstance(named, int):
        label, at = f"webcam:{named}", lambda: named
    else:  # by the number it has then: what is plugged in again may have got another
        label, at = check_device(named), partial(os.path.realpath, named)
    return Link(label, lambda: open_camera(at()), f"{ADVICE}{cameras_here()}", gone=patience.gone)


class _Stream:
    """The way to what is at ``url``: as FFmpeg takes it, or, where only that can, picture by picture."""

    def __init__(self, url: str, label: str, patience: Patience) -> None:
        self._url, self._label, self._patience = url, label, patience
        self._over_http = scheme_of(url) in ("http", "https")
        self._jpegs = self._over_http and not _is_playlist(url)
        self._taken: bool | None = None  # by FFmpeg; None: it is not known yet

    def open(self) -> Pictures | None:
        if self._taken is not False:
            instead = self._some_jpegs if self._jpegs else None
            capture = open_stream(self._url, self._patience.connect, self._patience.read, instead)
            if capture is not None:
                self._taken = True
                return self._checked(capture)
        if self._taken or not self._jpegs:
            return None
        jpegs = open_jpegs(self._url, self._label, self._patience.connect)
        self._taken = None if jpegs is None else False
        return jpegs

    def _some_jpegs(self) -> Pictures | None:
        """Where FFmpeg knows the stream and finds no picture in it; one is grabbed."""
        with suppress(SourceRefused):
            jpegs = open_jpegs(self._url, self._label, self._patience.connect)
            if jpegs is not None and jpegs.grab():
                return jpegs
            if jpegs is not None:
                jpegs.close()
        return None

    def _checked(self, capture: Pictures) -> Pictures:
        width, height = capture.size
        if capture.count is not None and self._over_http:
            problem = "expected a stream, got a file that has an end; download it and give its path"
        elif width * height > MAX_PIXELS:
            problem = f"expected at most {MAX_PIXELS} pixels, got {width}x{height}; set the camera to less"
        else:
            return capture
        capture.close()
        raise SourceRefused(f"{self._label}: {problem}")
