"""SFace in torch, as ``facepipe.embed.sface`` describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from facepipe.records import Floats

if TYPE_CHECKING:
    from facepipe.embed.sface import ConvStep, Weights


class SFaceNet(nn.Module):
    """(N, 3, 112, 112) float32 normalised as the card says → (N, 128) raw embeddings."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        first, rest = weights.steps[0], weights.steps[1:]
        self.conv, self.prelu = _conv(first), _prelu(first)
        self.blocks = nn.Sequential(*(Block(*pair) for pair in zip(rest[::2], rest[1::2], strict=True)))
        self.fc = nn.utils.skip_init(nn.Linear, weights.head.shape[1], len(weights.head))
        self.fc.weight, self.fc.bias = _fixed(weights.head), _fixed(weights.bias)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.fc(self.blocks(self.prelu(self.conv(x))).flatten(1))
        return embedding


class Block(nn.Module):
    """A depthwise 3×3 convolution, each map by itself, then a pointwise one, each place by itself."""

    def __init__(self, depthwise: ConvStep, pointwise: ConvStep) -> None:
        super().__init__()
        self.depthwise, self.prelu1 = _conv(depthwise), _prelu(depthwise)
        self.pointwise, self.prelu2 = _conv(pointwise), _prelu(pointwise)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.prelu2(self.pointwise(self.prelu1(self.depthwise(x))))
        return out


def _conv(step: ConvStep) -> nn.Conv2d:
    outputs, inputs, side, _ = step.weight.shape
    groups = outputs if inputs == 1 else 1
    place = {"stride": step.stride, "padding": step.padding, "groups": groups}
    conv = nn.utils.skip_init(nn.Conv2d, inputs * groups, outputs, side, **place)
    conv.weight, conv.bias = _fixed(step.weight), _fixed(step.bias)
    return conv


def _prelu(step: ConvStep) -> nn.PReLU:
    prelu = nn.PReLU(len(step.slope))
    prelu.weight = _fixed(step.slope)
    return prelu


def _fixed(values: Floats) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(values), requires_grad=False)
