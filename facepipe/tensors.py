"""Files of tensors, read so that no code in them can run."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor

from facepipe.errors import WeightsAltered


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors in a ``torch.save`` file. Raises WeightsAltered for anything else; no code in the file can run."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise WeightsAltered(f"{path}: not a file of plain tensors, and not loaded: {why}") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsAltered(f"{path}: expected a dictionary of tensors, got {type(state).__name__}")
    return state
