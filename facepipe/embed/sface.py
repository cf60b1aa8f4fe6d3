"""SFace's MobileFaceNet-like network: 27 convolutions, 112×112 chip → 128 numbers.

Zhong et al. 2021, "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", IEEE TIP
(arXiv:2205.12010); the network is MobileNet's (Howard et al. 2017, arXiv:1704.04861) with PReLUs and a linear layer
over all 7×7 places. The weights are OpenCV's file. Its batch norms are folded into the convolutions before them, the
last ones into the linear layer: the same function with fewer layers. On the CPU onnxruntime runs it; to look inside,
and on other devices, torch does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facepipe.defaults import FULL
from facepipe.embed.base import check_precision, normalise
from facepipe.errors import CardInvalid, WeightsAltered
from facepipe.machine.devices import in_passes, side_by_side, workers
from facepipe.machine.forks import PerProcess
from facepipe.machine.lazy import cached_property
from facepipe.networks import weights as weight_files
from facepipe.networks.cards import Card
from facepipe.networks.runtime import CompiledGraph, Constants, Graph, read_graph, read_weights
from facepipe.records import Activation, Floats, Pixels

if TYPE_CHECKING:
    from torch import nn

    from facepipe.embed.torch_backbone import TorchBackbone

WIDTHS = (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)  # of the depthwise convolutions
SIDE, PLACES = 112, 49  # px of a chip, and places of the last map, 7×7
EPSILON, EPSILON_LAST = 1e-3, 2e-5  # of the batch norms, and of the last two
PASS = 8  # chips a forward pass


class ConvStep(NamedTuple):
    """A convolution and the PReLU after it: ``weight`` (O, I, h, w), where I is 1 each map by itself; ``bias`` and
    ``slope`` (O,)."""

    weight: Floats
    bias: Floats
    slope: Floats
    stride: int = 1

    @property
    def padding(self) -> int:
        return self.weight.shape[2] // 2


class Weights(NamedTuple):
    """All convolutions in order, the first, then depthwise and pointwise in turn; ``head`` (128, 1024·49) and ``bias``
    (128,) of the linear layer, whose columns are channel by channel, row by row."""

    steps: tuple[ConvStep, ...]
    head: Floats
    bias: Floats


def load(card: Card, device: str, weights: Path | None = None, precision: str = FULL) -> SFace:
    """The backbone with the card's weights, or with ``weights``, another ONNX file of the same architecture.

    Raises CardInvalid (a card for other chips or vectors), WeightsMissing, WeightsAltered, DeviceUnavailable.
    """
    check_precision(precision)
    path, id = weight_files.resolve(card, weights)
    return SFace(card, read(path), id, device, precision)


class SFace:
    """A ``Backbone``. In full precision on the CPU onnxruntime computes its embeddings, else torch does."""

    def __init__(self, card: Card, weights: Weights, id: str, device: str = "cpu", precision: str = FULL) -> None:
        made, said = (SIDE, len(weights.bias)), (card.chip.size, card.dimension)
        if said != made:
            what = "SFace takes chips of {} px and puts out {} numbers, the card says {} and {}"
            raise CardInvalid(f"{card.path}: {what.format(*made, *said)}")
        self.card, self.id, self.precision = card, id, precision
        self._weights, self._device = weights, device
        self._quick = networks(weights) if (device, precision) == ("cpu", FULL) else None
        self._workers = PerProcess(partial(workers, "facepipe-embed"))
        if self._quick is None:
            _ = self.torch  # fails now rather than at the first face

    def embed(self, pixels: Pixels) -> Floats:
        """``pixels`` (N, 112, 112, 3) uint8 RGB → (N, 128) float32."""
        if self._quick is None:
            return self.torch.embed(pixels)
        return np.concatenate(side_by_side(self._workers, self._pass, in_passes(pixels, PASS)))

    def _pass(self, pixels: Pixels) -> Floats:
        assert self._quick is not None
        convolutions, head = self._quick
        shown = np.ascontiguousarray(normalise(pixels, self.card))
        maps = [convolutions(chips=chip[None])[0] for chip in shown]
        found: Floats = head(maps=np.concatenate([*maps, np.empty((0, WIDTHS[-1] * PLACES), np.float32)]))[0]
        return found

    @cached_property
    def torch(self) -> TorchBackbone:
        """The same network in torch, to be looked into."""
        from facepipe.embed import sface_net
        from facepipe.embed.torch_backbone import TorchBackbone

        module = sface_net.SFaceNet(self._weights)
        return TorchBackbone(self.card, module, self.id, self._device, self.precision)

    @property
    def module(self) -> nn.Module:
        return self.torch.module

    @property
    def layers(self) -> tuple[str, ...]:
        return self.torch.layers

    def activations(self, pixels: Pixels, layers: Sequence[str]) -> Iterator[Activation]:
        """As ``TorchBackbone.activations``. Raises UsageError."""
        return self.torch.activations(pixels, layers)


def read(path: Path) -> Weights:
    """The weights in OpenCV's file ``path``, of 8 bits or 32, batch norms folded in. Raises WeightsAltered when they do
    not fit."""
    graph = read_graph(path)
    try:
        return _read(read_weights(graph))
    except (LookupError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error).strip()
        raise WeightsAltered(f"{path}: not the weights of SFace: {why}") from None


def _read(stored: Constants) -> Weights:
    names = ["conv_1", *(f"conv_{number}{kind}" for number in range(2, 15) for kind in ("_dw", ""))]
    strides = [1, *(stride for each in STRIDES for stride in (each, 1))]
    steps = tuple(_step(stored, name, stride) for name, stride in zip(names, strides, strict=True))
    if [step.weight.shape for step in steps] != list(_shapes()):
        raise ValueError("its convolutions have other shapes")
    scale, shift = _affine(stored, "bn1", EPSILON_LAST)
    last_scale, last_shift = _affine(stored, "fc1", EPSILON_LAST)
    head = _weight(stored, "pre_fc1_weight").astype(np.float64).reshape(-1, WIDTHS[-1], PLACES)
    bias = _weight(stored, "pre_fc1_bias") + head.sum(axis=2) @ shift
    head = (head * scale[:, None]).reshape(len(head), -1) * last_scale[:, None]
    return Weights(steps, head.astype(np.float32), (bias * last_scale + last_shift).astype(np.float32))


def _shapes() -> Iterator[tuple[int, ...]]:
    """What the weights of the convolutions measure."""
    yield 32, 3, 3, 3
    for before, width in zip((32, *WIDTHS), WIDTHS, strict=False):
        yield before, 1, 3, 3
        yield width, before, 1, 1


def _weight(stored: Constants, name: str) -> np.ndarray:
    """As the zoo's file in 32 bits calls it, or as what the one in 8 bits makes of it."""
    made = (stored[full] for form in ("_reshaped", "_dequantized") if (full := name + form) in stored)
    return stored[name] if (found := next(made, None)) is None else found


def _step(stored: Constants, name: str, stride: int) -> ConvStep:
    scale, shift = _affine(stored, f"{name}_batchnorm", EPSILON)
    weight = _weight(stored, f"{name}_conv2d_weight") * scale[:, None, None, None]
    slope = stored[f"{name}_relu_gamma"].reshape(len(weight))
    return ConvStep(weight.astype(np.float32), shift.astype(np.float32), slope.astype(np.float32), stride)


def _affine(stored: Constants, name: str, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """A batch norm at rest is x · scale + shift (n,) float64 each."""
    gamma, beta, mean, variance = (
        stored[f"{name}_{part}"].astype(np.float64) for part in ("gamma", "beta", "moving_mean", "moving_var")
    )
    scale = gamma / np.sqrt(variance + epsilon)
    return scale, beta - mean * scale


def networks(weights: Weights) -> tuple[CompiledGraph, CompiledGraph]:
    """The convolutions, ``chips`` (N, 3, 112, 112) float32, normalised as the card says → (N, 1024·49), and the linear
    layer, ``maps`` (N, 1024·49) → (N, 128). Of one chip at a time all maps stay in a core's cache, whereas the linear
    layer's many weights are read once for several."""
    graph = Graph("chips", ("N", 3, SIDE, SIDE))
    x = "chips"
    for step in weights.steps:
        x = graph.prelu(graph.conv(x, step.weight, step.bias, step.stride, step.padding), step.slope)
    last = Graph("maps", ("N", weights.head.shape[1]))
    return graph.network(graph.step("Flatten", x), wide=True), last.network(
        last.dense("maps", weights.head, weights.bias)
    )
