"""A convolution's partial maps, one per pair of channels: they and the bias add up to what the layer puts out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from facepipe.errors import UsageError
from facepipe.inspect.graphs.network import Network

AT_ONCE = 1 << 20  # numbers in the partial maps that are held at once


def partial_maps(conv: nn.Conv2d, x: Tensor, outputs: Sequence[int]) -> Tensor:
    """P[o, i] = W[o, i] ⋆ X[i] for ``outputs`` of one group: ``x`` (1, C, h, w) → (len(outputs), I, H, W).

    As products of matrices, one per input channel: what the kernel covers at each position, times its weights. The same
    as a convolution with a group per input channel, and with its many small groups several times quicker.
    """
    maps = _padded(conv, x[0, input_group(conv, outputs[0])])
    covered = functional.unfold(
        maps[:, None], conv.kernel_size, conv.dilation, stride=conv.stride
    )  # (I, kh · kw, H · W)
    kernels = conv.weight[list(outputs)].detach().to(maps).flatten(2).transpose(0, 1)  # (I, outputs, kh · kw)
    sizes = zip(maps.shape[1:], conv.kernel_size, conv.stride, conv.dilation, strict=True)
    height, width = ((size - d * (k - 1) - 1) // step + 1 for size, k, step, d in sizes)
    return torch.bmm(kernels, covered).unflatten(2, (height, width)).transpose(0, 1)


def partial_sum_error(network: Network, layer: str, dtype: torch.dtype = torch.float32) -> float:
    """max |Σ_i P[o, i] + b[o] − layer| over the whole layer, relative to the layer's largest magnitude.

    In float32 against what the network put out; in float64 against the same convolution in float64. Never more than
    about ``AT_ONCE`` numbers of the partial maps are held.
    """
    return partial_sum_errors(network, [layer], dtype)[layer]


def partial_sum_errors(
    network: Network, layers: Sequence[str] | None = None, dtype: torch.dtype = torch.float32
) -> dict[str, float]:
    """``partial_sum_error`` of several convolutions (None: all), in one pass through the network."""
    chosen = network.convolutions if layers is None else layers
    convolutions = {layer: convolution_of(network, layer) for layer in chosen}
    values = network.outputs({*chosen, *(source for _, source in convolutions.values())})
    found = {}
    for layer, (conv, source) in convolutions.items():
        x, own = (values[name].cpu().to(dtype) if name else network.x.cpu().to(dtype) for name in (source, layer))
        if dtype != torch.float32:
            own = _convolve(conv, x)
        found[layer] = _sum_error(conv, x, own)
    return found


def _sum_error(conv: nn.Conv2d, x: Tensor, own: Tensor) -> float:
    per_group = conv.out_channels // conv.groups
    step = max(1, min(per_group, AT_ONCE // (conv.in_channels // conv.groups * own[0, 0].numel())))
    worst = 0.0
    for start in (s for group in range(0, conv.out_channels, per_group) for s in range(group, group + per_group, step)):
        end = min(start + step, (start // per_group + 1) * per_group)
        total = partial_maps(conv, x, range(start, end)).sum(dim=1)
        if conv.bias is not None:
            total += conv.bias[start:end, None, None].detach().to(x)
        worst = max(worst, float((total - own[0, start:end]).abs().max()))
    return worst / (float(own.abs().max()) or 1.0)


def _convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    bias = None if conv.bias is None else conv.bias.detach().to(x)
    weight = conv.weight.detach().to(x)
    return functional.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)


def _padded(conv: nn.Conv2d, maps: Tensor) -> Tensor:
    """``maps`` (I, h, w) with the layer's zeros around."""
    before_and_after = conv._reversed_padding_repeated_twice  # also right for padding="same", where they may differ
    return functional.pad(maps, list(before_and_after))


def convolution_of(network: Network, layer: str) -> tuple[nn.Conv2d, str]:
    """The module of ``layer`` and the name of the layer that feeds it, "" for the network's input."""
    if not network.convolutions:
        raise UsageError(f"{network.name}: this network has no convolution to look into")
    if layer not in network.convolutions:
        near = ", ".join(difflib.get_close_matches(layer, network.convolutions, 3, 0.3))
        hint = f"did you mean {near}? " if near else ""
        raise UsageError(f"{layer}: no convolution of {network.name}; {hint}`facepipe inspect --list` lists them")
    return network.convolution(layer), network.layers[layer].inputs[0]


def layer_input(network: Network, source: str) -> Tensor:
    return (network.outputs([source])[source] if source else network.x).detach().cpu()


def input_group(conv: nn.Conv2d, output: int) -> slice:
    """The input channels that the channel ``output`` sees."""
    each = conv.in_channels // conv.groups
    start = output // (conv.out_channels // conv.groups) * each
    return slice(start, start + each)
