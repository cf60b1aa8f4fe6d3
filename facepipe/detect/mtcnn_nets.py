"""The three networks of MTCNN in torch (Zhang et al. 2016, arXiv:1604.02878), with the layer names of facenet-pytorch's
weights.

All take (N, 3, H, W) float32 RGB, (value − 127.5) / 128. Each returns box regressions (…4, in box sides), face
probabilities, and O-Net also ten landmark coordinates (five x, then five y, in box sides).
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F


class MaxPool2d(nn.MaxPool2d):
    """``nn.MaxPool2d(3, 2, ceil_mode=True)``, on the CPU in half the time: torch's own also notes where each maximum
    is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.is_inference_mode_enabled() or x.device.type != "cpu":
            return super().forward(x)
        return _maxima(_maxima(x).transpose(2, 3)).transpose(2, 3)


class PNet(nn.Module):
    """Slides a 12×12 window with stride 2: (N, 3, H, W) → regressions (N, 4, h, w), probabilities (N, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 3)
        self.prelu1 = nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(10, 16, 3)
        self.prelu2 = nn.PReLU(16)
        self.conv3 = nn.Conv2d(16, 32, 3)
        self.prelu3 = nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_2(x), self.conv4_1(x).softmax(1)[:, 1]

    def propose(self, x: torch.Tensor, least: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """``forward`` in half the time, where the probability is at least ``least``, in the first of the batch: cells
        (M, 2), row and column; regressions (M, 4), probabilities (M,). Windows cut by the edge are left out."""
        x = _prelu(self.conv2(_maxima_of_two(_prelu(self.conv1(x), self.prelu1))), self.prelu2)
        x = _prelu(self.conv3(x), self.prelu3)[0].permute(1, 2, 0)
        width = x.shape[1]
        x = x.flatten(0, 1)
        weight, bias = self.conv4_1.weight.flatten(1), self.conv4_1.bias
        assert bias is not None
        likely = x @ (weight[1] - weight[0]) >= math.log(least / (1 - least)) - 1e-3 - (bias[1] - bias[0])
        cells = likely.nonzero()[:, 0]
        probabilities = F.linear(x[cells], weight, bias).softmax(1)[:, 1]
        cells, probabilities = cells[probabilities >= least], probabilities[probabilities >= least]
        regressions = F.linear(x[cells], self.conv4_2.weight.flatten(1), self.conv4_2.bias)
        return torch.stack([cells // width, cells % width], dim=1), regressions, probabilities


class RNet(nn.Module):
    """Refines 24×24 windows: (N, 3, 24, 24) → regressions (N, 4), probabilities (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.pool1 = MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.pool2 = MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.prelu3(self.conv3(x))
        x = self.prelu4(self.dense4(_columns_first(x)))
        return self.dense5_2(x), self.dense5_1(x).softmax(1)[:, 1]


class ONet(nn.Module):
    """Decides on 48×48 windows: (N, 3, 48, 48) → regressions (N, 4), probabilities (N,), landmarks (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.prelu1 = nn.PReLU(32)
        self.pool1 = MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.prelu2 = nn.PReLU(64)
        self.pool2 = MaxPool2d(3, 2, ceil_mode=True)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.prelu3 = nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4 = nn.Conv2d(64, 128, 2)
        self.prelu4 = nn.PReLU(128)
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = self.pool1(self.prelu1(self.conv1(x)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.conv4(x))
        x = self.prelu5(self.dense5(_columns_first(x)))
        return self.dense6_2(x), self.dense6_1(x).softmax(1)[:, 1], self.dense6_3(x)


def _columns_first(x: torch.Tensor) -> torch.Tensor:
    """Flatten (N, C, H, W) in the order W, H, C: the dense weights come from a column-major framework."""
    return x.permute(0, 3, 2, 1).flatten(1)


def _maxima(x: torch.Tensor) -> torch.Tensor:
    """The maximum of three rows each, a row shared between neighbours; of an even number the last two are one row."""
    found = torch.maximum(x[:, :, : x.shape[2] // 2 * 2 : 2], x[:, :, 1::2])
    third = x[:, :, 2::2]
    covered = found[:, :, : third.shape[2]]
    torch.maximum(covered, third, out=covered)
    return found


def _maxima_of_two(x: torch.Tensor) -> torch.Tensor:
    """``MaxPool2d(2, 2)``, see ``MaxPool2d``."""
    height, width = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    x = torch.maximum(x[:, :, 0:height:2], x[:, :, 1:height:2])
    return torch.maximum(x[..., 0:width:2], x[..., 1:width:2])


def _prelu(x: torch.Tensor, layer: nn.PReLU) -> torch.Tensor:
    """``layer(x)`` of one channels_last map (1, C, H, W), row by row: pixel by pixel, as torch does, 10 channels take
    five times as long."""
    rows = x[0].permute(1, 2, 0).flatten(1)
    return F.prelu(rows, layer.weight.repeat(x.shape[3])).view(1, *x.shape[2:], -1).permute(0, 3, 1, 2)
