"""The ladder: at each depth the strongest channels, how far a unit could see, and how far it does see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facepipe.errors import UsageError
from facepipe.inspect.graphs.graph import Field, Layer, dense_weights
from facepipe.inspect.graphs.network import Network
from facepipe.records import Floats, Pixels

ROWS = 10  # depths shown of a deep network
TILES = 12  # channels shown of each
SHARE = 0.95  # of the gradient that the effective field holds
Box = tuple[int, int, int, int]  # y0, x0, y1, x1, both ends inside


@dataclass(frozen=True, eq=False)
class Rung:
    """One depth. ``layer`` is the convolution, ``shown`` the layer whose maps are shown: what follows it directly.

    ``channels`` are the strongest, by mean activation, ``maps`` (k, H, W) theirs. ``unit`` (row, column) is the centre
    one; ``field`` the theoretical receptive field, ``box`` the unit's part of the input (may reach past it; both None:
    the whole). ``gradient`` (h, w): |∂ Σ_c F[c, unit] / ∂x| summed over colours, mean over the faces; None where
    gradients are not to be had. ``effective`` is the side, px, of the smallest square around the box's centre that
    holds ``SHARE`` of it, ``outside`` its largest value outside the box (0 if the box is the whole).
    ``dense`` is the weights of a dense layer between the same maps.
    """

    layer: Layer
    shown: str
    channels: tuple[int, ...]
    maps: Floats
    unit: tuple[int, int]
    field: Field | None
    box: Box | None
    gradient: Floats | None
    effective: float
    outside: float
    dense: int


@dataclass(frozen=True)
class Apart:
    """Of a network's ``convolutions`` the ``depthwise`` ones: how many, and which share, 0 to 1, of all convolutions'
    ``weights`` and ``multiply_adds`` is theirs."""

    convolutions: int
    depthwise: int
    weights: float
    multiply_adds: float


@dataclass(frozen=True, eq=False)
class Ladder:
    """``network``'s name, the face it saw (h, w, 3) uint8 RGB, and its ``rungs`` from the input on; the gradients are
    the mean over ``faces``. ``apart`` is None for a network without depthwise convolutions."""

    network: str
    pixels: Pixels
    rungs: tuple[Rung, ...]
    faces: int
    apart: Apart | None = None


def climb(
    network: Network,
    layers: Sequence[str] | None = None,
    faces: Tensor | None = None,
    channels: Mapping[str, Sequence[int]] | None = None,
) -> Ladder:
    """Look at the convolutions ``layers`` (None: all, or ``ROWS`` over the depth of a deep network).

    ``faces`` (N, 3, h, w) as the network takes them, for the gradients (None: this face only); ``channels`` names those
    to show by layer instead of the strongest, so that two faces can be compared. The effective field is Luo et al.'s
    2016 (arXiv:1701.04128). Raises UsageError for a network without convolutions or an unknown layer.
    """
    if not network.convolutions:
        raise UsageError(f"{network.name}: this network has no convolution to look into")
    chosen = spread(network, ROWS) if layers is None else tuple(layers)
    if unknown := sorted(set(chosen) - set(network.convolutions)):
        raise UsageError(
            f"{', '.join(unknown)}: no convolution of {network.name}; `facepipe inspect --list` lists them"
        )
    shown = {name: what_follows(network, name) for name in chosen}
    x = network.x if faces is None else faces
    values = network.outputs(set(shown.values()))
    gradients = centre_gradients(network, list(shown.values()), x) if network.differentiable else {}
    given = channels or {}
    rungs = (
        _rung(network, name, end, values[end][0], gradients.get(end), given.get(name)) for name, end in shown.items()
    )
    return Ladder(network.name, network.pixels, tuple(rungs), len(x), _apart(network))


def _apart(network: Network) -> Apart | None:
    every = [network.layers[name] for name in network.convolutions]
    own = [layer for layer in every if layer.depthwise]
    if not own:
        return None
    weights = sum(layer.weights for layer in own) / sum(layer.weights for layer in every)
    adds = sum(layer.multiply_adds for layer in own) / sum(layer.multiply_adds for layer in every)
    return Apart(len(every), len(own), weights, adds)


def _rung(
    network: Network, name: str, shown: str, values: Tensor, gradient: Floats | None, channels: Sequence[int] | None
) -> Rung:
    layer, field = network.layers[name], network.fields[shown]
    row, column = unit = centre(tuple(values.shape))
    strongest = values.mean(dim=(1, 2)).argsort(descending=True, stable=True)[:TILES].tolist()
    picked = tuple(strongest if channels is None else channels)
    box = None if field is None else field.box(row, column)
    return Rung(
        layer=layer,
        shown=shown,
        channels=picked,
        maps=values[list(picked)].cpu().numpy(),
        unit=unit,
        field=field,
        box=box,
        gradient=gradient,
        effective=float("nan") if gradient is None else effective_side(gradient, box),
        outside=float("nan") if gradient is None else largest_outside(gradient, box),
        dense=dense_weights([_shape(network, source) for source in layer.inputs], layer.shape),
    )


def centre(shape: Sequence[int]) -> tuple[int, int]:
    """The middle unit of a map (C, H, W), the upper left of four: dlib pads its smallest maps at the end."""
    return (shape[1] - 1) // 2, (shape[2] - 1) // 2


def centre_gradients(network: Network, layers: Sequence[str], x: Tensor) -> dict[str, Floats]:
    """``Rung.gradient`` of each layer over the faces ``x`` (N, 3, h, w): one forward pass, one backward per layer."""
    leaf = x.detach().clone().requires_grad_()
    values = network.outputs(set(layers), leaf, gradients=True)
    found = {}
    for name in layers:
        row, column = centre(tuple(values[name].shape[1:]))
        (gradient,) = torch.autograd.grad(values[name][:, :, row, column].sum(), leaf, retain_graph=True)
        found[name] = gradient.abs().sum(dim=1).mean(dim=0).cpu().numpy()
    return found


def effective_side(gradient: Floats, box: Box | None) -> float:
    """The side, px, of the smallest square around the box's centre (None: the picture's) that holds ``SHARE``."""
    height, width = gradient.shape
    y0, x0, y1, x1 = (0, 0, height - 1, width - 1) if box is None else box
    rows, columns = np.abs(np.arange(height) - (y0 + y1) / 2), np.abs(np.arange(width) - (x0 + x1) / 2)
    distance = np.maximum(rows[:, None], columns[None, :]).ravel()
    order = np.argsort(distance, kind="stable")
    held = np.cumsum(gradient.ravel()[order], dtype=np.float64)
    if held[-1] <= 0:
        return 0.0
    return 2 * float(distance[order][np.searchsorted(held, SHARE * held[-1])]) + 1


def largest_outside(gradient: Floats, box: Box | None) -> float:
    """The largest value outside the box; 0 when there is no outside."""
    if box is None:
        return 0.0
    outside = gradient.copy()
    outside[max(box[0], 0) : max(box[2] + 1, 0), max(box[1], 0) : max(box[3] + 1, 0)] = 0
    return float(outside.max())


def densest(gradient: Floats) -> np.ndarray:
    """(h, w) bool: the fewest pixels that hold ``SHARE`` of the gradient."""
    order = np.argsort(-gradient, axis=None, kind="stable")
    held = np.cumsum(gradient.ravel()[order], dtype=np.float64)
    found = np.zeros(gradient.size, bool)
    found[order[: int(np.searchsorted(held, SHARE * held[-1])) + 1]] = held[-1] > 0
    return found.reshape(gradient.shape)


def what_follows(network: Network, layer: str) -> str:
    """The last of the layers that hand on what ``layer`` put out, place by place: its activation, a sum."""
    consumers = defaultdict(list)
    for other in network.layers.values():
        for source in other.inputs:
            consumers[source].append(other)
    end = layer
    while (
        len(after := consumers[end]) == 1 and after[0].kind in ("pointwise", "merge") and _is_spatial(network, after[0])
    ):
        end = after[0].name
    return end


def _is_spatial(network: Network, layer: Layer) -> bool:
    """Whether its gradient says where it looks: a softmax's channels sum to 1 everywhere, so theirs is 0."""
    return network.fields[layer.name] is not None and "softmax" not in layer.name.lower()


def spread(network: Network, count: int) -> tuple[str, ...]:
    """At most ``count`` convolutions over the depth: the first, the last before the map's size changes, the last, and
    between those always the one farthest from all others. In a network that has more, depthwise ones are half a step:
    the convolution after them adds up what they put out."""
    names = network.convolutions
    if len(names) > count:
        names = [name for name in names if not network.layers[name].depthwise] or names
    if len(names) <= count:
        return tuple(names)
    sizes = [network.layers[what_follows(network, name)].shape[1:] for name in names]
    ends = [i for i in range(len(names) - 1) if sizes[i] != sizes[i + 1]]
    places = np.linspace(0, len(ends) - 1, min(len(ends), count - 2)).round().astype(int) if ends else []
    chosen = {0, len(names) - 1, *(ends[place] for place in places)}
    while len(chosen) < count:
        chosen.add(max(range(len(names)), key=lambda i: min(abs(i - other) for other in chosen)))
    return tuple(names[i] for i in sorted(chosen))


def _shape(network: Network, source: str) -> tuple[int, int, int]:
    if source:
        return network.layers[source].shape
    return int(network.x.shape[1]), int(network.x.shape[2]), int(network.x.shape[3])
