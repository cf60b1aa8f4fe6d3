"""Memory that is taken holds another value than a picture, for a time."""

import ctypes

import numpy as np
import pytest

from facepipe.sources.spoilt import mallopt, spoilt

pytestmark = [pytest.mark.slow, pytest.mark.skipif(mallopt is None, reason="another C library than GNU's")]
SIZES = (3_000, 57_600, 6_220_800, 40_000_000)


def taken(size: int) -> set[int]:
    """The values in ``size`` bytes of new memory."""
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    place = library.malloc(size)
    try:
        return set(ctypes.string_at(place, size))
    finally:
        library.free(place)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255])
def test_what_is_taken_differs(value: int) -> None:
    with spoilt(np.full((48, 64, 3), value, np.uint8)):
        for size in SIZES:
            assert taken(size) == {255 - value}


def test_it_ends_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("facepipe.sources.spoilt.mallopt", lambda _, value: asked.append(value))
    with pytest.raises(RuntimeError), spoilt(np.full((48, 64, 3), 9, np.uint8)):
        raise RuntimeError
    assert asked == [9, 0]
