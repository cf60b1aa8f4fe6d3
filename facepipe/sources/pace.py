"""Frames by time: those that come too soon are left out or held back, and a clock only goes forward."""

from __future__ import annotations


class Thinner:
    """Lets at most ``max_fps`` frames a second through, on average, as evenly as they come; all when it is None."""

    def __init__(self, max_fps: float | None) -> None:
        self._period = 0.0 if max_fps is None else 1 / max_fps
        self._due = float("-inf")

    def wants(self, time: float) -> bool:
        """Whether the frame shown at ``time`` (seconds, growing) is to be used."""
        if time < self._due - 1e-3:  # clocks of files count in milliseconds or coarser
            return False
        behind = time - self._due
        self._due = time + self._period if behind > self._period else self._due + self._period
        return True


class Clock:
    """Seconds since the first frame of a file. A time that is missing, or not later than the last, is made up."""

    def __init__(self, fps: float | None) -> None:
        self._period = 1 / (fps or 25.0)
        self._first: float | None = None
        self._last = 0.0
        self.now = 0.0

    def at(self, stated: float) -> float:
        """The time of the next frame, of which its file says that it is shown at ``stated`` seconds."""
        if self._first is None:
            self._first = stated - self.now
        elif stated - self._first > self.now:
            self._last, self.now = self.now, stated - self._first
        else:
            self._last, self.now = self.now, self.now + self._period
        return self.now

    def again(self) -> None:
        """The file begins anew: its first frame follows the last."""
        self.now += self._period
        self._first = None


class Pacer:
    """Holds back the frames of a stream that sends many at once, so that they are seen at the speed of life."""

    JUMP = 1.0  # seconds: a frame so much earlier or later than it should be begins a new time

    def __init__(self) -> None:
        self._shift: float | None = None  # from the stream's clock to ours

    def wait(self, stated: float, now: float) -> float:
        """How many seconds after ``now`` the frame is to be seen that the stream says is shown at ``stated``."""
        if self._shift is None or abs(stated + self._shift - now) > self.JUMP:
            self._shift = now - stated
        return max(0.0, stated + self._shift - now)
