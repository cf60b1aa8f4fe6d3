"""Memory, which the system may refuse: whatever asked for it, one line says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from facepipe.errors import DeviceUnavailable, FacepipeError

# How the system, the loader, torch, CUDA, OpenCV, onnxruntime and C++ say it, in errors of different types; oneDNN says
# no more than the last, in torch 2
_REFUSED = re.compile(
    r"cannot allocate memory|failed to map segment|can't allocate memory|not enough memory|out of memory"
    r"|insufficient memory|failed to allocate|bad_alloc|could not (create|execute) a primitive",
    re.IGNORECASE,
)


def is_lacking(error: Exception) -> bool:
    """Whether that is what ``error`` is about."""
    return isinstance(error, MemoryError) or _REFUSED.search(str(error)) is not None


@contextmanager
def enough() -> Iterator[None]:
    """Turn what is raised where there is no more memory into DeviceUnavailable."""
    try:
        yield
    except FacepipeError:
        raise
    except Exception as error:
        if not is_lacking(error):
            raise
        raise DeviceUnavailable(
            "the system gives facepipe no more memory; allow more (ulimit -v, the container's limit), end other"
            " programs, or take less: OMP_NUM_THREADS=1"
        ) from error
