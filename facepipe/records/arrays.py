"""Arrays, and what is expected of one."""

from __future__ import annotations

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
