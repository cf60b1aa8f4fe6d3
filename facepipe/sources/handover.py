"""How frames get from the thread that makes them to the one that takes them: a few at most, or only the newest."""

from __future__ import annotations

import threading
import time
from collections import deque

from facepipe.records import Frame
from facepipe.sources.base import ENDED, LIVE, STALLED


class Handover:
    """Frames on their way between two threads, and the state of the source they come from.

    ``limit`` frames wait at most. With ``newest`` a full handover lets go of its oldest frame and counts it; without,
    ``put`` waits. ``stall``: seconds without a frame after which a live source counts as stalled; None: never.
    """

    def __init__(self, limit: int, *, newest: bool = False, stall: float | None = None) -> None:
        self.dropped = 0
        self.closed = False
        self._limit, self._newest, self._stall = limit, newest, stall
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._state = LIVE
        self._news: deque[tuple[str, str]] = deque()
        self._last: float | None = None  # when the last frame came; the first may take its time
        self._done = False
        self._error: BaseException | None = None
        self._last_word = ""

    # The thread that makes frames ------------------------------------------------------------------------------------

    def put(self, frame: Frame) -> bool:
        """Hand a frame over. False when nobody wants one any more."""
        with self._changed:
            while not (self._newest or self.closed) and len(self._frames) >= self._limit:
                self._changed.wait()
            if self.closed:
                return False
            if len(self._frames) >= self._limit:
                self._frames.popleft()
                self.dropped += 1
            self._frames.append(frame)
            self._came()
            self._changed.notify_all()
            return True

    def came(self) -> None:
        """A frame came that is not handed over: the source lives all the same."""
        with self._changed:
            self._came()

    def tell(self, state: str, message: str) -> None:
        """Change the state; the one who takes frames hears of it."""
        with self._changed:
            self._become(state, message)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None, message: str = "the end") -> None:
        """No more frames. Those that wait are taken first; then ``error`` is raised there, or ``message`` told."""
        with self._changed:
            if not self._done:
                self._done, self._error, self._last_word = True, error, message
            self._changed.notify_all()

    def pause(self, seconds: float) -> bool:
        """Wait. False, and at once, when nobody wants a frame any more."""
        with self._changed:
            return not self._changed.wait_for(lambda: self.closed, seconds)

    # The one who takes them ------------------------------------------------------------------------------------------

    def take(self, timeout: float | None = None) -> Frame | tuple[str, str] | None:
        """The next frame or piece of news, (state, message); None at the end or when ``timeout`` seconds have passed.

        Raises the error that ended the source.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                self._look_at_the_clock()
                if self.closed:
                    return None
                if self._news:
                    return self._news.popleft()
                if self._frames:
                    self._changed.notify_all()
                    return self._frames.popleft()
                if self._done:
                    return self._finish()
                if not self._wait(until):
                    return None

    @property
    def state(self) -> str:
        with self._changed:
            self._look_at_the_clock()
            return self._state

    def close(self) -> None:
        """Wake both sides: no frame is wanted any more."""
        with self._changed:
            self.closed, self._state = True, ENDED
            self._frames.clear()
            self._changed.notify_all()

    # Under the lock --------------------------------------------------------------------------------------------------

    def _came(self) -> None:
        self._last = time.monotonic()
        self._become(LIVE, "pictures come in")

    def _become(self, state: str, message: str) -> None:
        if state != self._state and not self.closed:
            self._state = state
            self._news.append((state, message))

    def _look_at_the_clock(self) -> None:
        end = self._stalls_at()
        if end is not None and time.monotonic() >= end:
            self._become(STALLED, f"no picture for {self._stall:g} s")

    def _stalls_at(self) -> float | None:
        """When the source counts as stalled if no frame comes; None when it does not."""
        if self._stall is None or self._last is None or self._state != LIVE or self._done:
            return None
        return self._last + self._stall

    def _finish(self) -> tuple[str, str] | None:
        """The news of the end, once. Raises the error that is the end instead."""
        if self._state == ENDED:
            return None
        self._state = ENDED
        if self._error is not None:
            raise self._error
        return ENDED, self._last_word

    def _wait(self, until: float | None) -> bool:
        """Until something changes or the clock has to be looked at. False when ``until`` has passed."""
        now = time.monotonic()
        if until is not None and now >= until:
            return False
        ends = [end for end in (until, self._stalls_at()) if end is not None]
        self._changed.wait(max(0.0, min(ends) - now) if ends else None)
        return True
