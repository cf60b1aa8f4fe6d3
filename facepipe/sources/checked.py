"""Pictures that are known to have been decoded.

Of interlaced frames OpenCV 5.0 says that they were retrieved, and leaves the buffer as it was: black, or with what the
memory held before, which may be a picture of another video, or the picture before. So a first picture that is black,
another at a second try, or there the same as the one after it, and one that is the very same as that before it, are in
doubt; then PyAV decodes from there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from facepipe.records import Pixels
from facepipe.sources import capture, pyav
from facepipe.sources.base import Pictures
from facepipe.sources.spoilt import spoilt

WHOLE = frozenset({"MJPG"})  # codecs that cameras never send in fields: nothing of them is in doubt

Open = Callable[[], Pictures | None]
Other = Callable[[int, float | None], Pictures | None]


class Checked:
    """What was ``opened``, until it is in doubt and ``other`` can be opened at that frame, told by its number, from 1,
    and its time in seconds where times only grow.

    ``again`` opens a file once more: the memory is another then. A stream has none, and its first picture, which proves
    nothing, is left out. ``instead`` opens it, with a frame grabbed, where not one can be of what was opened.
    ``unseen``: pictures that are left out as they may not have been decoded.
    """

    def __init__(self, opened: Pictures, other: Other, again: Open | None = None, instead: Open | None = None) -> None:
        self._now, self._again, self._instead = opened, again, instead
        self._other: Other | None = other
        self.count, self.size, self.codec = opened.count, opened.size, opened.codec
        self._settled = again is None and opened.codec in WHOLE
        self._last: Pixels | None = None
        self._written = False  # some picture of it was decoded for sure
        self._grabbed, self._time = 0, 0.0  # frames, and the time of the last
        self._grows = True  # the time
        self.unseen = 0

    @property
    def fps(self) -> float | None:
        return self._now.fps

    @property
    def time(self) -> float:
        return self._now.time

    def grab(self) -> bool:
        """Go on to the next frame that can be decoded. False at the end, and when none came in time."""
        self._grabbed += 1
        found = self._now.grab()
        if not found and self._grabbed == 1 and self._instead is not None:
            found = self._change(self._instead())  # OpenCV opens AV1 and can decode nothing of it
        self._grows = self._grows and self.time >= self._time
        self._time = self.time
        return found

    def picture(self) -> Pixels | None:
        """The frame just grabbed, (H, W, 3) uint8 RGB, upright, read-only; None when it cannot be decoded."""
        pixels = self._now.picture()
        if self._settled or pixels is None:
            return pixels
        last, self._last = self._last, pixels
        if last is None:
            self._written, sure = self._tried_again(pixels)
        else:
            sure = not _same(last, pixels)
            self._written |= sure
        if sure:
            return pixels
        if last is None and self._again is None and pixels.any():
            return None
        if self._other is not None and self._change(self._other(self._grabbed, self.time if self._grows else None)):
            return self._now.picture()
        self._other = None
        if self._written:  # either the picture before, or the same once more
            return pixels
        self.unseen += 1
        return None

    def close(self) -> None:
        """Let go of it. More than once does no harm."""
        self._now.close()

    def _tried_again(self, first: Pixels) -> tuple[bool, bool]:
        """Whether the first picture is the same at a second try, and whether that is of the video for sure: another
        follows it. Memory that nobody writes to may hold one picture twice, where it cannot be spoilt."""
        if self._again is None or not first.any() or (again := self._again()) is None:
            return False, False
        try:
            with spoilt(first):  # where what is decoded goes is taken with the first picture
                pixels = again.picture() if again.grab() else None
            if pixels is None or not _same(first, pixels):
                return False, False
            following = again.picture() if again.grab() else None
            return True, following is not None and not _same(first, following)
        finally:
            again.close()

    def _change(self, other: Pictures | None) -> bool:
        """Let ``other`` go on from here. Whether there is one."""
        if other is None:
            return False
        self._now.close()
        self._now, self._last, self._settled = other, None, True
        return True


def open_file(path: str) -> Pictures | None:
    """Open the video file at an absolute ``path``, and nothing else. None when it cannot be."""
    again = partial(capture.open_file, path)
    opened = again()
    if opened is None:
        return pyav.open_file(path)
    return Checked(opened, partial(pyav.open_file_at, path), again, partial(pyav.open_file_at, path, 1, None))


def open_stream(url: str, connect: float, read: float, instead: Open | None = None) -> Pictures | None:
    """Open a stream; seconds to ``connect`` and to wait for a picture. None when it cannot be opened in time."""
    opened = capture.open_stream(url, connect, read)
    if opened is None:
        return None
    return Checked(opened, lambda *_: pyav.open_stream(url, connect, read), instead=instead)


def _same(a: Pixels, b: Pixels) -> bool:
    """Every pixel; most pictures that differ do so in a few of them already."""
    return np.array_equal(a[::16, ::16], b[::16, ::16]) and np.array_equal(a, b)
