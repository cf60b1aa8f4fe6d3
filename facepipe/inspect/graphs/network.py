"""The networks of a pipeline as they see one face: P-Net, R-Net, O-Net and the backbone, ready to be looked into."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, fx, nn

from facepipe.inspect.graphs.graph import Field, Layer, fields
from facepipe.inspect.graphs.torch_graph import outputs, read_layers, trace, watcher
from facepipe.machine.lazy import cached_property
from facepipe.records import Pixels


@dataclass(frozen=True, eq=False)
class Network:
    """A network and what it is fed for one face.

    ``name``: pnet, rnet, onet or the backbone's card name. ``pixels`` (H, W, 3) uint8 RGB is what it sees, ``x``
    (1, 3, H, W) float32 the same as the network takes it. Layers are called as in the network, see ``read_layers``.
    Where ``differentiable`` is False (``onnx_graph.OnnxNetwork``) there is no ``module`` and there are no gradients.
    """

    differentiable: ClassVar[bool] = True

    name: str
    module: nn.Module
    pixels: Pixels
    x: Tensor

    @cached_property
    def traced(self) -> fx.GraphModule:
        return trace(self.module)

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer by name, in the order they run."""
        return {layer.name: layer for layer in read_layers(self.traced, self.x)}

    @cached_property
    def fields(self) -> dict[str, Field | None]:
        """The theoretical receptive field of every layer, px of ``pixels``; None for the whole."""
        return fields(list(self.layers.values()))

    @property
    def convolutions(self) -> list[str]:
        return [layer.name for layer in self.layers.values() if layer.kind == "conv"]

    def convolution(self, name: str) -> nn.Conv2d:
        """The module of the convolution ``name``."""
        module = self.module.get_submodule(name.partition("#")[0])
        assert isinstance(module, nn.Conv2d)
        return module

    def outputs(self, names: Collection[str], x: Tensor | None = None, gradients: bool = False) -> dict[str, Tensor]:
        """What the layers put out for ``x`` (N, 3, H, W; None: this face): (N, C, H, W) or (N, D) each."""
        with torch.set_grad_enabled(gradients):
            return outputs(self.traced, self.x if x is None else x, names)

    def watcher(self, names: Collection[str], see: Callable[[str, Tensor], None]) -> Callable[[Tensor], object]:
        """A forward pass that calls ``see(name, values)`` as each layer ends; the next one may overwrite ``values``."""
        return torch.inference_mode()(watcher(self.traced, names, see))
