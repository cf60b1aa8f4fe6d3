"""Cameras and streams: a thread keeps the newest frame, notices when none comes, and connects again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from facepipe.errors import SourceNotFound, SourceRefused
from facepipe.records import Frame, Image, Pixels
from facepipe.sources.base import RECONNECTING, STALLED, OnState, Patience, Pictures
from facepipe.sources.handover import Handover
from facepipe.sources.pace import Pacer, Thinner
from facepipe.sources.threaded import Threaded

NO_PICTURE = "no picture came"


@dataclass(frozen=True)
class Link:
    """A way to a camera or stream: what it is called, how it is opened (None: it cannot be), what to do when that
    fails, how many seconds it may stay away before the source ends (None: any time), and whether its pictures come in
    bursts, to be shown by their own clock."""

    label: str
    connect: Callable[[], Pictures | None]
    advice: str
    gone: float | None = None
    bursts: bool = False


class LiveSource(Threaded):
    """The newest frame of a camera or stream each time one is asked for, a Source; times are those of arrival.

    It is returned with its first picture there. Raises SourceNotFound when none comes.
    """

    live = True

    def __init__(
        self, link: Link, *, patience: Patience, max_fps: float | None = None, on_state: OnState | None = None
    ) -> None:
        handover = Handover(1, newest=True, stall=patience.stall)
        work = _Work(link, handover, patience, Thinner(max_fps))
        super().__init__(link.label, handover, work.run, None)  # who is told has no source yet
        try:
            self._first = self._take(2 * patience.connect + patience.read)
            if self._first is None:
                raise SourceNotFound(f"{link.label}: {NO_PICTURE}; {link.advice}")
        except BaseException:  # Ctrl-C too: the thread is not to go on
            self.close()
            raise
        self._on_state = on_state
        self.fps = work.fps
        self.size = (self._first.image.width, self._first.image.height)


class _Work:
    """What the thread does: connect, hand over what comes, connect again."""

    def __init__(self, link: Link, handover: Handover, patience: Patience, thinner: Thinner) -> None:
        self.fps: float | None = None
        self._link, self._handover, self._patience, self._thinner = link, handover, patience, thinner
        self._still = _Still(patience.frozen)
        self._frames = 0  # that came, over all connections
        self._start = self._last = time.monotonic()  # when the first came, and the last

    def run(self) -> None:
        try:
            message = self._keep_connected()
        except BaseException as error:  # to be raised where the frames are taken
            self._handover.end(error)
        else:
            self._handover.end(message=message)

    def _keep_connected(self) -> str:
        """Until nobody wants a frame any more, or the camera is gone. Returns why.

        Raises SourceNotFound if it never was there, SourceRefused if it never was a stream.
        """
        gone = self._link.gone
        wait, longest = self._patience.first_wait, self._patience.longest_wait if gone is None else gone / 10
        while True:
            before = self._frames
            reason = self._connect_once()
            if self._handover.closed:
                return "closed"
            if not self._frames:
                raise SourceNotFound(f"{self._link.label}: {NO_PICTURE}; {self._link.advice}")
            if self._frames > before:
                wait = self._patience.first_wait
                self._handover.tell(STALLED, reason)
            self._handover.tell(RECONNECTING, f"{reason}; connecting again")
            if gone is not None and time.monotonic() - self._last >= gone:
                return f"gone for more than {gone:g} s"
            self._handover.pause(wait)
            wait = min(2 * wait, longest)

    def _connect_once(self) -> str:
        """Hand over what comes until no more does. Returns why."""
        try:
            capture = self._link.connect()
        except SourceRefused:
            if not self._frames:
                raise
            capture = None  # a camera that starts up may answer with a page or a picture
        if capture is None:
            return "it cannot be opened"
        try:
            self.fps = capture.fps
            pacer = Pacer() if self._link.bursts else None
            while not self._handover.closed:
                if not capture.grab():
                    return "no more pictures come"
                if pacer is not None:
                    self._handover.pause(pacer.wait(capture.time, time.monotonic()))
                if self._still_frozen(capture):
                    return f"the picture has not changed for {self._patience.frozen:g} s"
        finally:
            capture.close()
        return "closed"

    def _still_frozen(self, capture: Pictures) -> bool:
        """Hand over the frame just grabbed, if it is wanted. Returns whether the picture is frozen."""
        now, at = time.monotonic(), datetime.now(timezone.utc)
        if not self._frames:
            self._start = now
        if not self._thinner.wants(now - self._start):
            self._came(now)
            self._handover.came()
            return False
        pixels = capture.picture()
        if pixels is None:
            return False
        self._handover.put(Frame(Image(pixels, self._link.label), self._frames, now - self._start, at))
        self._came(now)
        return self._still.goes_on(pixels, now)

    def _came(self, now: float) -> None:
        self._frames += 1
        self._last = now


class _Still:
    """Notices a camera that repeats one picture. A connection is given up once for each: if the same picture comes back
    with the next, nothing moves there."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._seen, self._since, self._given_up = b"", 0.0, False

    def goes_on(self, pixels: Pixels, now: float) -> bool:
        """Whether ``pixels`` have been the same for too long. A sensor is never without noise: every fourth pixel of
        every fourth row tells."""
        seen = pixels[::4, ::4].tobytes()
        if seen != self._seen:
            self._seen, self._since, self._given_up = seen, now, False
        elif not self._given_up and now - self._since >= self._patience:
            self._given_up = True
            return True
        return False
