"""The graph of a torch module, traced symbolically and run once for the shapes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, fx, nn

from facepipe.inspect.graphs.graph import Layer, Pair, Stencil

_MERGES = {"add", "cat"}
_WHOLE = {"mean", "flatten", "view", "reshape", "Flatten", "AdaptiveAvgPool2d"}  # what comes after sees every place
_PASSED = {"Identity", "Dropout", "getitem", "permute", "contiguous", "placeholder", "output"}


def trace(module: nn.Module) -> fx.GraphModule:
    """``module`` step by step; a step is a module without children or a function."""
    return fx.GraphModule(module, _Tracer().trace(module))


def read_layers(traced: fx.GraphModule, x: Tensor) -> list[Layer]:
    """Every layer for an input ``x`` (1, 3, H, W), in the order they run.

    A module is called as in ``named_modules``, ``name#2`` at its second call; a function as its step in the trace.
    """
    layers: list[Layer] = []

    def see(name: str, what: str, module: nn.Module | None, inputs: tuple[str, ...], values: Tensor) -> None:
        layers.append(describe(name, what, module, inputs, values))

    with torch.no_grad():
        _Walk(traced, see).run(x)
    return layers


def outputs(traced: fx.GraphModule, x: Tensor, names: Collection[str]) -> dict[str, Tensor]:
    """What the layers ``names`` put out for ``x`` (N, 3, H, W): (N, C, H, W) or (N, D) each, with gradients when asked.

    They are copies: a later layer that works in place does not change them.
    """
    found: dict[str, Tensor] = {}

    def see(name: str, what: str, module: nn.Module | None, inputs: tuple[str, ...], values: Tensor) -> None:
        if name in names:
            found[name] = values.clone()

    _Walk(traced, see).run(x)
    return found


def watcher(traced: fx.GraphModule, names: Collection[str], see: Callable[[str, Tensor], None]) -> fx.GraphModule:
    """The trace with a call of ``see(name, values)`` after each layer of ``names``: a third quicker than step by step.

    ``values`` may be overwritten by the next layer: what is to be kept must be copied or written away in ``see``.
    Nothing is hooked on to the module itself, so nothing stays behind when ``see`` fails.
    """
    graph, copies, calls = fx.Graph(), dict[fx.Node, fx.Node](), Counter[str]()
    graph.output(graph.graph_copy(traced.graph, copies))
    for node, copy in copies.items():
        name = _called(node, calls)
        if name in names:
            with graph.inserting_after(copy):
                graph.call_function(see, (name, copy))
    return fx.GraphModule(traced, graph)


See = Callable[[str, str, "nn.Module | None", "tuple[str, ...]", Tensor], None]


class _Tracer(fx.Tracer):
    """Takes every module without children as one step."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return next(module.children(), None) is None


class _Walk(fx.Interpreter):
    """Runs the trace and calls ``see(name, what, module, inputs, values)`` at each step."""

    def __init__(self, traced: fx.GraphModule, see: See) -> None:
        super().__init__(traced)
        self._see = see
        self._calls: Counter[str] = Counter()
        self._source: dict[fx.Node, str] = {}  # node → the layer whose values it holds

    def run_node(self, node: fx.Node) -> Any:
        values = super().run_node(node)
        module = self.fetch_attr(str(node.target)) if node.op == "call_module" else None
        what = type(module).__name__ if module is not None else _function(node)
        sources = tuple(self._source[given] for given in node.all_input_nodes)
        if what in _PASSED or not isinstance(values, Tensor):
            self._source[node] = sources[0] if sources else ""
            return values
        name = _called(node, self._calls)
        self._source[node] = name
        self._see(name, what, module, sources, values)
        return values


def _called(node: fx.Node, calls: Counter[str]) -> str:
    """What the layer at this step is called; ``calls`` counts how often each was before."""
    name = str(node.target) if node.op == "call_module" else node.name
    calls[name] += 1
    return name if calls[name] == 1 else f"{name}#{calls[name]}"


def describe(name: str, what: str, module: nn.Module | None, inputs: tuple[str, ...], values: Tensor) -> Layer:
    """One step as a ``Layer``; ``values`` is what it put out, (1, C, H, W) or (1, D)."""
    shape = _shape(values)
    weights = sum(p.numel() for p in module.parameters()) if module is not None else 0
    if isinstance(module, nn.Conv2d):
        adds = module.weight[0].numel() * math.prod(shape)
        return Layer(name, "conv", inputs, shape, weights, adds, _window(module), module.groups)
    if isinstance(module, nn.Linear):
        return Layer(name, "linear", inputs, shape, weights, module.in_features * module.out_features)
    if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
        return Layer(name, "pool", inputs, shape, window=_window(module))
    if what in _WHOLE:
        return Layer(name, "whole", inputs, shape)
    kind = "merge" if what in _MERGES or len(inputs) > 1 else "pointwise"
    return Layer(name, kind, inputs, shape, weights)


def _function(node: fx.Node) -> str:
    if node.op in ("placeholder", "output"):
        return node.op
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def _shape(values: Tensor) -> tuple[int, int, int]:
    extents = tuple(values.shape[1:])
    channels, height, width = extents if len(extents) == 3 else (math.prod(extents), 1, 1)
    return channels, height, width


def _window(module: nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) -> Stencil:
    kernel = _pair(module.kernel_size)
    dilation = _pair(getattr(module, "dilation", 1))
    return Stencil(kernel, _pair(module.stride), _pair(module.padding), dilation)


def _pair(value: Any) -> Pair:
    y, x = value if isinstance(value, (tuple, list)) else (value, value)
    return int(y), int(x)
