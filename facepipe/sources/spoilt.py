"""Memory that nobody writes to is another than a picture: what lies in it is chosen before it is taken."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from facepipe.machine import forks
from facepipe.records import Pixels

FREED = 2**26  # bytes of memory that was used before, in pieces of a picture's size

_M_PERTURB = -6  # of glibc's mallopt(3): fill what is taken with the complement of this, what is let go with it
_spoiling = forks.PerProcess(Lock)


@contextmanager
def spoilt(picture: Pixels) -> Iterator[None]:
    """Within, the memory that any library takes differs from the ``picture``, (H, W, 3) uint8, in its first value: for
    sure with the GNU C library's ``malloc``. Others cannot be told; for them, memory that was let go is written to."""
    value = int(picture.flat[0])
    pieces = [255 - picture for _ in range(min(FREED // picture.nbytes + 1, 64))]
    del pieces
    with _spoiling():
        _perturb(value or 256)  # 0 is off, and of 256 only the last byte is taken
        try:
            yield
        finally:
            _perturb(0)


def _mallopt() -> Callable[[int, int], int] | None:
    try:
        return ctypes.CDLL(None).mallopt
    except (AttributeError, TypeError):  # not Linux, or musl
        return None


def _perturb(value: int) -> None:
    if mallopt is not None:
        mallopt(_M_PERTURB, value)


mallopt = _mallopt()
forks.in_children(lambda: _perturb(0))
