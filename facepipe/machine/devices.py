"""The device that networks run on. An asked-for device that is not there is an error, never a quiet fall-back.

torch is loaded where it is needed only, and may be so after the first threads have started.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event, Lock, Semaphore, Thread, local
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from facepipe.errors import DeviceUnavailable
from facepipe.machine import forks
from facepipe.machine.threads import Threads, starting

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")


def torch_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1``, ``mps``. Raises DeviceUnavailable, with the devices there are."""
    import torch

    if (f"{name}:0" if name == "cuda" else name) not in available():
        raise DeviceUnavailable(f"device {name}: not available here; there is {', '.join(available())}")
    return torch.device(name)


def available() -> list[str]:
    """The names of the devices that networks can run on."""
    import torch

    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *cuda, *mps]


_starting = forks.PerProcess(Lock)
_mine = local()  # ``worker``: this thread is one of a pool's; ``settled``: and torch knows


def cores() -> int:
    """How many cores the calling thread may compute on: one in a pool's thread, else as many as torch would use, which
    the environment's OMP_NUM_THREADS limits."""
    if getattr(_mine, "worker", False):
        _settle()
        return 1
    if "torch" in sys.modules:
        import torch

        return torch.get_num_threads()
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(int(limit), there) if limit.isdecimal() and int(limit) else there


class Workers(Threads):
    """``count`` threads, each of which runs networks on one core."""

    def __init__(self, count: int, name: str, initializer: Callable[[], None]) -> None:
        super().__init__(count, name, initializer=initializer)
        self.count = count

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """``work`` of each item, in their order: ``map``, but that the thread that waits is woken once for all of them,
        not for each, which would take Python's lock from those that work."""
        coming = iter(range(len(items)))  # one for all threads: each takes the next
        done: dict[int, R] = {}

        def share() -> None:
            for index in coming:
                done[index] = work(items[index])

        for share_of_one in [self.submit(share) for _ in range(min(self.count, len(items)))]:
            share_of_one.result()
        return [done[index] for index in range(len(items))]


def workers(name: str, count: int | None = None) -> Workers:
    """``count`` threads (None: as many as there are ``cores``), each of which runs networks on one core; fewer where
    the system starts no more. Raises DeviceUnavailable where it starts none."""
    with _starting():
        there = cores()
        pool = _begun(name, there if count is None else count)
        if "torch" in sys.modules:
            import torch

            # the last setting is also the process's, which threads of the caller's start with
            torch.set_num_threads(there)
        return pool


def in_passes(values: np.ndarray, most: int) -> list[np.ndarray]:
    """``values`` (N, …) in parts as even as can be, of at most ``most``, as many for each core."""
    threads = cores()
    rounds = math.ceil(len(values) / (threads * most))
    return np.array_split(values, max(1, min(len(values), rounds * threads)))


def side_by_side(pool: Callable[[], Workers], work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """``work`` of each, a core each: all cores at one of them wait for each other at every layer, which on a busy
    machine takes many times longer. The ``pool`` is made when there is something for it."""
    alone = len(items) == 1 or cores() == 1
    return [work(item) for item in items] if alone else pool().each(work, items)


def _begun(name: str, count: int) -> Workers:
    all_there, ready = Event(), Semaphore(0)

    def begin() -> None:
        _mine.worker = True
        try:
            _settle(restore=False)
        finally:
            ready.release()
        all_there.wait()

    pool, started = Workers(count, name, begin), 0
    try:
        for _ in range(count):  # a thread starts with each, as none of them gets through before the last
            pool.submit(int)
            started += 1
    except DeviceUnavailable:
        if not started:
            raise
    finally:
        for _ in range(started):
            ready.acquire()
        all_there.set()
    if started < count:  # a pool goes on trying to have all its threads
        pool.shutdown()
        return _begun(name, started)
    return pool


_settling = forks.PerProcess(Lock)


def _settle(restore: bool = True) -> None:
    """Tell torch, once it is there, that this thread computes on one core; and ``restore`` the process's number."""
    if "torch" not in sys.modules or getattr(_mine, "settled", False):
        return
    import torch

    with _settling():
        before = torch.get_num_threads()  # settles it: a thread's first look at the number takes over the process's
        torch.set_num_threads(1)
        _mine.settled = True
        # that is the process's number too, which threads to come start with, until another thread sets it
        if restore:
            with suppress(DeviceUnavailable), starting():
                other = Thread(target=torch.set_num_threads, args=(before,))
                other.start()
                other.join()


def _alone() -> None:
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


# The threads that OpenMP has for torch stay in the parent, and a child that computes on several waits for them for ever
forks.in_children(_alone)
