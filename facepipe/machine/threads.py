"""Threads, which the system may refuse: it limits how many there are, and the memory for their stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from facepipe.errors import DeviceUnavailable

T = TypeVar("T")


@contextmanager
def starting() -> Iterator[None]:
    """Turn what Python raises where no thread can be started into DeviceUnavailable."""
    try:
        yield
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        raise DeviceUnavailable(
            "the system lets facepipe start no more threads; allow more processes or memory "
            "(ulimit -u, ulimit -v, the container's limits), or take fewer: OMP_NUM_THREADS=1"
        ) from None


class Threads(ThreadPoolExecutor):
    """A ThreadPoolExecutor whose ``submit`` raises DeviceUnavailable."""

    def submit(self, work: Callable[..., T], /, *given: Any, **named: Any) -> Future[T]:
        with starting():
            return super().submit(work, *given, **named)
