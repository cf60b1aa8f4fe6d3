"""Children by fork: ``multiprocessing`` makes them on Linux up to Python 3.13, and so does a server that loads first.

A child has all that its parent had but for the threads. What waits for one of those waits for ever: a pool, a lock that
one held, the threads of OpenMP. So a child makes its own of whatever has threads or is open.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar
from weakref import WeakSet, WeakValueDictionary

T = TypeVar("T")
PATIENCE = 1.0  # seconds that a fork waits for what threads are at

_process = object()


def process() -> object:
    """What stands for this process: another one in each child."""
    return _process


class PerProcess(Generic[T]):
    """Calling it gives what ``make`` makes, one in each process; threads that ask at once get the same.

    ``made`` is that of this process, where it is there already. A child never lets go of its parent's: with it would go
    a pool that waits for its threads.
    """

    def __init__(self, make: Callable[[], T], made: T | None = None) -> None:
        self._make = make
        self._made: dict[object, T] = {} if made is None else {_process: made}
        _of_each_process.add(self)

    def __call__(self) -> T:
        if _process not in self._made:
            self._made.setdefault(_process, self._make())
        return self._made[_process]

    def keep(self) -> None:
        """Hold on to all that was made, beyond the end of this object and of Python."""
        for made in self._made.values():
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(made))


_of_each_process: WeakSet[PerProcess[Any]] = WeakSet()


@lru_cache(maxsize=4)
def made_once(kind: Callable[..., T], given: tuple[tuple[str, Any], ...]) -> T:
    """``kind(**given)``, the same for the same in each process: a pool sends its arguments with every task."""
    return kind(**dict(given))


def in_children(begin: Callable[[], object]) -> None:
    """Call ``begin`` at the start of every child; and now, where this is one whose parent had torch."""
    if sys.platform != "win32":
        os.register_at_fork(after_in_child=begin)
    if _inherited:
        begin()


def wait_for(lock: threading.RLock) -> None:
    """Let forks of other threads wait until nobody holds ``lock``, for ``PATIENCE`` at most; for its lifetime."""
    _waited_for[id(lock)] = lock


def _wait() -> None:
    until = time.monotonic() + PATIENCE
    locks = [lock for found in _waited_for.valuerefs() if (lock := found()) is not None]
    _forking.held = [lock for lock in locks if lock.acquire(timeout=max(0.0, until - time.monotonic()))]


def _go_on() -> None:
    for lock in _forking.held:
        lock.release()
    _forking.held = []


def _was_forked() -> bool:
    """Whether ``multiprocessing`` forked this process, which may have had no facepipe at that time."""
    processes = sys.modules.get("multiprocessing")
    if processes is None or processes.parent_process() is None:
        return False
    return (processes.current_process()._start_method or processes.get_start_method()) == "fork"


def _begin_child() -> None:
    global _process, _inherited
    _process, _inherited = object(), "torch" in sys.modules
    for each in _of_each_process:
        each.keep()


_inherited = "torch" in sys.modules and _was_forked()
_waited_for: WeakValueDictionary[int, threading.RLock] = WeakValueDictionary()
_forking = threading.local()  # held: the locks of what its fork waited for
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_begin_child)
    os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_go_on)
