"""The networks of a pipeline as they see one face, ready for ``graphs`` and ``views``, which know neither detectors nor
backbones."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache

import torch
from torch import Tensor, nn

from facepipe.defaults import MIN_FACE
from facepipe.detect.base import Detector, OpenDetector, load_detector
from facepipe.embed.base import Backbone, normalise
from facepipe.embed.onnx import OnnxBackbone
from facepipe.embed.sface import SFace
from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.errors import UsageError
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.graphs.onnx_graph import OnnxNetwork
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Face, Image, Pixels


def networks_of(pipe: Pipeline, image: Image, face: Face) -> dict[str, Network]:
    """The networks as they see ``face`` of ``image``, by name, in the order they look: those of ``cascade``, then the
    backbone under its card's name (the chip).

    With MTCNN: pnet (the level of the pyramid at which the face is about 12 px, in its grey frame), rnet and onet (the
    square around the face, 24 and 48 px).
    """
    found = detector_networks(pipe.detector, image, face.detection)
    seen = backbone_network(pipe.backbone, face.chip.pixels)
    return found if seen is None else {**found, seen.name: seen}


def detector_networks(detector: Detector, image: Image, face: Detection) -> dict[str, Network]:
    """The networks of ``cascade`` as they are shown ``face``."""
    looking = cascade(detector)
    shown = looking.inputs(image, face)
    return {
        name: Network(name, module, shown[name], looking.to_tensor(shown[name][None]))
        for name, module in looking.networks.items()
    }


def cascade(detector: Detector) -> OpenDetector:
    """What shows how a face is found, from coarse to fine: ``detector`` where it can be looked into, else MTCNN, which
    is asked for the same faces."""
    return detector if isinstance(detector, OpenDetector) else _mtcnn(getattr(detector, "min_face", MIN_FACE))


@cache
def _mtcnn(min_face: float) -> OpenDetector:
    found = load_detector("mtcnn", min_face=min_face)
    assert isinstance(found, OpenDetector)
    return found


def backbone_network(backbone: Backbone, chip: Pixels) -> Network | None:
    """The backbone as it sees ``chip`` (h, w, 3) uint8 RGB; None for one that is neither a torch module nor ONNX."""
    x = torch.from_numpy(normalise(chip[None], backbone.card))
    module = getattr(backbone, "module", None)
    if isinstance(module, nn.Module):
        return Network(backbone.card.name, module, chip, _placed(module, x))
    if isinstance(backbone, OnnxBackbone):
        file = backbone.network
        tensors = {name: file.tensors[name] for name in backbone.layers}
        return OnnxNetwork(backbone.card.name, None, chip, x, file.model, tensors, file.inner)
    return None


def in_torch(backbone: Backbone) -> TorchBackbone | None:
    """The backbone as torch runs it, so that its weights can be changed; None for one that torch cannot run."""
    if isinstance(backbone, SFace):
        return backbone.torch
    return backbone if isinstance(backbone, TorchBackbone) else None


def _placed(module: nn.Module, x: Tensor) -> Tensor:
    """``x`` where the module's weights are, laid out in memory as the pipeline does."""
    device = next((parameter.device for parameter in module.parameters()), x.device)
    return x.to(device, memory_format=torch.channels_last)


def choose_layers(network: Network, pattern: str) -> list[str]:
    """The layers whose names match the glob ``pattern``, in the order they run. Raises UsageError when none does."""
    found = [name for name in network.layers if name == pattern or fnmatchcase(name, pattern)]
    if not found:
        nearest = get_close_matches(pattern, network.layers, n=3, cutoff=0.4)
        hint = f"; nearest: {', '.join(nearest)}" if nearest else ""
        what = f"{pattern}: no such layer in {network.name}{hint}"
        raise UsageError(f"{what}; facepipe inspect --list names them all")
    return found


@dataclass(frozen=True)
class LayerRow:
    """A line of ``facepipe inspect --list``. ``shape`` is (C, H, W); ``receptive_field`` and ``stride`` are px of the
    network's input, y and x, None where a unit sees the whole."""

    name: str
    kind: str
    shape: tuple[int, int, int]
    weights: int
    multiply_adds: int
    receptive_field: tuple[int, int] | None
    stride: tuple[int, int] | None


def list_layers(network: Network) -> list[LayerRow]:
    """Every layer in the order they run, and last a row ``total``: the weights and multiply-adds of all.

    A layer that is called twice (``relu#2``) has its weights counted once.
    """
    rows = []
    for layer in network.layers.values():
        field = network.fields[layer.name]
        size, stride = (None, None) if field is None else (field.size, field.jump)
        rows.append(LayerRow(layer.name, layer.kind, layer.shape, layer.weights, layer.multiply_adds, size, stride))
    weights = sum(row.weights for row in rows if "#" not in row.name)
    shape = rows[-1].shape if rows else (0, 0, 0)
    return [*rows, LayerRow("total", "", shape, weights, sum(row.multiply_adds for row in rows), None, None)]
