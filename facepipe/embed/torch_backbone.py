"""What every backbone made of a torch module shares: its device, the forward pass, and hooks that see its layers."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn

from facepipe.defaults import FULL
from facepipe.embed import fused
from facepipe.embed.base import check_precision, normalise
from facepipe.errors import CardInvalid, UsageError
from facepipe.machine.devices import in_passes, side_by_side, torch_device, workers
from facepipe.machine.forks import PerProcess
from facepipe.machine.lazy import cached_property
from facepipe.networks.cards import Card
from facepipe.records import Activation, Floats, Pixels

PASS = 8  # chips a forward pass on the CPU: more need longer for memory than they save on weights


class TorchBackbone:
    """A ``Backbone`` around ``module``: (N, 3, size, size) float32, normalised by the card → (N, D) raw embeddings.

    ``layers`` are the modules without children that compute something, and those composed ones whose result no layer
    within them has (a residual block that ends in an addition). One that is called several times is one layer per call:
    ``relu``, ``relu#2``.

    ``lean(dtype)`` makes the same function in fewer steps for the CPU. The layers are always those of ``module``, in
    full precision.
    """

    def __init__(
        self,
        card: Card,
        module: nn.Module,
        id: str,
        device: str = "cpu",
        precision: str = FULL,
        lean: Callable[[torch.dtype], nn.Module] | None = None,
    ) -> None:
        self.card, self.id = card, id
        self.device = torch_device(device)
        self.module = module.eval().requires_grad_(False).to(self.device).to(memory_format=torch.channels_last)
        self.precision, self._dtype = precision, _dtype(precision, self.device)
        self._network = cache(partial(_fitted, self.module, self._dtype, self.device, lean))  # what ``embed`` runs
        self._workers = PerProcess(partial(workers, "facepipe-embed"))

    def embed(self, pixels: Pixels) -> Floats:
        """``pixels`` (N, size, size, 3) uint8 RGB → (N, D) float32. Raises CardInvalid when D is not the card's."""
        run = partial(self._pass, self._network())
        small = self.device.type == "cpu"
        found = np.concatenate(side_by_side(self._workers, run, in_passes(pixels, PASS))) if small else run(pixels)
        if found.shape != (len(pixels), self.card.dimension):
            what = f"the card says {self.card.dimension}, the network put out {found.shape[1:]}"
            raise CardInvalid(f"{self.card.path}: dimension: {what}")
        return found

    @torch.inference_mode()
    def _pass(self, network: nn.Module, pixels: Pixels) -> Floats:
        found: Floats = network(self._batch(pixels).to(self._dtype)).float().cpu().numpy()
        return found

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Found by one dry run over noise: zeros would make unlike layers look alike."""
        size = self.card.chip.size
        noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)
        found: list[str] = []
        last: list[tuple[Tensor, Tensor]] = []  # the newest layer's output: the tensor itself, and a copy

        def see(name: str, module: nn.Module, output: Tensor) -> None:
            leaf = next(module.children(), None) is None
            if not leaf and last and output is last[0][0] and torch.equal(output, last[0][1]):
                return  # hands on what its last child put out
            found.append(name)
            last[:] = [(output, output.clone())]

        self.watch(noise, see)
        return tuple(found)

    def activations(self, pixels: Pixels, layers: Sequence[str]) -> Iterator[Activation]:
        """The outputs of ``layers`` for one chip (size, size, 3) uint8 RGB, in the order they run.

        The pass is over and every hook gone when this returns. Raises UsageError for a layer that is not there.
        """
        if unknown := sorted(set(layers) - set(self.layers)):
            raise UsageError(
                f"{', '.join(unknown)}: no such layer in {self.card.name}; it has {', '.join(self.layers)}"
            )
        found: list[Activation] = []

        def see(name: str, module: nn.Module, output: Tensor) -> None:
            if name in wanted:
                found.append(Activation(name, _planes(output)))

        wanted = set(layers)
        self.watch(pixels, see)
        return iter(found)

    @torch.inference_mode()
    def watch(self, pixels: Pixels, see: Callable[[str, nn.Module, Tensor], None]) -> None:
        """One forward pass over one chip (size, size, 3), calling ``see(layer, module, output)`` as each module ends.

        ``output`` is (1, C, H, W) or (1, D), and may be overwritten by the next layer: copy what is to be kept.
        """
        calls: Counter[str] = Counter()
        thread = threading.get_ident()  # other threads may be embedding with the same module

        def hook(name: str, module: nn.Module, inputs: tuple[object, ...], output: object) -> None:
            if threading.get_ident() != thread:
                return
            calls[name] += 1
            if inputs and output is inputs[0] and not getattr(module, "inplace", False):
                return  # an identity, or dropout at rest
            if isinstance(output, Tensor) and output.ndim in (2, 4) and len(output) == 1 and output.is_floating_point():
                see(name if calls[name] == 1 else f"{name}#{calls[name]}", module, output)

        handles = [
            module.register_forward_hook(lambda *seen, name=name: hook(name, *seen))
            for name, module in self.module.named_modules()
            if name
        ]
        try:
            self.module(self._batch(pixels[None]))
        finally:
            for handle in handles:
                handle.remove()

    def _batch(self, pixels: Pixels) -> Tensor:
        if self.device.type != "cpu":
            return normalise_on(self.device, pixels, self.card)
        return torch.from_numpy(normalise(pixels, self.card))


def normalise_on(device: torch.device, pixels: Pixels, card: Card) -> Tensor:
    """``normalise`` on a device, which is given bytes: a quarter of what floats would be."""
    spec = card.chip
    values = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
    ordered = values if spec.colour == "RGB" else values.flip(1)
    mean, scale = (
        torch.tensor(each, dtype=torch.float32, device=device)[:, None, None] for each in (spec.mean, spec.scale)
    )
    return (ordered.float() - mean) * scale


def _fitted(
    module: nn.Module, dtype: torch.dtype, device: torch.device, lean: Callable[[torch.dtype], nn.Module] | None
) -> nn.Module:
    """``module`` or its equal."""
    if lean is not None and fused.available(device, dtype):
        return lean(dtype)
    return module if dtype == torch.float32 else copy.deepcopy(module).to(dtype)


def _dtype(precision: str, device: torch.device) -> torch.dtype:
    """CPUs that compute with 16 bits do so with bfloat16; its range is float32's, its step 8 times float16's."""
    check_precision(precision)
    if precision == FULL:
        return torch.float32
    return torch.bfloat16 if device.type == "cpu" else torch.float16


def _planes(output: Tensor) -> Floats:
    """(1, C, H, W) or (1, D) → a copy, (C, H, W) or (D, 1, 1) float32."""
    values = output[0].float().cpu().numpy()
    return np.array(values if values.ndim == 3 else values[:, None, None], np.float32, order="C")
