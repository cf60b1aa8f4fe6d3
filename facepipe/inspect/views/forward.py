"""A forward pass that can be taken up again from any layer, and the layers from which that makes sense."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor, fx, nn

from facepipe.inspect.graphs.network import Network

_AFFINE = (nn.BatchNorm1d, nn.BatchNorm2d, nn.Flatten)


class ForwardPass:
    """One pass of ``x`` (N, 3, H, W) through ``network``, every layer's output kept, with gradients when enabled.

    ``output`` is what the network put out, ``forward[layer]`` what a layer did: (N, C, H, W) or (N, D).
    """

    def __init__(self, network: Network, x: Tensor) -> None:
        self._traced = network.traced
        self._nodes = _nodes(network.traced)
        run = _Run(network.traced, garbage_collect_values=False)
        self.output: Tensor = run.run(x)
        self._values = run.env

    def __getitem__(self, layer: str) -> Tensor:
        values: Tensor = self._values[self._nodes[layer]]
        return values

    def resume(self, layer: str, values: Tensor, at: str | None = None) -> Tensor:
        """What the network (or its layer ``at``) puts out when ``layer`` puts out ``values``, all before it as it was.

        Another number of images than in the first pass is fine where ``layer`` is one of ``cuts``.
        """
        kept: dict[fx.Node, Any] = {}
        for node in self._traced.graph.nodes:
            kept[node] = self._values[node]
            if node is self._nodes[layer]:
                break
        run = _Run(self._traced, garbage_collect_values=False)
        output: Tensor = run.run(initial_env={**kept, self._nodes[layer]: values})
        return output if at is None else run.env[self._nodes[at]]

    def modules_after(self, layer: str) -> list[tuple[nn.Module, Tensor]]:
        """(module, what it put out) for every module that runs after ``layer``."""
        nodes = list(self._traced.graph.nodes)
        later = nodes[nodes.index(self._nodes[layer]) + 1 :]
        return [
            (self._traced.get_submodule(str(node.target)), self._values[node])
            for node in later
            if node.op == "call_module"
        ]


def cuts(network: Network) -> list[str]:
    """The layers that everything later depends on through them alone: no branch or skip goes around them."""
    nodes = list(network.traced.graph.nodes)
    place = {node: index for index, node in enumerate(nodes)}
    names = {node: name for name, node in _nodes(network.traced).items()}
    furthest, found = -1, []
    for node in nodes:
        if furthest <= place[node] and names.get(node) in network.layers:
            found.append(names[node])
        furthest = max([furthest, *(place[user] for user in node.users)])
    return found


def last_map(network: Network) -> str | None:
    """The last map, where all that comes after it is affine: means, flattening, linear layers, batch norms.

    None for a network that ends otherwise, or that never gathers a map of several places.
    """
    layer = list(network.layers.values())[-1]
    while layer.kind in ("whole", "linear") or isinstance(_module(network, layer.name), _AFFINE):
        inputs = set(layer.inputs)  # a view names its map twice: once for its values, once for its shape
        if len(inputs) != 1 or "" in inputs:
            return None
        layer = network.layers[inputs.pop()]
    return layer.name if layer.shape[1] * layer.shape[2] > 1 and layer.name in cuts(network) else None


def _module(network: Network, layer: str) -> nn.Module | None:
    """The module that the layer is a call of; None for a function."""
    return dict(network.module.named_modules()).get(layer.partition("#")[0])


def _nodes(traced: fx.GraphModule) -> dict[str, fx.Node]:
    """Each step by its layer's name, as ``Network.layers`` calls it."""
    calls: Counter[str] = Counter()
    found = {}
    for node in traced.graph.nodes:
        name = str(node.target) if node.op == "call_module" else node.name
        calls[name] += 1
        found[name if calls[name] == 1 else f"{name}#{calls[name]}"] = node
    return found


class _Run(fx.Interpreter):
    """An in-place module is given a copy, so that what was kept of the layer before stays."""

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if getattr(self.fetch_attr(target), "inplace", False):
            args = tuple(given.clone() if isinstance(given, Tensor) else given for given in args)
        return super().call_module(target, args, kwargs)


def with_mirror(x: Tensor, mirror: bool) -> Tensor:
    """``x`` (1, 3, H, W), and its mirror image after it when the embedding is the mean over both."""
    return torch.cat([x, x.flip(3)]) if mirror else x
