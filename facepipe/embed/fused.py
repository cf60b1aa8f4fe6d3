"""Convolutions on the CPU with packed weights, and with the addition and the ReLU that follow done in the same step.

torch's own convolution packs its weights anew at every call (7 ms of each forward pass of dlib_resnet) and takes a slow
way for one small map. The operators here are oneDNN's as ``torch.compile`` calls them; compiling itself would need a
C++ compiler on the user's machine.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from facepipe.machine.forks import PerProcess

TYPICAL = 8  # maps
_packing = PerProcess(Lock)


@cache
def available(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether ``FusedConv`` runs there: on a CPU, with a torch that was built with oneDNN, which in torch 2.10 packs 16
    bits only where the processor has AVX-512."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    with suppress(RuntimeError):
        _pack(torch.zeros(1, 1, 1, 1, dtype=dtype), ((0, 0), (1, 1), (1, 1), 1), (1, 1, 1, 1))
        return True
    return False


def _pack(weight: Tensor, place: tuple[Any, ...], extents: tuple[int, ...]) -> Tensor:
    """``weight`` in the order that is best for maps of ``extents`` (N, C, H, W), where it stands in ``place``: padding,
    stride, dilation, groups."""
    packed: Tensor = torch.ops.aten.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), *place, extents)
    return packed


def max_pool(x: Tensor) -> Tensor:
    """``MaxPool2d(3, stride=2)`` in half the time: torch's own also notes where each maximum is."""
    rows = torch.maximum(torch.maximum(x[:, :, :-2:2], x[:, :, 1:-1:2]), x[:, :, 2::2])
    return torch.maximum(torch.maximum(rows[..., :-2:2], rows[..., 1:-1:2]), rows[..., 2::2])


class FusedConv(nn.Module):
    """The convolution ``conv`` and what follows it: channels_last maps (N, C, H, W) of ``dtype`` in and out."""

    def __init__(self, conv: nn.Conv2d, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._place = (conv.padding, conv.stride, conv.dilation, conv.groups)
        # plain attributes, not parameters: a packed tensor cannot be moved or converted
        self._weight = conv.weight.detach().to(dtype)
        self._bias = None if conv.bias is None else conv.bias.detach().to(dtype)

    def forward(self, x: Tensor, relu: bool = True) -> Tensor:
        """``conv(x)`` or its ReLU."""
        given = (x, self._packed(x), self._bias, *self._place)
        out: Tensor = torch.ops.mkldnn._convolution_pointwise(*given, "relu" if relu else "none", [], "")
        return out

    def add(self, x: Tensor, other: Tensor, relu: bool = True) -> Tensor:
        """``conv(x) + other`` or its ReLU; ``other``, which has the result's shape, is overwritten with it."""
        given = (other, x, self._packed(x), self._bias, *self._place)
        after = "relu" if relu else None
        out: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(*given, "add", None, after, [], "")
        return out

    def _packed(self, x: Tensor) -> Tensor:
        """The weights in the order that is best for maps of the extents of ``x``, found out at the first call.

        How many maps there are makes no difference; the extents do: the wrong order costs more than packing saves.
        """
        if not self._weight.is_mkldnn:
            with _packing():
                if not self._weight.is_mkldnn:
                    self._weight = _pack(self._weight, self._place, (TYPICAL, *x.shape[1:]))
        return self._weight
