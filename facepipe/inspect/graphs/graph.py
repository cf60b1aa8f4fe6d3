"""A network as a graph of layers, from torch or ONNX: which feeds which, shapes, weights, multiply-adds, windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True)
class Stencil:
    """What one output unit takes from its input: ``kernel``, ``stride``, ``padding`` (before), ``dilation``; y, x."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)


@dataclass(frozen=True)
class Layer:
    """One operation. ``inputs`` are names of earlier layers, "" for the network's input.

    ``kind``: conv, pool, linear, pointwise (each place by itself), merge (sums or stacks maps), whole (every output
    sees every place, such as a global mean or a flattened map). ``shape`` is (C, H, W), or (D, 1, 1) for a vector.
    ``weights`` counts parameters; ``multiply_adds`` those of one forward pass, of convolutions and linear layers.
    ``groups``: into how many a convolution divides the maps, each seen by itself.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: tuple[int, int, int]
    weights: int = 0
    multiply_adds: int = 0
    window: Stencil | None = None
    groups: int = 1

    @property
    def depthwise(self) -> bool:
        """Whether it is a convolution in which every output sees one map alone, so that no maps are added up."""
        if self.window is None or self.groups == 1:
            return False
        return self.multiply_adds == math.prod(self.shape) * math.prod(self.window.kernel)


@dataclass(frozen=True)
class Field:
    """The theoretical receptive field: unit i along an axis sees the input from ``first`` + i · ``jump`` to ``last`` +
    i · ``jump``, both inside, px of the network's input; y and x. Parts outside the input fall on padding."""

    jump: Pair
    first: Pair
    last: Pair

    @property
    def size(self) -> Pair:
        """Height and width, px."""
        return self.last[0] - self.first[0] + 1, self.last[1] - self.first[1] + 1

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """y0, x0, y1, x1 (both ends inside) that the unit at ``row``, ``column`` sees."""
        y, x = row * self.jump[0], column * self.jump[1]
        return self.first[0] + y, self.first[1] + x, self.last[0] + y, self.last[1] + x


def fields(layers: Sequence[Layer]) -> dict[str, Field | None]:
    """The receptive field of every layer; None for one whose units see the whole input.

    Followed through the graph: a window widens the field, a merge unites the boxes of what it merges (Araujo et al.
    2019, "Computing receptive fields of convolutional neural networks", doi:10.23915/distill.00021).
    """
    found: dict[str, Field | None] = {"": Field((1, 1), (0, 0), (0, 0))}
    for layer in layers:
        incoming = [field for name in layer.inputs if (field := found[name]) is not None]
        everything = len(incoming) < len(layer.inputs) or layer.kind in ("linear", "whole")
        merged = None if everything else _united(incoming)
        found[layer.name] = None if merged is None else _widened(merged, layer.window)
    return found


def _united(incoming: Sequence[Field]) -> Field | None:
    """The smallest box around all; None when their units lie differently far apart, so that no one box fits all."""
    if len({field.jump for field in incoming}) != 1:
        return None
    first = min(f.first[0] for f in incoming), min(f.first[1] for f in incoming)
    last = max(f.last[0] for f in incoming), max(f.last[1] for f in incoming)
    return Field(incoming[0].jump, first, last)


def _widened(field: Field, window: Stencil | None) -> Field:
    if window is None:
        return field
    axes = []
    for axis in (0, 1):
        jump, padding = field.jump[axis], window.padding[axis]
        reach = window.dilation[axis] * (window.kernel[axis] - 1)
        first, last = field.first[axis] - jump * padding, field.last[axis] + jump * (reach - padding)
        axes.append((jump * window.stride[axis], first, last))
    jumps, firsts, lasts = zip(*axes, strict=True)
    return Field(jumps, firsts, lasts)


def dense_weights(inputs: Sequence[tuple[int, int, int]], output: tuple[int, int, int]) -> int:
    """How many weights a dense layer between maps of these shapes would need, without biases."""
    return sum(math.prod(shape) for shape in inputs) * math.prod(output)
