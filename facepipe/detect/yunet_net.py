"""YuNet's network, which sees a picture in one pass and says what is at places 8, 16 and 32 px apart.

Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector", doi:10.1007/s11633-023-1423-y; the weights are OpenCV's
file. Its four heads, small ones, are computed as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from facepipe.errors import WeightsAltered
from facepipe.networks.runtime import CompiledGraph, Graph, read_graph, read_weights
from facepipe.records import Floats

STRIDES = (8, 16, 32)  # px from place to place
BLOCKS = (1, 4, 2, 2, 2)  # units one after the other; after each block a map is halved
WIDTHS = (16, 16, 16, 32, 32, *[64] * 7)  # before and after each unit
HEADS = (1, 4, 1, 10)  # channels of each
FACE, BOX, CENTRE, LANDMARKS = 0, slice(1, 5), 5, slice(6, 16)  # what they say: is there one, where, is its centre here
NO_EXTENTS = np.empty(0, np.float32)

Convolution = tuple[Floats, Floats]  # weight (O, I, h, w), bias (O,)


def read(path: Path) -> CompiledGraph:
    """See ``network``. Raises WeightsAltered."""
    graph = read_graph(path)
    try:
        stored = read_weights(graph)
        steps = [(stored[node.input[1]], stored[node.input[2]]) for node in graph.node if node.op_type == "Conv"]
    except (LookupError, ValueError) as error:
        raise WeightsAltered(f"{path}: not the weights of YuNet: {error}") from None
    if [weight.shape for weight, _ in steps] != list(_shapes()):
        raise WeightsAltered(f"{path}: not the weights of YuNet: its convolutions have other shapes")
    return network(steps)


def _shapes() -> Iterator[tuple[int, ...]]:
    """What the weights of the convolutions measure."""
    yield WIDTHS[0], 3, 3, 3
    neck = [WIDTHS[-1]] * len(STRIDES)
    for before, width in [*pairwise((*WIDTHS, *neck)), *((WIDTHS[-1], head) for head in HEADS for _ in STRIDES)]:
        yield width, before, 1, 1
        yield width, 1, 3, 3


def network(steps: Sequence[Convolution]) -> CompiledGraph:
    """``picture`` (1, height, width, 3) uint8 RGB, the sides multiples of 32 → for each of STRIDES (1, 16,
    rows, columns): what its heads say of each place, FACE and CENTRE as logits."""
    (weight, bias), *rest = steps
    coming = iter(rest)
    graph = Graph("picture", (1, "height", "width", 3), pixels=True)

    def unit(x: str) -> str:
        return graph.step("Relu", _unit(graph, x, next(coming), next(coming)))

    x = graph.step("Relu", graph.conv(graph.maps("picture"), weight[:, ::-1], bias, 2, 1))  # it took BGR
    maps = []
    for block, units in enumerate(BLOCKS):
        if block:
            x = graph.step("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        for _ in range(units):
            x = unit(x)
        maps.append(x)
    fine, middle, coarse = maps[-len(STRIDES) :]
    coarse = unit(coarse)
    middle = unit(graph.step("Add", middle, _doubled(graph, coarse)))
    fine = unit(graph.step("Add", fine, _doubled(graph, middle)))
    left = list(coming)  # for each head and each of STRIDES a unit without ReLU
    ends = []
    for level, x in enumerate((fine, middle, coarse)):
        points, depths = (left[2 * level + part :: 2 * len(STRIDES)] for part in range(2))
        ends.append(_unit(graph, x, _as_one(points), _as_one(depths)))
    return graph.network(*ends, wide=True)


def _as_one(same: Sequence[Convolution]) -> Convolution:
    weights, biases = zip(*same, strict=True)
    return np.concatenate(weights), np.concatenate(biases)


def _unit(graph: Graph, x: str, point: Convolution, depth: Convolution) -> str:
    """Maps mixed at each place, then each seen with the places around."""
    return graph.conv(graph.conv(x, *point), *depth, padding=1)


def _doubled(graph: Graph, x: str) -> str:
    scales = np.array([1, 1, 2, 2], np.float32)
    options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.step("Resize", x, NO_EXTENTS, scales, **options)
