"""The graph of an ONNX model: the same layers as a torch module's, read from its nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from facepipe.errors import UsageError
from facepipe.inspect.graphs.graph import Layer, Pair, Stencil
from facepipe.inspect.graphs.network import Network
from facepipe.machine.lazy import cached_property

Shape = tuple[int, int, int]
Run = Callable[[Any, list[str]], Iterator[tuple[str, np.ndarray]]]

_POOLS = {"AveragePool", "LpPool", "MaxPool"}
_MERGES = {"Add", "Concat", "Div", "Max", "Mean", "Min", "Mul", "Pow", "Sub", "Sum", "Where"}
_POINTWISE = {  # each place by itself
    *("Abs", "BatchNormalization", "Cast", "Ceil", "Clip", "DequantizeLinear", "Elu", "Erf", "Exp", "Floor", "Gelu"),
    *("HardSigmoid", "HardSwish", "LRN", "LeakyRelu", "Log", "Mish", "Neg", "PRelu", "QuantizeLinear", "Reciprocal"),
    *("Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu"),
}


@dataclass(frozen=True, eq=False)
class OnnxNetwork(Network):
    """A network that onnxruntime runs. No ``module`` and no gradients: ask ``differentiable`` before using them.

    ``model`` is the ``onnx.ModelProto``, ``tensors`` maps layer names to its tensors, and ``run(values, names)`` yields
    (name, what that layer put out) for ``values`` (1, 3, H, W) float32, all in one pass.
    """

    module: None  # type: ignore[assignment]
    model: Any
    tensors: Mapping[str, str]
    run: Run

    differentiable: ClassVar[bool] = False

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer by name; the shapes come from a dry run, since a file need not tell them."""
        shapes = {name: shape_of(values) for name, values in self.run(self.x.numpy(), list(self.tensors))}
        return {layer.name: layer for layer in read_layers(self.model, self.tensors, shapes, shape_of(self.x.numpy()))}

    def convolution(self, name: str) -> nn.Conv2d:
        """The convolution ``name`` as a torch module. Raises UsageError where none can stand for it."""
        layer = self.layers[name]
        node = next(node for node in self.model.graph.node if self.tensors[name] in node.output)
        stored = {tensor.name: tensor for tensor in self.model.graph.initializer}
        if layer.window is None or any(given not in stored for given in node.input[1:]):
            raise UsageError(f"{name}: its weights are computed, not stored")
        weight, *bias = (torch.from_numpy(numpy_helper().to_array(stored[given]).copy()) for given in node.input[1:])
        groups, window = layer.groups, layer.window
        conv = nn.Conv2d(
            weight.shape[1] * groups, len(weight), window.kernel, window.stride, window.padding, window.dilation, groups
        )
        with torch.no_grad():
            conv.weight.copy_(weight)
            assert conv.bias is not None
            conv.bias.copy_(bias[0] if bias else torch.zeros(len(weight)))
        before = tuple(self.x.shape[1:]) if layer.inputs == ("",) else self.layers[layer.inputs[0]].shape
        if any(_places(before[1 + axis], window, axis) != layer.shape[1 + axis] for axis in (0, 1)):
            raise UsageError(f"{name}: it pads one side more than the other, which torch's convolution does not")
        return conv.eval().requires_grad_(False)

    def outputs(self, names: Collection[str], x: Tensor | None = None, gradients: bool = False) -> dict[str, Tensor]:
        """As in ``Network``, one image a pass. Raises UsageError for ``gradients``."""
        if gradients:
            raise UsageError(f"{self.name}: an ONNX network has no gradients")
        ordered = [name for name in self.tensors if name in set(names)]
        passes = [dict(self.run(one[None].numpy(), ordered)) for one in (self.x if x is None else x)]
        return {name: torch.from_numpy(np.concatenate([found[name] for found in passes])) for name in ordered}

    def watcher(self, names: Collection[str], see: Callable[[str, Tensor], None]) -> Callable[[Tensor], object]:
        """As in ``Network``, but onnxruntime holds all it was asked for until the pass is over."""

        def run(x: Tensor) -> None:
            for name, values in self.outputs(names, x).items():
                see(name, values)

        return run


def _places(extent: int, window: Stencil, axis: int) -> int:
    """Where torch's convolution can put ``window`` along an axis of ``extent``: padding on both sides is the same."""
    room = extent + 2 * window.padding[axis] - window.dilation[axis] * (window.kernel[axis] - 1) - 1
    return room // window.stride[axis] + 1


def numpy_helper() -> Any:
    from onnx import numpy_helper as helper

    return helper


def read_layers(model: Any, tensors: Mapping[str, str], shapes: Mapping[str, Shape], image: Shape) -> list[Layer]:
    """The layers ``tensors`` (name → tensor) of an ``onnx.ModelProto``, in the order they run.

    ``shapes`` are the layers' (C, H, W), (D, 1, 1) for a vector, ``image`` the input's. What a node of a kind unknown
    here sees is taken to be the whole.
    """
    return list(_Reader(model, tensors, {**shapes, "": image}).layers())


def shape_of(values: np.ndarray) -> Shape:
    """(1, C, H, W) or (1, D) → (C, H, W) or (D, 1, 1)."""
    channels, height, width = values.shape[1:] if values.ndim == 4 else (math.prod(values.shape[1:]), 1, 1)
    return channels, height, width


class _Reader:
    """Follows the tensors of a model from node to node."""

    def __init__(self, model: Any, tensors: Mapping[str, str], shapes: Mapping[str, Shape]) -> None:
        self._nodes, self._shapes = model.graph.node, shapes
        self._names = {tensor: name for name, tensor in tensors.items()}
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        images = [value.name for value in model.graph.input if value.name not in self._constants]
        self._sources: dict[str, tuple[str, ...]] = dict.fromkeys(images, ("",))  # tensor → layers it comes from

    def layers(self) -> Iterator[Layer]:
        for node in self._nodes:
            self._keep_constant(node)
            if node.op_type in ("Shape", "Size"):
                continue  # what is computed from these is arithmetic on extents
            inputs = tuple(dict.fromkeys(name for given in node.input for name in self._sources.get(given, ())))
            for tensor in node.output:
                name = self._names.get(tensor)
                if inputs:
                    self._sources[tensor] = inputs if name is None else (name,)
                if name is not None:
                    yield self._layer(name, node, inputs)

    def _keep_constant(self, node: Any) -> None:
        if node.op_type == "Constant":
            self._constants.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
        elif node.op_type == "Identity" and node.input[0] in self._constants:
            self._constants[node.output[0]] = self._constants[node.input[0]]

    def _layer(self, name: str, node: Any, inputs: tuple[str, ...]) -> Layer:
        shape, attributes = self._shapes[name], {a.name: a for a in node.attribute}
        stored = [list(self._constants[i].dims) for i in node.input if i in self._constants]
        weights = sum(map(math.prod, stored[:2] if node.op_type == "BatchNormalization" else stored))
        if node.op_type == "Conv" and stored:
            adds = math.prod(stored[0][1:]) * math.prod(shape)
            window = self._window(attributes, stored[0][2:], inputs[0])
            groups = attributes["group"].i if "group" in attributes else 1
            return Layer(name, "conv", inputs, shape, weights, adds, window, groups)
        if node.op_type in ("Gemm", "MatMul") and stored and shape[1:] == (1, 1):
            return Layer(name, "linear", inputs, shape, weights, math.prod(stored[0]))
        if node.op_type in _POOLS:
            window = self._window(attributes, attributes["kernel_shape"].ints, inputs[0])
            return Layer(name, "pool", inputs, shape, window=window)
        if node.op_type == "Pad" and (shifted := self._padding(node, attributes)):
            return Layer(name, "pointwise", inputs, shape, window=shifted)
        return Layer(name, self._kind(node, attributes, inputs, shape), inputs, shape, weights)

    def _kind(self, node: Any, attributes: Mapping[str, Any], inputs: tuple[str, ...], shape: Shape) -> str:
        flattened = shape[1:] == (1, 1) and any(self._shapes[name][1:] != (1, 1) for name in inputs)
        softmax = node.op_type == "Softmax" and "axis" in attributes and attributes["axis"].i == 1
        if flattened or not (softmax or node.op_type in _POINTWISE | _MERGES):
            return "whole"
        return "merge" if node.op_type in _MERGES and len(inputs) > 1 else "pointwise"

    def _window(self, attributes: Mapping[str, Any], kernel: Iterable[int], source: str) -> Stencil:
        sides = _pair(kernel)
        stride = _pair(attributes["strides"].ints) if "strides" in attributes else (1, 1)
        dilation = _pair(attributes["dilations"].ints) if "dilations" in attributes else (1, 1)
        automatic = attributes["auto_pad"].s.decode() if "auto_pad" in attributes else "NOTSET"
        if automatic.startswith("SAME"):
            extents = zip(self._shapes[source][1:], sides, stride, dilation, strict=True)
            padding = _pair(_same(*axis, upper=automatic == "SAME_UPPER") for axis in extents)
        else:
            padding = _pair(attributes["pads"].ints[:2]) if "pads" in attributes else (0, 0)
        return Stencil(sides, stride, padding, dilation)

    def _padding(self, node: Any, attributes: Mapping[str, Any]) -> Stencil | None:
        """How a Pad node moves the places; None when that cannot be told, or when it adds channels."""
        if "pads" in attributes:
            pads = list(attributes["pads"].ints)
        else:
            stored = self._constants.get(node.input[1])
            pads = [] if stored is None else numpy_helper().to_array(stored).tolist()
        plain = len(pads) == 8 and len(node.input) < 4 and not any(pads[i] for i in (0, 1, 4, 5))
        return Stencil((1, 1), (1, 1), (pads[2], pads[3])) if plain else None


def _same(extent: int, side: int, stride: int, dilation: int, upper: bool) -> int:
    """The padding before an axis that ``auto_pad`` SAME stands for: an odd pixel goes after (upper) or before it."""
    total = max((math.ceil(extent / stride) - 1) * stride + dilation * (side - 1) + 1 - extent, 0)
    return total // 2 if upper else total - total // 2


def _pair(values: Iterable[int]) -> Pair:
    y, x = values
    return int(y), int(x)
