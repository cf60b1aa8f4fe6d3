"""A source whose frames are made by a thread of its own, which ends with the source, however that is let go of."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

from facepipe.errors import SourceRefused
from facepipe.machine import forks
from facepipe.machine.threads import starting
from facepipe.records import Frame
from facepipe.sources.base import OnState
from facepipe.sources.handover import Handover

CLOSING = 1.0  # seconds that a thread is waited for; one that waits for a silent stream ends at the end of its patience

Self = TypeVar("Self", bound="Threaded")


class Threaded:
    """What comes through ``handover``. ``work`` makes it, in a thread; it must know nothing of the source itself, so
    that a source which nobody uses any more is collected, and its thread ended."""

    live = False

    def __init__(self, label: str, handover: Handover, work: Callable[[], None], on_state: OnState | None) -> None:
        self.label = label
        self.fps: float | None = None
        self.size: tuple[int, int] | None = None
        self._handover, self._on_state = handover, on_state
        self._first: Frame | None = None
        thread = threading.Thread(target=work, name=f"facepipe: {label}", daemon=True)
        self._process = forks.process()
        with starting():
            thread.start()
        self._stop = weakref.finalize(self, _stop, handover, thread, self._process)

    @property
    def dropped(self) -> int:
        return self._handover.dropped

    @property
    def state(self) -> str:
        return self._handover.state

    def __iter__(self) -> Iterator[Frame]:
        """The frames from here on. Changes of state are told in between, in the thread that iterates."""
        while (item := self._take()) is not None:
            yield item

    def _take(self, timeout: float | None = None) -> Frame | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._process is not forks.process():
            raise SourceRefused(f"{self.label}: was opened by the parent of this process; open it anew in each")
        while True:
            item = self._handover.take(timeout)
            if not isinstance(item, tuple):
                return item
            if self._on_state is not None:
                self._on_state(*item)

    def close(self) -> None:
        """Let go of the file or camera and end the thread. More than once does no harm."""
        self._first = None
        self._stop()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stop(handover: Handover, thread: threading.Thread, process: object) -> None:
    if process is not forks.process():  # the thread is the parent's
        return
    handover.close()
    if thread is not threading.current_thread():
        thread.join(CLOSING)
