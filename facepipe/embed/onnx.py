"""Any ONNX face embedder, run by onnxruntime; its layers too, since any inner tensor can be made an output.

Gradients are not to be had here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facepipe.defaults import FULL
from facepipe.embed import onnx_file as graph
from facepipe.embed.base import check_precision, normalise
from facepipe.errors import CardInvalid, FacepipeError, UsageError
from facepipe.machine.forks import PerProcess
from facepipe.machine.lazy import cached_property
from facepipe.networks import weights as weight_files
from facepipe.networks.cards import Card
from facepipe.networks.runtime import first_line, session
from facepipe.records import Activation, Floats, Pixels

PASS = 16  # chips a forward pass


def load(card: Card, device: str, weights: Path | None = None, precision: str = FULL) -> OnnxBackbone:
    """The backbone with the card's ``.onnx`` file, or with another one given as ``weights``.

    Raises WeightsMissing, WeightsAltered, CardInvalid (the file doesn't do what the card says), DeviceUnavailable,
    DependencyMissing, UsageError (another precision than full: a file has the one it was made with).
    """
    check_precision(precision)
    if precision != FULL:
        raise UsageError(f"precision {precision}: {card.name} is an ONNX file and runs as it was made; give {FULL}")
    path, id = weight_files.resolve(card, weights)
    return OnnxBackbone(card, OnnxModel(path.read_bytes(), path, device), id)


class OnnxBackbone:
    """A ``Backbone`` around an ONNX network. Its layers are all inner tensors that are maps or vectors of floats."""

    def __init__(self, card: Card, network: OnnxModel, id: str) -> None:
        self.card, self.id, self._network = card, id, network
        size, expected = card.chip.size, network.signature.size
        if expected not in (None, size):
            raise CardInvalid(f"{card.path}: input.size: the card says {size}, {network.path.name} takes {expected}")
        self.embed(np.zeros((1, size, size, 3), np.uint8))  # fails now rather than at the first face

    @property
    def network(self) -> OnnxModel:
        """The network itself, to be looked into."""
        return self._network

    def embed(self, pixels: Pixels) -> Floats:
        """``pixels`` (N, size, size, 3) uint8 RGB → (N, D) float32. Raises CardInvalid when D is not the card's."""
        parts = (pixels[start : start + PASS] for start in range(0, len(pixels), PASS))
        found = np.concatenate([self._network(normalise(part, self.card)) for part in parts])
        if found.shape[1] != self.card.dimension:
            what = f"the card says {self.card.dimension}, {self._network.path.name} puts out {found.shape[1]}"
            raise CardInvalid(f"{self.card.path}: dimension: {what}")
        return found

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Found by one dry run over noise, since a file need not say which shapes its inner tensors have."""
        size = self.card.chip.size
        noise = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
        outputs = self._network.inner(normalise(noise, self.card), list(self._network.tensors))
        return tuple(name for name, values in outputs if _is_layer(values))

    def activations(self, pixels: Pixels, layers: Sequence[str]) -> Iterator[Activation]:
        """The outputs of ``layers`` for one chip (size, size, 3) uint8 RGB, in the order they run; one pass.

        Raises UsageError for a layer that is not there.
        """
        if unknown := sorted(set(layers) - set(self.layers)):
            raise UsageError(
                f"{', '.join(unknown)}: no such layer in {self.card.name}; it has {', '.join(self.layers)}"
            )
        wanted = [name for name in self.layers if name in set(layers)]
        outputs = self._network.inner(normalise(pixels[None], self.card), wanted)
        return (Activation(name, _planes(values)) for name, values in outputs)


class OnnxModel:
    """An ONNX file, ready to run: (N, 3, size, size) float32 → (N, D) float32."""

    def __init__(self, data: bytes, path: Path, device: str = "cpu") -> None:
        self.path = path
        self.model = graph.parse(data, path)
        self.signature = graph.signature(self.model, path)
        self.tensors = graph.computed(self.model, self.signature.input)
        self._session = PerProcess(partial(_again, self.model, path, device), _session(data, path, device))
        self._exposed = PerProcess(partial(_exposing, self.model, list(self.tensors.values()), path, device))
        self._batches = self.signature.batch is None

    def __call__(self, values: Floats) -> Floats:
        if len(values) > 1 and self._batches:
            found = self._try_batch(values)
            if found is not None:
                return found
            self._batches = False  # it says any batch size, and takes one
        return np.concatenate([self._one(value[None]) for value in values])

    def inner(self, values: Floats, layers: list[str]) -> Iterator[tuple[str, np.ndarray]]:
        """The named layers' raw outputs for ``values`` (1, 3, size, size)."""
        if layers:
            outputs = self._exposed().run([self.tensors[name] for name in layers], self._feed(values))
            yield from zip(layers, outputs, strict=True)

    def _try_batch(self, values: Floats) -> Floats | None:
        try:
            found: Floats = self._session().run([self.signature.output], self._feed(values))[0]
        except Exception:  # onnxruntime's exceptions have no common base; one by one shows what is wrong
            return None
        return found if found.ndim == 2 and len(found) == len(values) else None

    def _one(self, values: Floats) -> Floats:
        try:
            found: Floats = self._session().run([self.signature.output], self._feed(values))[0]
        except Exception as error:
            extents = "×".join(map(str, values.shape))
            raise CardInvalid(f"{self.path}: fails on an input of {extents}: {first_line(error)}") from None
        if found.ndim != 2 or len(found) != 1:
            raise CardInvalid(f"{self.path}: expected one vector for one image, it put out {found.shape}")
        return found

    def _feed(self, values: Floats) -> dict[str, Floats]:
        ordered = values.transpose(0, 2, 3, 1) if self.signature.channels_last else values
        return {self.signature.input: np.ascontiguousarray(ordered)}


def _session(data: bytes, path: Path, device: str, optimise: bool = True) -> Any:
    try:
        return session(data, 0, device, optimise)
    except FacepipeError:
        raise
    except Exception as error:
        raise CardInvalid(f"{path}: onnxruntime cannot run it: {first_line(error)}") from None


def _again(model: Any, path: Path, device: str) -> Any:
    """The session of a child, which has none of the threads of its parent's."""
    return _session(model.SerializeToString(), path, device)


def _exposing(model: Any, tensors: list[str], path: Path, device: str) -> Any:
    """A second session with every computed tensor as an output, unoptimised: optimising would fuse them away."""
    return _session(graph.exposed(model, tensors), path, device, optimise=False)


def _is_layer(values: object) -> bool:
    if not isinstance(values, np.ndarray) or not np.issubdtype(values.dtype, np.floating):
        return False
    return values.ndim in (2, 4) and len(values) == 1


def _planes(values: np.ndarray) -> Floats:
    """(1, C, H, W) or (1, D) → (C, H, W) or (D, 1, 1) float32."""
    return np.ascontiguousarray(values[0] if values.ndim == 4 else values[0][:, None, None], np.float32)
