"""What every source is: an iterator of timed frames that can be closed; and how long a live one is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, TypeAlias

from facepipe.records import Frame, Pixels

OnState: TypeAlias = Callable[[str, str], None]

LIVE, STALLED, RECONNECTING, ENDED = "live", "stalled", "reconnecting", "ended"


class Pictures(Protocol):
    """What decodes a file, camera or stream; one thread at a time uses it.

    ``fps``: as stated, None when unknown; ``count``: of the frames, as stated or estimated, None when there is no end;
    ``size``: (width, height) of its pictures, px; ``codec``: its four letters or its name; ``time``: when the frame
    just grabbed is shown, seconds, by the clock of what is read.
    """

    count: float | None
    size: tuple[int, int]
    codec: str

    @property
    def fps(self) -> float | None: ...
    @property
    def time(self) -> float: ...
    def grab(self) -> bool: ...
    def picture(self) -> Pixels | None: ...
    def close(self) -> None: ...


class Source(Protocol):
    """Frames one after another. Close it, or use it with ``with``. One thread iterates; any thread may close it.

    ``label``: what it is called in messages, without passwords; ``live``: frames come in real time and those that
    nobody waits for are dropped; ``fps``: frames per second as stated, None when unknown; ``size``: (width, height) of
    the upright picture, px; ``dropped``: frames that came in and were replaced by newer ones before they were taken;
    ``state``: "live" (also of a file, until its end), "stalled", "reconnecting" or "ended".
    """

    label: str
    live: bool

    @property
    def fps(self) -> float | None: ...
    @property
    def size(self) -> tuple[int, int] | None: ...
    @property
    def dropped(self) -> int: ...
    @property
    def state(self) -> str: ...
    def __iter__(self) -> Iterator[Frame]: ...
    def __enter__(self) -> Source: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class Patience:
    """How long a live source is waited for, all in seconds.

    ``connect``: to open it, and again for its first picture; ``stall``: without a picture until it counts as stalled;
    ``read``: without a picture until the connection is given up; ``frozen``: of the very same picture until it is given
    up too; ``first_wait``: before the first attempt to reconnect, then twice as long each time up to ``longest_wait``;
    ``gone``: how long a local camera may be away before the source ends. Streams are tried for ever.
    """

    connect: float = 8.0
    stall: float = 5.0
    read: float = 8.0
    frozen: float = 8.0
    first_wait: float = 0.5
    longest_wait: float = 15.0
    gone: float = 30.0
