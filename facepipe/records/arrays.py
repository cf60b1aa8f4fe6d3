"""Arrays: what is expected of one, and how many digits of a number are told."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]


def expect(name: str, array: np.ndarray, shape: tuple[int | None, ...], dtype: type) -> None:
    """Raise ValueError unless ``array`` has ``shape`` (None: any extent), ``dtype`` and only finite values."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise ValueError(f"{name}: expected {np.dtype(dtype)} array, got {getattr(array, 'dtype', type(array))}")
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    if dtype is np.float32 and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite values, got NaN or infinity")


def rounded(values: Iterable[float], digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def cosine(score: float) -> float:
    """Four digits, and within −1..1 whatever float32 rounds to."""
    return max(-1.0, min(1.0, round(float(score), 4)))


def share(probability: float | None) -> float | None:
    """Six digits: with four, what is nearly certain would be rounded to certain."""
    return None if probability is None else max(0.0, min(1.0, round(float(probability), 6)))
