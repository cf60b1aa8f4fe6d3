"""The device that networks run on. An asked-for device that is not there is an error, never a quiet fall-back."""

from __future__ import annotations

import torch

from facepipe.errors import DeviceUnavailable


def torch_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1``, ``mps``. Raises DeviceUnavailable, with the devices there are."""
    if (f"{name}:0" if name == "cuda" else name) not in available():
        raise DeviceUnavailable(f"device {name}: not available here; there is {', '.join(available())}")
    return torch.device(name)


def available() -> list[str]:
    """The names of the devices that networks can run on."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *cuda, *mps]
