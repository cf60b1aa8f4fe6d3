"""A video file: decoded ahead by one thread while the frames before are worked on, timed by its own clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import chain

from facepipe.errors import SourceDamaged, SourceRefused
from facepipe.image import MAX_PIXELS
from facepipe.records import Frame, Image
from facepipe.sources.base import OnState, Pictures
from facepipe.sources.checked import open_file
from facepipe.sources.codecs import undecodable, without_video
from facepipe.sources.containers import Container
from facepipe.sources.handover import Handover
from facepipe.sources.pace import Clock, Thinner
from facepipe.sources.threaded import Threaded

AHEAD = 3  # frames that wait decoded: 6 MB each at 1920x1080


class VideoFile(Threaded):
    """The frames of the video file at ``path``, a Source. With ``loop`` it starts again at its end, times going on.

    ``container`` is what ``containers.look_at`` found, ``label`` stands for the path in messages. A file whose end is
    missing is played as far as it goes, then SourceDamaged is raised. Raises SourceDamaged when nothing in it can be
    decoded, SourceRefused when its pictures are too large, there are none, or they are coded in a way unknown here.
    """

    def __init__(
        self,
        path: str,
        container: Container,
        label: str,
        *,
        loop: bool = False,
        max_fps: float | None = None,
        on_state: OnState | None = None,
    ) -> None:
        capture = _open(path, container, label)
        frames = _frames(path, container, label, capture, loop, max_fps)
        first = next(frames)
        handover = Handover(AHEAD)
        super().__init__(label, handover, partial(_decode, handover, first, frames), on_state)
        self.fps = capture.fps  # of what decoded the first
        self.size = (first.image.width, first.image.height)


def _decode(handover: Handover, first: Frame, frames: Iterator[Frame]) -> None:
    """The thread's work."""
    error: BaseException | None = None
    try:
        for frame in chain([first], frames):
            if not handover.put(frame):
                break
    except BaseException as caught:  # to be raised where the frames are taken
        error = caught
    finally:
        frames.close()  # type: ignore[attr-defined]  # a generator; lets go of the file, in this thread
        handover.end(error)


def _frames(
    path: str, container: Container, label: str, capture: Pictures, loop: bool, max_fps: float | None
) -> Iterator[Frame]:
    """Every frame, then, with ``loop``, every frame again. Has one frame at least, or raises SourceDamaged."""
    clock, thinner, index, shown = Clock(capture.fps), Thinner(max_fps), 0, 0
    try:
        while True:
            while capture.grab():
                time = clock.at(capture.time)
                if thinner.wants(time) and (pixels := capture.picture()) is not None:
                    yield Frame(Image(pixels, path), index, time)
                    shown += 1
                index += 1
            if not shown:
                raise undecodable(capture, container, label)
            if container.cut:
                raise SourceDamaged(f"{label}: truncated {container.kind}, ends after {clock.now:.1f} s; copy it again")
            if not loop:
                return
            capture.close()
            clock.again()
            capture = _open(path, container, label)
    finally:
        capture.close()


def _open(path: str, container: Container, label: str) -> Pictures:
    capture = open_file(os.path.abspath(path))  # begins with "/" or a drive: no name is taken for an address
    if capture is None:
        raise without_video(path, container, label)
    width, height = capture.size
    if width * height > MAX_PIXELS:
        capture.close()
        raise SourceRefused(f"{label}: expected at most {MAX_PIXELS} pixels, got {width}x{height}; save it smaller")
    return capture
