"""The networks of a pipeline as they see one face, ready for ``facepipe.layers``: what knows both of them.

Here and not in ``layers``, which knows neither detectors nor backbones, nor in ``pipeline``, which needs none of it.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from facepipe.embed.base import Backbone, normalise
from facepipe.embed.onnx import OnnxBackbone
from facepipe.layers.networks import Network
from facepipe.layers.onnx_graph import OnnxNetwork
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Face, Image, Pixels


@runtime_checkable
class OpenDetector(Protocol):
    """A detector made of torch modules that can be looked into; any other has no networks to show."""

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Its modules by name, in the order they run."""

    def inputs(self, image: Image, face: Detection) -> dict[str, Pixels]:
        """What each module is shown of ``face``, (H, W, 3) uint8 RGB."""

    def to_tensor(self, pixels: Pixels) -> Tensor:
        """(N, H, W, 3) uint8 RGB → (N, 3, H, W) float32 as the modules take it."""


def networks_of(pipe: Pipeline, image: Image, face: Face) -> dict[str, Network]:
    """The networks that looked at ``face`` of ``image``, by name, in the order they did.

    With MTCNN: pnet (the level of the pyramid at which the face is about 12 px, in its grey frame), rnet and onet (the
    square around the face, 24 and 48 px); then the backbone under its card's name (the chip).
    """
    found = _detector_networks(pipe.detector, image, face.detection) if isinstance(pipe.detector, OpenDetector) else {}
    seen = backbone_network(pipe.backbone, face.chip.pixels)
    return found if seen is None else {**found, seen.name: seen}


def backbone_network(backbone: Backbone, chip: Pixels) -> Network | None:
    """The backbone as it sees ``chip`` (h, w, 3) uint8 RGB; None for one that is neither a torch module nor ONNX."""
    x = torch.from_numpy(normalise(chip[None], backbone.card))
    module = getattr(backbone, "module", None)
    if isinstance(module, nn.Module):
        return Network(backbone.card.name, module, chip, like(module, x))
    if isinstance(backbone, OnnxBackbone):
        file = backbone.network
        tensors = {name: file.tensors[name] for name in backbone.layers}
        return OnnxNetwork(backbone.card.name, None, chip, x, file.model, tensors, file.inner)
    return None


def like(module: nn.Module, x: Tensor) -> Tensor:
    """``x`` where the module's weights are, laid out in memory as the pipeline does."""
    device = next((parameter.device for parameter in module.parameters()), x.device)
    return x.to(device, memory_format=torch.channels_last)


def _detector_networks(detector: OpenDetector, image: Image, face: Detection) -> dict[str, Network]:
    shown = detector.inputs(image, face)
    return {
        name: Network(name, module, shown[name], detector.to_tensor(shown[name][None]))
        for name, module in detector.networks.items()
    }
