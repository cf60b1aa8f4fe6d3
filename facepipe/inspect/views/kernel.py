"""Kernel and sum: one convolution taken apart into the partial maps of its input channels, and put together again."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from facepipe.errors import UsageError
from facepipe.inspect.graphs.graph import Layer, Pair, Stencil, dense_weights
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.edges import Edge, find_edges
from facepipe.inspect.views.partial_sums import (
    convolution_of,
    input_group,
    layer_input,
    partial_maps,
    partial_sum_error,
)
from facepipe.records import Floats


@dataclass(frozen=True)
class Sliding:
    """How the kernel goes over the map with ``padding`` zeros (y, x) on each side.

    ``output`` (H, W) positions, of which ``touching`` reach into the padding; ``unread`` rows and columns at the end of
    the input (padding included) that the stride leaves out.
    """

    padding: Pair
    output: Pair
    touching: int
    unread: Pair


@dataclass(frozen=True, eq=False)
class KernelSum:
    """One output channel of a convolution, as the sum of its partial maps.

    ``inputs`` (I, h, w) are the maps that the channel ``output`` sees (those of its group), ``kernel`` (I, kh, kw)
    its weights, ``partial`` (I, H, W) the maps P[i] = kernel[i] ⋆ inputs[i], ``bias`` what is added to their sum, and
    ``own`` (H, W) what the layer itself puts out. ``all_kernels`` (O, I, kh, kw). ``error32`` and ``error64`` are
    ``partial_sum_error`` over all its output channels. ``dense`` is the weights of a dense layer between the same maps.
    ``valid`` and ``same`` say what no padding, and half a kernel of it, would do; ``actual`` what the layer does.
    """

    layer: Layer
    window: Stencil
    groups: int
    output: int
    inputs: Floats
    kernel: Floats
    all_kernels: Floats
    bias: float
    partial: Floats
    own: Floats
    error32: float
    error64: float
    dense: int
    valid: Sliding
    same: Sliding
    actual: Sliding

    @property
    def running(self) -> Floats:
        """(I, H, W): the sum of the first i + 1 partial maps and the bias."""
        return np.asarray(np.cumsum(self.partial, axis=0) + np.float32(self.bias), np.float32)


@dataclass(frozen=True, eq=False)
class Kernels:
    """What the view shows of ``network`` (its name): ``sums``, one per layer looked at; ``edges``, the hand-made
    kernels beside the learnt ones of the first of them; torch's own words on ``padding='same'``."""

    network: str
    sums: tuple[KernelSum, ...]
    edges: tuple[Edge, ...]
    same_with_stride: str
    same_with_even_kernel: str


def see_kernels(network: Network, layers: Sequence[str] | None = None) -> Kernels:
    """Take the convolutions ``layers`` apart (None: the first and a deeper one; of a depthwise one its successor too).

    Raises UsageError for a network without convolutions, an unknown layer, or one whose weights cannot be read (ONNX).
    """
    chosen = _default_layers(network) if layers is None else tuple(layers)
    sums = tuple(sum_kernel(network, layer) for layer in chosen)
    conv, source = convolution_of(network, chosen[0])
    edges = find_edges(conv, layer_input(network, source), pictures=source == "")
    return Kernels(network.name, sums, edges, *torch_on_same())


def sum_kernel(network: Network, layer: str, output: int | None = None) -> KernelSum:
    """Take one output channel of the convolution ``layer`` apart (None: the one of the largest mean magnitude)."""
    conv, source = convolution_of(network, layer)
    x, own = layer_input(network, source), network.outputs([layer])[layer][0].cpu()
    most = int(own.abs().mean(dim=(1, 2)).argmax()) if output is None else output
    if not 0 <= most < len(own):
        raise UsageError(f"output {most}: {layer} has the channels 0 to {len(own) - 1}")
    members = input_group(conv, most)
    reach = [d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)]
    window = network.layers[layer].window
    assert window is not None
    return KernelSum(
        layer=network.layers[layer],
        window=window,
        groups=conv.groups,
        output=most,
        inputs=x[0, members].numpy(),
        kernel=conv.weight[most].detach().cpu().numpy(),
        all_kernels=conv.weight.detach().cpu().numpy(),
        bias=0.0 if conv.bias is None else float(conv.bias.detach()[most]),
        partial=partial_maps(conv, x, [most])[0].numpy(),
        own=own[most].numpy(),
        error32=partial_sum_error(network, layer),
        error64=partial_sum_error(network, layer, torch.float64),
        dense=dense_weights([(x.shape[1], x.shape[2], x.shape[3])], network.layers[layer].shape),
        valid=sliding(x.shape[2:], window, (0, 0)),
        same=sliding(x.shape[2:], window, (reach[0] // 2, reach[1] // 2)),
        actual=sliding(x.shape[2:], window, window.padding),
    )


def sliding(extent: Sequence[int], window: Stencil, padding: Pair) -> Sliding:
    """Where a kernel ``window`` with ``padding`` comes to lie on a map of ``extent`` (h, w)."""
    counts, clear, unread = [], [], []
    for axis in (0, 1):
        reach, stride = window.dilation[axis] * (window.kernel[axis] - 1), window.stride[axis]
        span = extent[axis] + 2 * padding[axis] - reach - 1
        starts = [i * stride - padding[axis] for i in range(max(span // stride + 1, 0))]
        counts.append(len(starts))
        clear.append(sum(start >= 0 and start + reach < extent[axis] for start in starts))
        unread.append(max(span % stride, 0))
    touching = counts[0] * counts[1] - clear[0] * clear[1]
    return Sliding(padding, (counts[0], counts[1]), touching, (unread[0], unread[1]))


@cache
def torch_on_same() -> tuple[str, str]:
    """What the installed torch says to ``padding='same'`` with stride 2 (an exception) and with an even kernel (a
    warning; "" if it gives none), word for word."""
    try:
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
        raised = ""
    except ValueError as error:
        raised = f"{type(error).__name__}: {error}"
    always = torch.is_warn_always_enabled()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.set_warn_always(True)  # torch gives some warnings once a process
        functional.conv2d(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 2, 2), padding="same")
        torch.set_warn_always(always)
    return raised, "".join(f"{w.category.__name__}: {w.message}" for w in caught[:1])


def _default_layers(network: Network) -> tuple[str, ...]:
    """The first convolution, and the first deeper one with a kernel larger than 1 × 1 and other inputs than colours;
    where that is depthwise, the one that adds up what it puts out too."""
    if not network.convolutions:
        raise UsageError(f"{network.name}: this network has no convolution to look into")
    first, *later = network.convolutions
    deeper = [name for name in later if _reads_maps(network, name) and _widest(network, name) > 1]
    if not deeper or not network.layers[deeper[0]].depthwise:
        return (first, *deeper[:1])
    after = later[later.index(deeper[0]) + 1 :]
    return (first, deeper[0], *[name for name in after if not network.layers[name].depthwise][:1])


def _reads_maps(network: Network, layer: str) -> bool:
    return network.layers[layer].inputs != ("",)


def _widest(network: Network, layer: str) -> int:
    window = network.layers[layer].window
    return 1 if window is None else max(window.kernel)
