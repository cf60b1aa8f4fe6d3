"""Where the system gives no more memory, one line says so; nobody is told to install or to report anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

from facepipe.errors import DeviceUnavailable, ImageTooLarge
from facepipe.machine import memory

PROGRAM = """
import sys
from facepipe.cli import app
def refused(*given, **named):
    raise MemoryError
app.app = refused
app.main()
"""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("could not create a primitive"),
        RuntimeError("std::bad_alloc"),
    ],
)
def test_whoever_asked_for_memory_it_is_one_line(error: Exception) -> None:
    with pytest.raises(DeviceUnavailable, match=r"no more memory; allow more \(ulimit -v") as raised, memory.enough():
        raise error
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("error", [ImageTooLarge("a.png: out of memory"), RuntimeError("shapes differ")])
def test_other_errors_stay_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, memory.enough():
        raise error
    assert raised.value is error


def test_the_shell_says_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("facepipe: the system gives facepipe no more memory")
    assert done.stderr.count("\n") == 1
