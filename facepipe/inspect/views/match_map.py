"""Where two faces match: their cosine split exactly into places, and along finer maps through gradients.

After the last map F of such networks comes only what is affine (a mean over places, a linear layer, batch norm), so an
embedding is the sum of what each place adds, and the cosine of two embeddings the sum over pairs of places:
M[p, q] = (W F_a,p) · (W F_b,q) / (N_a N_b ‖e_a‖ ‖e_b‖); a map that is flattened has a W for every place and no mean.
The split is that of Stylianou, Souvenir, Pless 2019 ("Visualizing Deep Similarity Networks", WACV, arXiv:1901.00536)
and Zhu, Yang, Chen 2021 ("Visual Explanation for Deep Metric Learning", IEEE TIP 30, arXiv:1909.12977); a bias gets a
term of its own here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from facepipe.errors import UsageError
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.forward import ForwardPass, cuts, last_map, with_mirror
from facepipe.records import Floats, Pixels

Places = npt.NDArray[np.bool_]
FINER = range(6, 21)  # maps this many places high are shown as finer grids


@dataclass(frozen=True, eq=False)
class DepthMap:
    """The cosine split over an earlier map, one face at a time: ⟨e, v⟩ / ‖e‖ with v the other face's unit embedding.

    For a network that is linear piece by piece (convolutions, ReLU, PReLU, max pooling) Σ F ⊙ ∂⟨e, v⟩/∂F plus what the
    biases of later layers add *is* ⟨e, v⟩; ‖e‖ is a fixed divisor. (The gradient of the cosine itself would not do: a
    cosine does not change with the length of e, so without biases that sum is always zero.)
    ``a``, ``b``: (h, w) float64, each place's share of the cosine, summed over channels; mirrored places folded back.
    ``bias_a``, ``bias_b``: the later biases' share. ``square``: the map's stride, px of the chip.
    """

    layer: str
    square: int
    a: Floats
    b: Floats
    bias_a: float
    bias_b: float


@dataclass(frozen=True, eq=False)
class MatchMap:
    """The cosine ``score`` of two faces, split over the h × w places of ``layer``; P = h · w places, row by row.
    ``flattened``: each has weights of its own, else their mean goes on.

    ``shares`` (P + 1, P + 1) float64: what place p of face a with place q of face b adds to the cosine; index P is the
    head's bias. ``images`` (1, 1), or (2, 2) where embeddings are the mean over chip and mirrored chip: what each
    combination adds; in ``shares`` mirrored places are folded back on to the face.
    ``apart`` (P + 1,): what each place, and the bias, adds to the squared distance of the unit embeddings, 2 − 2 cos.
    ``reached``: convolution → (h, w) bool, the places that change with its output; from the last one backwards to the
    first that reaches them all. ``square``: the map's stride, px of the chip.
    """

    layer: str
    grid: tuple[int, int]
    square: int
    flattened: bool
    score: float
    shares: Floats
    images: Floats
    apart: Floats
    reached: dict[str, Places]
    depths: tuple[DepthMap, ...]
    pixels: tuple[Pixels, Pixels]

    @property
    def of_a(self) -> Floats:
        """(h, w): what each place of face a adds to the cosine, with all of b."""
        return self.shares.sum(axis=1)[:-1].reshape(self.grid)

    @property
    def of_b(self) -> Floats:
        """(h, w): what each place of face b adds to the cosine, with all of a."""
        return self.shares.sum(axis=0)[:-1].reshape(self.grid)

    @property
    def bias(self) -> tuple[float, float]:
        """What the head's bias adds to the cosine, seen from a and seen from b."""
        return float(self.shares[-1].sum()), float(self.shares[:, -1].sum())


def match_map(a: Network, b: Network, mirror: bool = False) -> MatchMap:
    """Split the cosine of two faces, seen by the same backbone, into places.

    ``mirror``: embeddings are the mean over the chip and its mirror image (the card's ``mirror``).
    Raises UsageError for a network without an affine head after its last map, or one that has no gradients (ONNX).
    """
    layer = last_map(a) if a.differentiable else None
    if layer is None:
        what = "no affine head after its last map" if a.differentiable else "no gradients to be had"
        raise UsageError(f"{a.name}: {what}: its score cannot be split into places")
    passes = [_with_gradients(network, mirror) for network in (a, b)]
    parts = [_parts(forward, layer) for forward in passes]  # (P + 1, D) each, they sum to the embedding
    raw = [forward.output.detach().double().numpy() for forward in passes]  # (1 or 2, D)
    means = [each.mean(axis=0) for each in raw]
    lengths = [float(np.linalg.norm(each)) for each in means]
    units = [part / length for part, length in zip(parts, lengths, strict=True)]
    directions = [mean / length for mean, length in zip(means, lengths, strict=True)]
    _, height, width = a.layers[layer].shape
    return MatchMap(
        layer=layer,
        grid=(height, width),
        square=_square(a, layer),
        flattened=_is_flattened(a, layer),
        score=float(directions[0] @ directions[1]),
        shares=units[0] @ units[1].T,
        images=raw[0] @ raw[1].T / (len(raw[0]) * len(raw[1]) * lengths[0] * lengths[1]),
        apart=(units[0] - units[1]) @ (directions[0] - directions[1]),
        reached=_reached(a, passes[0], layer),
        depths=_depth_maps(a, layer, passes, directions, lengths),
        pixels=(a.pixels, b.pixels),
    )


def _with_gradients(network: Network, mirror: bool) -> ForwardPass:
    with torch.enable_grad():
        return ForwardPass(network, with_mirror(network.x, mirror).clone().requires_grad_())


def _parts(forward: ForwardPass, layer: str) -> Floats:
    """What each place alone adds to the embedding, and last the bias: (P + 1, D).

    The head is run on the map with all other places set to zero, and on zeros: that folds a mean, a linear layer and
    batch norms whatever their order.
    """
    maps = forward[layer].detach()
    count, _, height, width = maps.shape
    places = torch.eye(height * width).reshape(-1, 1, height, width)
    alone = (maps[:, None] * places).flatten(0, 1)
    with torch.no_grad():
        out = forward.resume(layer, torch.cat([alone, torch.zeros_like(maps[:1])])).double().numpy()
    bias = out[-1:]
    added = (out[:-1] - bias).reshape(count, height, width, -1)
    return np.concatenate([_folded(added).reshape(height * width, -1), bias])


def _folded(maps: Floats) -> Floats:
    """(1 or 2, h, w, …) → (h, w, …): the mean of chip and mirrored chip, the latter's columns turned back."""
    mean: Floats = (maps[0] + maps[1][:, ::-1]) / 2 if len(maps) == 2 else maps[0]
    return mean


def _reached(network: Network, forward: ForwardPass, layer: str) -> dict[str, Places]:
    """Convolution → places that change when its output is raised or lowered everywhere."""
    found: dict[str, Places] = {}
    order = list(network.layers)
    for name in reversed([name for name in network.convolutions if order.index(name) <= order.index(layer)]):
        before = forward[name].detach()
        step = 1 + before.abs().max()
        with torch.no_grad():
            after = [forward.resume(name, before + sign * step, at=layer) for sign in (1, -1)]
        changed = [(each != forward[layer]).any(dim=1).any(dim=0) for each in after]
        found[name] = (changed[0] | changed[1]).numpy()
        if found[name].all():
            break
    return found


def _is_flattened(network: Network, layer: str) -> bool:
    """Whether all numbers of the map go on, instead of a mean of its places."""
    order = list(network.layers)
    later = (network.layers[name] for name in order[order.index(layer) + 1 :])
    gathered = next(other for other in later if other.kind in ("whole", "linear"))
    return math.prod(gathered.shape) == math.prod(network.layers[layer].shape)


def _depth_maps(
    network: Network, last: str, passes: list[ForwardPass], directions: list[Floats], lengths: list[float]
) -> tuple[DepthMap, ...]:
    """Of each size in ``FINER`` that is larger than the ``last`` map's."""
    sizes = {name: network.layers[name].shape[1] for name in cuts(network)}
    chosen = {size: name for name, size in sizes.items() if size in FINER and size > sizes[last]}
    rows = []
    for name in chosen.values():
        (a, bias_a), (b, bias_b) = (
            _accounted(forward, name, torch.from_numpy(directions[1 - i] / lengths[i]).float())
            for i, forward in enumerate(passes)
        )
        rows.append(DepthMap(name, _square(network, name), a, b, bias_a, bias_b))
    return tuple(rows)


def _accounted(forward: ForwardPass, layer: str, v: Tensor) -> tuple[Floats, float]:
    """⟨mean embedding, v⟩ as (h, w) shares of the places of ``layer`` and the share of the biases after it."""
    biased = [(bias, out) for module, out in forward.modules_after(layer) if (bias := bias_of(module)) is not None]
    s = (forward.output @ v).mean()
    own, *later = torch.autograd.grad(
        s, [forward[layer], *(out for _, out in biased)], retain_graph=True, materialize_grads=True
    )
    product = (forward[layer].detach().double() * own).sum(dim=1).numpy() * len(own)  # _folded takes the mean
    per_channel = [grad.double().sum(dim=[d for d in range(grad.ndim) if d != 1]) for grad in later]
    return _folded(product), sum(float(bias @ grad) for (bias, _), grad in zip(biased, per_channel, strict=True))


def bias_of(module: nn.Module) -> Tensor | None:
    """What an affine layer adds per channel, (C,) float64: β − γμ/√(σ² + ε) for a batch norm. None for others."""
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        mean, var = module.running_mean, module.running_var
        assert mean is not None
        assert var is not None
        shrunk = mean.double() / (var.double() + module.eps).sqrt()
        return module.bias.double() - module.weight.double() * shrunk if module.affine else -shrunk
    bias = getattr(module, "bias", None)
    return bias.detach().double() if isinstance(bias, Tensor) else None


def _square(network: Network, layer: str) -> int:
    field = network.fields[layer]
    return field.jump[0] if field is not None else network.pixels.shape[0] // network.layers[layer].shape[1]
