"""What excites a channel: the patches of real faces to which it answers most, and how much of that a patch explains.

Real images let people foresee a unit's answers better than synthetic ones do (Borowski et al. 2021, arXiv:2010.12606).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.features import BATCH, Chips, Normalise, batches, depths_by_field, field_side
from facepipe.records import Pixels

SIDES = (3, 7, 15, 31, 47, 63, 95, 127)  # px, of the squares of which ``kept`` tells
Box = tuple[int, int, int, int]  # y0, x0, y1, x1, both ends inside, px of the chip; may reach past it


@dataclass(frozen=True, eq=False)
class Patch:
    """The place of one chip to which a channel answers most.

    ``chip`` counts the chips from 0; ``row`` and ``column`` of the unit in its map; ``activation`` its value; ``box``
    its receptive field; ``pixels`` (h, w, 3) uint8 RGB the part of the chip inside the box; ``alone`` the unit's value
    when the network sees this patch and nothing else.
    """

    chip: int
    row: int
    column: int
    activation: float
    box: Box
    pixels: Pixels
    alone: float = float("nan")

    @property
    def corner(self) -> tuple[int, int]:
        """y, x of the first of ``pixels`` in the chip."""
        return max(self.box[0], 0), max(self.box[1], 0)


@dataclass(frozen=True, eq=False)
class Channel:
    """``own`` is the user's face's patch, None where nothing there excites the channel; ``patches`` are of different
    chips, strongest first; ``side`` is that of the receptive field, px."""

    layer: str
    index: int
    side: int
    own: Patch | None
    patches: tuple[Patch, ...]


@dataclass(frozen=True, eq=False)
class Exciters:
    """``channels`` in the order of the network, over ``seen`` chips of ``size`` (h, w) px.

    ``kept``: layer → {side: share}, the median over its channels of (A(s) − A(grey)) / (A − A(grey)): A is the
    activation of their strongest patch, A(s) what is left of it when only the square of side s around the patch's
    centre is kept, A(grey) what plain grey gives. It can leave 0..1: what surrounds a square may also inhibit.
    """

    channels: tuple[Channel, ...]
    seen: int
    size: tuple[int, int]
    kept: dict[str, dict[int, float]]

    @property
    def deviation(self) -> float:
        """How far the activations of the patches alone are off, relative to the activations; the largest."""
        every = [patch for c in self.channels for patch in (*c.patches, *([c.own] if c.own else []))]
        return max((abs(patch.alone - patch.activation) / patch.activation for patch in every), default=0.0)


def find_exciters(
    network: Network,
    chips: Chips,
    normalise: Normalise,
    channels: Mapping[str, Sequence[int]] | None = None,
    k: int = 9,
) -> Exciters:
    """The ``k`` strongest patches of each of ``channels`` (layer → numbers; None: ``strongest_channels``) in ``chips``.

    One pass; what is kept grows with channels and k, not with the chips. A chip gives a channel one patch at most, and
    none where its largest activation is not above 0. Raises ValueError for chips of another size than the network's.
    """
    chosen = strongest_channels(network) if channels is None else channels
    heaps: _Heaps = {(layer, index): [] for layer, indices in chosen.items() for index in indices}
    seen = 0
    for batch in batches(chips, network):
        for key, patch in _peaks(network, batch, normalise, chosen, seen):
            heap = heaps[key]
            keep = heapq.heappush if len(heap) < k else heapq.heappushpop
            keep(heap, (patch.activation, -patch.chip, patch))  # of equal ones the earlier chip's
        seen += len(batch)
    own = dict(_peaks(network, network.pixels[None], normalise, chosen, 0))
    found = []
    for (layer, index), heap in heaps.items():
        patches = tuple(patch for *_, patch in sorted(heap, key=lambda entry: entry[:2], reverse=True))
        side = field_side(network, layer)
        found.append(_tried_alone(network, normalise, Channel(layer, index, side, own.get((layer, index)), patches)))
    kept = {layer: _kept(network, normalise, [c for c in found if c.layer == layer]) for layer in chosen}
    return Exciters(tuple(found), seen, network.pixels.shape[:2], kept)


_Heaps = dict[tuple[str, int], list[tuple[float, int, Patch]]]


def strongest_channels(network: Network, layers: Sequence[str] | None = None, count: int = 3) -> dict[str, list[int]]:
    """The ``count`` channels of each layer that this face excites most; ``layers`` None: six depths, see features.

    What plain grey excites is taken off: some channels answer to anything.
    """
    names = depths_by_field(network, 6) if layers is None else layers
    face, grey = (network.outputs(names, x) for x in (network.x, torch.zeros_like(network.x)))
    excess = {name: _maps(face[name]).amax(dim=(0, 2, 3)) - _maps(grey[name]).amax(dim=(0, 2, 3)) for name in names}
    return {name: excess[name].topk(min(count, len(excess[name]))).indices.tolist() for name in names}


def _peaks(
    network: Network, batch: Pixels, normalise: Normalise, chosen: Mapping[str, Sequence[int]], first: int
) -> Iterator[tuple[tuple[str, int], Patch]]:
    """((layer, channel), where it is strongest) for each chip of the batch; ``first`` is the number of its first."""
    for layer, values in network.outputs(chosen, normalise(batch)).items():
        indices, width = list(chosen[layer]), _maps(values).shape[3]
        tops, places = _maps(values)[:, indices].flatten(2).max(dim=2)
        for chip, (row_of_tops, row_of_places) in enumerate(zip(tops.tolist(), places.tolist(), strict=True)):
            for index, top, place in zip(indices, row_of_tops, row_of_places, strict=True):
                if top > 0:
                    row, column = divmod(place, width)
                    box = _box(network, layer, row, column)
                    yield (layer, index), Patch(first + chip, row, column, top, box, _cut(batch[chip], box))


def _box(network: Network, layer: str, row: int, column: int) -> Box:
    field, (height, width) = network.fields[layer], network.pixels.shape[:2]
    return (0, 0, height - 1, width - 1) if field is None else field.box(row, column)


def _cut(chip: Pixels, box: Box) -> Pixels:
    """A copy of the part of the chip inside ``box``: a view would keep the whole batch in memory."""
    y0, x0, y1, x1 = box
    return chip[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1].copy()


def _tried_alone(network: Network, normalise: Normalise, channel: Channel) -> Channel:
    """``channel`` with each patch's ``alone`` measured."""
    patches = [*channel.patches, *([channel.own] if channel.own else [])]
    values = _values(network, normalise, channel, patches, [None] * len(patches))
    tried = [replace(patch, alone=value) for patch, value in zip(patches, values, strict=True)]
    own = tried.pop() if channel.own else None
    return replace(channel, own=own, patches=tuple(tried))


def _kept(network: Network, normalise: Normalise, channels: Sequence[Channel]) -> dict[int, float]:
    """See ``Exciters.kept``; only sides smaller than the field: from there on nothing is missing."""
    strongest = [(channel, channel.patches[0]) for channel in channels if channel.patches]
    if not strongest:
        return {}
    limit = min(channels[0].side, max(network.pixels.shape[:2]))
    sides = [side for side in SIDES if side < limit]
    shares = []
    for channel, patch in strongest:
        grey, *values = _values(network, normalise, channel, [patch] * (len(sides) + 1), [0, *sides])
        if patch.activation > grey:  # else grey excites it no less, and there is nothing to share out
            shares.append([(value - grey) / (patch.activation - grey) for value in values])
    if not shares:
        return {}
    return dict(zip([*sides, limit], [*np.median(shares, axis=0).tolist(), 1.0], strict=True))


def _values(
    network: Network, normalise: Normalise, channel: Channel, patches: Sequence[Patch], sides: Sequence[int | None]
) -> list[float]:
    """The unit's value for each patch when the network sees it alone, or only the square of a side around its centre.

    All else is 0 as the network takes it: the mean colour of what it was trained on.
    """
    found: list[float] = []
    for start in range(0, len(patches), BATCH):
        batch = list(zip(patches, sides, strict=True))[start : start + BATCH]
        canvas = np.zeros((len(batch), *network.pixels.shape), np.uint8)
        mask = torch.zeros(len(batch), 1, *network.pixels.shape[:2])
        for i, (patch, side) in enumerate(batch):
            canvas[i][_inside(patch)] = patch.pixels
            mask[i, 0][_inside(patch) if side is None else _square(patch, side, network.pixels.shape)] = 1
        x = normalise(canvas)
        maps = _maps(network.outputs([channel.layer], x * mask.to(x.device))[channel.layer])
        found += [float(maps[i, channel.index, patch.row, patch.column]) for i, (patch, _) in enumerate(batch)]
    return found


def _inside(patch: Patch) -> tuple[slice, slice]:
    """The rows and columns of the chip that the patch takes."""
    y, x = patch.corner
    return slice(y, y + patch.pixels.shape[0]), slice(x, x + patch.pixels.shape[1])


def _square(patch: Patch, side: int, shape: Sequence[int]) -> tuple[slice, slice]:
    """The square around the middle of the patch's box, moved inside a chip of ``shape``, as far as the patch goes."""
    found = []
    for axis, taken in enumerate(_inside(patch)):
        middle = (patch.box[axis] + patch.box[axis + 2]) // 2
        first = min(max(middle - side // 2, 0), max(shape[axis] - side, 0))
        found.append(slice(max(first, taken.start), min(first + side, taken.stop)))
    return found[0], found[1]


def _maps(values: Tensor) -> Tensor:
    """(N, C, H, W); of a vector (N, D) each number is a map of one place."""
    return values if values.ndim == 4 else values[:, :, None, None]
