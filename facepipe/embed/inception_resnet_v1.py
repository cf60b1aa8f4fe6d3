"""FaceNet's Inception-ResNet-v1 (132 convolutions), 160×160 chip → 512 numbers, as facenet-pytorch defines it.

Architecture: Szegedy et al. 2017 (arXiv:1602.07261), used for faces in David Sandberg's facenet after Schroff et al.
2015 (arXiv:1503.03832), ported to torch by Tim Esler.
"""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from facepipe.defaults import FULL
from facepipe.embed.fused import FusedConv
from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.errors import WeightsAltered
from facepipe.networks import weights as weight_files
from facepipe.networks.cards import Card
from facepipe.networks.tensors import read_state_dict


def load(card: Card, device: str, weights: Path | None = None, precision: str = FULL) -> TorchBackbone:
    """The backbone with the card's weights, or with ``weights``, another state dict of the same architecture.

    Raises WeightsMissing, WeightsAltered, DeviceUnavailable.
    """
    path, id = weight_files.resolve(card, weights)
    module = network()
    fill(module, read_state_dict(path), path)
    return TorchBackbone(card, module, id, device, precision, partial(lean, module))


def network() -> nn.Module:
    """(N, 3, 160, 160) float32 → (N, 512) embeddings before their L2 normalisation; without weights (meta device).

    facenet-pytorch normalises at the end, which loses the raw norm, a signal of quality. Its classifying branch does
    not: with an identity for the classifier it hands on the raw embedding.
    """
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

    with torch.device("meta"):  # the random initialisation alone would take longer than loading
        module: nn.Module = InceptionResnetV1(pretrained=None, classify=True, num_classes=1)
    module.logits = nn.Identity()
    return module


def lean(module: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The same function as ``module``, a ``network()`` with weights, in fewer steps for the CPU: batch norms folded
    into their convolutions, ReLUs and additions done with them."""
    from facenet_pytorch.models import inception_resnet_v1 as parts

    tensors = [*module.parameters(), *module.buffers()]
    twin = copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})  # with the same weights, not copies
    for name, part in [*twin.named_modules()]:
        if isinstance(part, parts.BasicConv2d):
            twin.set_submodule(name, FusedConv(fuse_conv_bn_eval(part.conv, part.bn), dtype))
    for name, part in [*twin.named_modules()]:
        if isinstance(part, parts.Block35 | parts.Block17 | parts.Block8):
            twin.set_submodule(name, LeanBlock(part, dtype))
    twin.dropout = Float()  # which does nothing at rest
    return twin


class LeanBlock(nn.Module):
    """Branches, then a convolution over what they found, added to the input. It writes into what it is given."""

    def __init__(self, block: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.branches = nn.ModuleList(part for name, part in block.named_children() if name.startswith("branch"))
        conv: Any = copy.deepcopy(block.conv2d)
        conv.weight.data *= block.scale
        conv.bias.data *= block.scale
        self.conv, self._relu = FusedConv(conv, dtype), not getattr(block, "noReLU", False)

    def forward(self, x: Tensor) -> Tensor:
        found = torch.cat([branch(x) for branch in self.branches], 1)
        return self.conv.add(found, x, self._relu)


class Float(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.float()


def fill(module: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Put ``state``, read from ``path``, into ``module``. Raises WeightsAltered unless everything fits."""
    # the released files hold the classifier of their training set too
    state = {name: value for name, value in state.items() if not name.startswith("logits.")}
    try:
        misfit = module.load_state_dict(state, strict=False, assign=True)
    except RuntimeError as error:  # shapes
        raise _altered(path, str(error).splitlines()[-1].strip()) from None
    if names := [*misfit.missing_keys, *misfit.unexpected_keys]:
        kind = "missing" if misfit.missing_keys else "not part of the network"
        raise _altered(path, f"{names[0]} is {kind} ({len(names)} tensors don't fit)")
    module.float()


def _altered(path: Path, why: str) -> WeightsAltered:
    return WeightsAltered(f"{path}: not the weights of an Inception-ResNet-v1: {why}")
