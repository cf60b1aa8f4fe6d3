"""Hand-made edge kernels beside the learnt kernels most like them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from facepipe.inspect.graphs.graph import Pair
from facepipe.records import Floats

HAND_MADE = {
    "[-1 0 1]": ((0, 0, 0), (-1, 0, 1), (0, 0, 0)),
    "[-1 0 1]ᵀ": ((0, -1, 0), (0, 0, 0), (0, 1, 0)),
    "Sobel x": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "Sobel y": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "Laplace": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
}


@dataclass(frozen=True, eq=False)
class Edge:
    """A hand-made kernel ``name`` and the learnt one most like it.

    ``made`` and ``learnt`` (kh, kw); ``correlation`` is the cosine of their weights, −1..1, the largest in magnitude;
    the learnt one belongs to ``output`` and to the input channel ``input`` (None: averaged over all of them, which is
    what the kernel does to a grey picture). ``made_map`` and ``learnt_map`` (H, W) are both on the same input.
    """

    name: str
    made: Floats
    learnt: Floats
    correlation: float
    output: int
    input: int | None
    made_map: Floats
    learnt_map: Floats


def find_edges(conv: nn.Conv2d, x: Tensor, pictures: bool) -> tuple[Edge, ...]:
    """For each hand-made kernel the one of ``conv`` most like it; nothing where the kernels are one pixel high or wide.

    ``x`` (1, C, h, w) is what ``conv`` is fed. With ``pictures`` (it is the picture itself) learnt kernels are averaged
    over the input channels, else each counts by itself.
    """
    if min(conv.kernel_size) < 2:
        return ()
    kernels = conv.weight.detach().cpu().numpy()
    learnt = kernels.mean(axis=1, keepdims=True) if pictures else kernels
    return tuple(_nearest(name, rows, learnt, conv, x, pictures) for name, rows in HAND_MADE.items())


def _nearest(
    name: str, rows: tuple[tuple[int, ...], ...], learnt: Floats, conv: nn.Conv2d, x: Tensor, pictures: bool
) -> Edge:
    made = stretched(np.array(rows, np.float32), (int(conv.kernel_size[0]), int(conv.kernel_size[1])))
    norms = np.sqrt((learnt**2).sum(axis=(2, 3))) * np.linalg.norm(made)
    correlations = (learnt * made).sum(axis=(2, 3)) / np.where(norms > 0, norms, 1)
    output, channel = np.unravel_index(int(np.abs(correlations).argmax()), correlations.shape)
    each = conv.in_channels // conv.groups
    place = int(output) // (conv.out_channels // conv.groups) * each + int(channel)
    seen = x.mean(dim=1, keepdim=True) if pictures else x[:, place : place + 1]
    best = learnt[output, channel]
    return Edge(
        name,
        made,
        best,
        float(correlations[output, channel]),
        int(output),
        None if pictures else place,
        _filtered(seen, made, conv),
        _filtered(seen, best, conv),
    )


def stretched(kernel: Floats, size: Pair) -> Floats:
    """A 3 × 3 ``kernel`` at ``size`` (kh, kw), interpolated between its corners: the same edge, seen more widely."""
    if kernel.shape == size:
        return kernel
    rows, columns = (np.linspace(0, 2, side, dtype=np.float32) for side in size)
    grid = np.meshgrid(columns, rows)
    found = np.asarray(cv2.remap(kernel, grid[0], grid[1], cv2.INTER_LINEAR), np.float32)
    return found - found.mean()  # an even grey stays 0, as with the kernel it comes from


def _filtered(x: Tensor, kernel: Floats, conv: nn.Conv2d) -> Floats:
    weight = torch.from_numpy(np.ascontiguousarray(kernel))[None, None]
    found = functional.conv2d(x, weight, None, conv.stride, conv.padding, conv.dilation)
    return np.asarray(found[0, 0].numpy(), np.float32)
