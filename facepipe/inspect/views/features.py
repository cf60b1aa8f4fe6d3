"""What a network has made of a chip at each depth: which layers are depths, and their features pooled over places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from facepipe.inspect.graphs.network import Network
from facepipe.records import Floats, Pixels

BATCH = 16
Doubles = npt.NDArray[np.float64]
Normalise = Callable[[Pixels], Tensor]  # (N, h, w, 3) uint8 RGB → (N, 3, h, w) float32 as the network takes it
Chips = Pixels | Iterable[Pixels]  # (N, h, w, 3) uint8 RGB, or batches of such


def depths(network: Network) -> tuple[str, ...]:
    """The layers that hand each step's result on, in the order they run.

    A step is a convolution or a linear layer with what only it feeds: its activation, the merge after it.
    """
    consumers = defaultdict(list)
    for layer in network.layers.values():
        for name in layer.inputs:
            consumers[name].append(layer)
    ends = []
    for layer in network.layers.values():
        if layer.kind in ("conv", "linear"):
            while len(after := consumers[layer.name]) == 1 and after[0].kind in ("pointwise", "merge"):
                layer = after[0]
            ends.append(layer.name)
    return tuple(name for name in network.layers if name in ends)


def depths_by_field(network: Network, count: int) -> tuple[str, ...]:
    """At most ``count`` depths whose receptive fields grow by about the same factor, the last map among them; of equal
    fields the last."""
    maps = [name for name in depths(network) if max(network.layers[name].shape[1:]) > 1] or list(depths(network))
    fields = [field_side(network, name) for name in maps]
    sides = np.minimum(fields, min(network.pixels.shape[:2]))
    wanted = np.geomspace(sides[0], sides[-1], count - 1)
    nearest = [fields[int(np.argmin(np.abs(np.log(sides / side))))] for side in wanted]
    last = {field: number for number, field in enumerate(fields)}
    return tuple(maps[i] for i in sorted({*(last[field] for field in nearest), len(maps) - 1}))


def field_side(network: Network, layer: str) -> int:
    """The longer side of the layer's receptive field, px; that of what the network sees, where a unit sees it all."""
    field = network.fields[layer]
    return max(network.pixels.shape[:2] if field is None else field.size)


def batches(chips: Chips, network: Network) -> Iterator[Pixels]:
    """``chips`` as batches (n, h, w, 3), an array cut into ones of ``BATCH``.

    Raises ValueError when they are not as large as what the network sees.
    """
    cut = (chips[i : i + BATCH] for i in range(0, len(chips), BATCH)) if isinstance(chips, np.ndarray) else chips
    for batch in cut:
        if batch.ndim != 4 or batch.shape[1:] != network.pixels.shape:
            shape = ", ".join(map(str, network.pixels.shape))
            raise ValueError(f"chips: expected shape (N, {shape}), got {batch.shape}")
        yield batch


def pooled(layer: str, values: Tensor) -> Floats:
    """A layer's output (N, C, H, W) or (N, D) → its mean over the places, (N, C) or (N, D) float32."""
    mean = values if values.ndim == 2 else values.mean(dim=(2, 3))
    return np.asarray(mean.float().cpu().numpy(), np.float32)


def collect(
    network: Network,
    layers: Sequence[str],
    chips: Chips,
    normalise: Normalise,
    summarise: Callable[[str, Tensor], Floats] = pooled,
) -> dict[str, Floats]:
    """For each of ``layers`` what ``summarise(layer, output)`` makes of it, over all chips: (N, …) float32.

    One pass; by default the pooled features (N, C). Raises ValueError when there is no chip.
    """
    found: dict[str, list[Floats]] = {name: [] for name in layers}
    for batch in batches(chips, network):
        for name, values in network.outputs(layers, normalise(batch)).items():
            found[name].append(summarise(name, values))
    if layers and not found[layers[0]]:
        raise ValueError("chips: expected at least one, got none")
    return {name: np.concatenate(parts) for name, parts in found.items()}


def directions(features: Floats, mean: Floats | None = None) -> Doubles:
    """z: ``features`` (N, C) less ``mean`` (C,), each row of norm 1 (or 0 where nothing is left); float64.

    The mean of other faces is what every face has in common; what is left after it says which face this is.
    """
    rows = np.asarray(features, np.float64) - (0.0 if mean is None else mean)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1.0))
