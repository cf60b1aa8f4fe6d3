"""dlib's face ResNet in torch: 29 convolutions, 150×150 chip → 128 numbers.

Architecture: Davis King, ``dnn_face_recognition_ex.cpp`` in dlib, after He et al. 2016 (arXiv:1512.03385). In dlib a
per-channel affine layer follows each convolution; here it is folded into the convolution's weights and bias: the same
function with one layer less.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facepipe.defaults import FULL
from facepipe.embed.dlib_dat import read_tensors
from facepipe.embed.fused import FusedConv, max_pool
from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.errors import WeightsAltered
from facepipe.networks import weights as weight_files
from facepipe.networks.cards import Card
from facepipe.records import Floats

STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))  # channels, blocks; all but the first stage halve the map
DIMENSION = 128


def load(card: Card, device: str, weights: Path | None = None, precision: str = FULL) -> TorchBackbone:
    """The backbone with the card's weights, or with ``weights``, another ``.dat`` of the same architecture.

    Raises WeightsMissing, WeightsAltered, DependencyMissing, DeviceUnavailable.
    """
    path, id = weight_files.resolve(card, weights)
    with torch.device("meta"):  # the random initialisation alone would take longer than loading
        module = DlibResNet()
    fill(module, path)
    return TorchBackbone(card, module, id, device, precision, partial(Lean, module))


class DlibResNet(nn.Module):
    """Input (N, 3, 150, 150) float32 normalised as the card says → (N, 128) raw embeddings."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, stride=2)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(3, stride=2)
        channels = 32
        self.stages = nn.Sequential()
        for number, (width, blocks) in enumerate(STAGES):
            stage = nn.Sequential()
            for index in range(blocks):
                stage.append(Block(channels, width, halve=number > 0 and index == 0))
                channels = width
            self.stages.append(stage)
        self.fc = nn.Linear(channels, DIMENSION, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.conv(x)))
        embedding: torch.Tensor = self.fc(self.stages(x).mean(dim=(2, 3)))
        return embedding


class Block(nn.Module):
    """Two 3×3 convolutions and a skip. With ``halve`` the first has stride 2 and the skip is average-pooled by 2."""

    def __init__(self, inputs: int, outputs: int, halve: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2 if halve else 1, padding=0 if halve else 1)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.AvgPool2d(2) if halve else nn.Identity()
        self.add = AddPadded()
        self.relu2 = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.relu2(self.add(self.conv2(self.relu1(self.conv1(x))), self.skip(x)))
        return out


class Lean(nn.Module):
    """The same function as ``net`` in half the steps, for the CPU; the layers are not to be seen."""

    def __init__(self, net: DlibResNet, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.conv, self.fc = FusedConv(net.conv, dtype), net.fc
        self.blocks = nn.Sequential(*(LeanBlock(m, dtype) for m in net.stages.modules() if isinstance(m, Block)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.blocks(max_pool(self.conv(x)))
        embedding: torch.Tensor = self.fc(maps.float().mean(dim=(2, 3)))
        return embedding


class LeanBlock(nn.Module):
    """A ``Block`` in two steps. It may write into what it is given."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        super().__init__()
        self.conv1, self.conv2 = FusedConv(block.conv1, dtype), FusedConv(block.conv2, dtype)
        self.skip, self.sum = block.skip, block.add

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner, skip = self.conv1(x), self.skip(x)
        if inner.shape[2:] == skip.shape[2:]:
            return self.conv2.add(inner, _pad_to(skip, list(inner.shape)))
        out: torch.Tensor = self.sum(self.conv2(inner, relu=False), skip).relu_()
        return out


class AddPadded(nn.Module):
    """The sum of two (N, C, H, W) maps; the smaller is zero-padded at each axis' end, as dlib's ``add_prev`` does."""

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        shape = [max(sizes) for sizes in zip(a.shape, b.shape, strict=True)]
        return _pad_to(a, shape) + _pad_to(b, shape)


def _pad_to(x: torch.Tensor, shape: list[int]) -> torch.Tensor:
    missing = [want - have for want, have in zip(shape, x.shape, strict=True)]
    if not any(missing):
        return x
    channels, height, width = missing[1:]
    return functional.pad(x, (0, width, 0, height, 0, channels))


def fill(module: DlibResNet, path: Path) -> None:
    """Put the tensors of dlib's ``.dat`` in the place of the module's. Raises WeightsAltered when they do not fit."""
    tensors = read_tensors(path)
    try:
        for conv in (m for m in module.modules() if isinstance(m, nn.Conv2d)):
            _fill_conv(conv, _next(tensors, "con_4"), _next(tensors, "affine_"))
        flat = _next(tensors, "fc_2")
        module.fc.weight = _fixed(flat.reshape(module.fc.in_features, DIMENSION).T)
    except (RuntimeError, ValueError) as error:
        raise WeightsAltered(f"{path}: not the weights of dlib's face ResNet: {error}") from None


def _next(tensors: Iterator[tuple[str, Floats]], expected: str) -> Floats:
    kind, values = next(tensors, ("the end", None))
    if values is None or kind != expected:
        raise ValueError(f"expected a {expected} tensor, got {kind}")
    return values


def _fill_conv(conv: nn.Conv2d, filters_and_biases: Floats, gamma_and_beta: Floats) -> None:
    """Fold γ·(W⋆x + b) + β into the convolution: weight γW, bias γb + β."""
    outputs = conv.out_channels
    filters, biases = filters_and_biases[:-outputs], filters_and_biases[-outputs:]
    gamma, beta = gamma_and_beta[:outputs], gamma_and_beta[outputs:]
    conv.weight = _fixed(filters.reshape(conv.weight.shape) * gamma[:, None, None, None])
    conv.bias = _fixed(biases * gamma + beta)


def _fixed(values: Floats) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.ascontiguousarray(values)), requires_grad=False)
