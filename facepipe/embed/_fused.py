"""Convolutions on the CPU with packed weights, and with the addition and the ReLU that follow done in the same step.

torch's own convolution packs its weights anew at every call (7 ms of each forward pass of dlib_resnet) and takes a slow
way for one small map. The operators here are oneDNN's as ``torch.compile`` calls them; compiling itself would need a
C++ compiler and take longer at every start than most commands run.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def available(device: torch.device) -> bool:
    """Whether ``FusedConv`` runs there: on a CPU, with a torch that was built with oneDNN."""
    return device.type == "cpu" and torch.backends.mkldnn.is_available()


class FusedConv(nn.Module):
    """``conv``, with ``relu`` also the ReLU after it: channels_last maps (N, C, H, W) of ``dtype`` in and out."""

    def __init__(self, conv: nn.Conv2d, *, relu: bool, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        assert not isinstance(conv.padding, str)
        place = (conv.padding, conv.stride, conv.dilation, conv.groups)
        packed = conv.weight.detach().to(dtype).to_mkldnn()
        # plain attributes, not parameters: a packed tensor can't be moved or converted
        self._weight = torch.ops.aten.mkldnn_reorder_conv2d_weight(packed, *place)
        self._bias = None if conv.bias is None else conv.bias.detach().to(dtype)
        self._place = place
        self._after = "relu" if relu else "none"

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._place, self._after, [], ""
        )
        return out

    def add_relu(self, x: Tensor, other: Tensor) -> Tensor:
        """``relu(conv(x) + other)``; ``other``, of the result's shape, is overwritten with it."""
        out: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            other, x, self._weight, self._bias, *self._place, "add", None, "relu", [], ""
        )
        return out
