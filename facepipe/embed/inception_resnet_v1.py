"""FaceNet's Inception-ResNet-v1 (132 convolutions), 160×160 chip → 512 numbers, as facenet-pytorch defines it.

Architecture: Szegedy et al. 2017 (arXiv:1602.07261), used for faces in David Sandberg's facenet after Schroff et al.
2015 (arXiv:1503.03832), ported to torch by Tim Esler.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from facepipe import weights as weight_files
from facepipe.cards import Card
from facepipe.embed._torch import TorchBackbone
from facepipe.embed.base import FULL
from facepipe.errors import WeightsAltered
from facepipe.tensors import read_state_dict


def load(card: Card, device: str, weights: Path | None = None, precision: str = FULL) -> TorchBackbone:
    """The backbone with the card's weights, or with ``weights``, another state dict of the same architecture.

    Raises WeightsMissing, WeightsAltered, DeviceUnavailable.
    """
    path, id = weight_files.resolve(card, weights)
    module = network()
    fill(module, read_state_dict(path), path)
    return TorchBackbone(card, module, id, device, precision)


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
