"""Files of tensors, read so that no code in them can run."""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from facepipe.errors import WeightsAltered
from facepipe.records import Floats

if TYPE_CHECKING:
    from torch import Tensor


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors in a ``torch.save`` file. Raises WeightsAltered for anything else; no code in the file can run."""
    import torch
    from torch import Tensor

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsAltered(f"{path}: not a file of plain tensors, and not loaded: {why}") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsAltered(f"{path}: expected a dictionary of tensors, got {type(state).__name__}")
    return state


def read_arrays(path: Path) -> dict[str, Floats]:
    """The tensors in a ``torch.save`` file of before torch 1.6, float32 on the CPU, without torch, which takes two
    seconds to load. Raises WeightsAltered for anything else; no code in the file can run.

    Such a file is five pickles one after the other, a magic number, a version, the byte order, the dictionary and the
    names of its storages, then each storage, an int64 count before its values (torch/serialization.py, _legacy_save).
    """
    try:
        with path.open("rb") as stream:
            return _read_arrays(stream)
    except MemoryError:
        raise
    except Exception as error:  # what is no pickle, or part of one, may raise anything
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsAltered(f"{path}: not a file of plain tensors, and not loaded: {why}") from None


def _read_arrays(stream: IO[bytes]) -> dict[str, Floats]:
    _, _, _, state, names = (_Plain(stream).load() for _ in range(5))
    values = {}
    for name in names:
        (count,) = np.frombuffer(stream.read(8), "<i8")
        values[name] = np.frombuffer(stream.read(4 * int(count)), "<f4")
    return {name: _array(values[place.storage], place) for name, place in state.items()}


class _Place:
    """Where a tensor lies in its storage."""

    def __init__(self, storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


def _array(values: Floats, place: _Place) -> Floats:
    last = place.offset + sum((extent - 1) * step for extent, step in zip(place.shape, place.strides, strict=True))
    if min([place.offset, *place.strides, *place.shape]) < 0 or max(last, math.prod(place.shape) - 1) >= len(values):
        raise ValueError("a tensor reaches beyond what is stored")
    steps = [4 * step for step in place.strides]
    return np.array(as_strided(values[place.offset :], place.shape, steps, writeable=False), order="C")


class _Plain(pickle.Unpickler):
    """Knows dictionaries, and tensors of float32 as ``_Place``s; nothing else is looked up or called."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _Place,
            ("torch", "FloatStorage"): np.float32,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return known[module, name]

    def persistent_load(self, pid: Any) -> str:
        kind, dtype, name, _, _, view = pid
        if (kind, dtype, view) != ("storage", np.float32, None):
            raise pickle.UnpicklingError("it holds other values than float32")
        return str(name)
