"""What a backbone is, and how chips become templates with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from facepipe import registry
from facepipe.cards import Card, find_card
from facepipe.errors import EmbeddingInvalid
from facepipe.records import Activation, Chip, Floats, Pixels, Template

BATCH = 16  # chips a forward pass


class Backbone(Protocol):
    """A network that summarises chips. One module in ``facepipe/embed`` with ``load(card, device, weights)`` is one."""

    card: Card
    id: str

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers that ``activations`` can capture, in the order they run."""

    def embed(self, pixels: Pixels) -> Floats:
        """``pixels`` (N, h, w, 3) uint8 RGB chips → (N, D) float32 raw embeddings (not normalised, not mirrored)."""

    def activations(self, pixels: Pixels, layers: Sequence[str]) -> Iterator[Activation]:
        """Each named layer's output for one chip ``pixels`` (h, w, 3) uint8 RGB, in the order they run."""


def load_backbone(name: str, device: str = "cpu", weights: Path | None = None) -> Backbone:
    """The backbone that the card ``name`` describes, on ``device``, with the card's weights or a file of your own.

    Raises ModelNotFound, WeightsMissing, WeightsAltered, DeviceUnavailable, DependencyMissing.
    """
    card = find_card(name)
    loaded: Backbone = registry.plugin("facepipe.embed", card.architecture).load(card, device, weights)
    return loaded


def templates(backbone: Backbone, chips: Sequence[Chip]) -> list[Template]:
    """One template per chip, in order. Cards with ``mirror`` average the chip's and its mirror image's embedding.

    Raises EmbeddingInvalid when the network puts out nothing that has a direction.
    """
    found: list[Template] = []
    for start in range(0, len(chips), BATCH):
        pixels = np.stack([chip.pixels for chip in chips[start : start + BATCH]])
        raw = backbone.embed(pixels)
        if backbone.card.mirror:
            raw = (raw + backbone.embed(np.ascontiguousarray(pixels[:, :, ::-1]))) * np.float32(0.5)
        try:
            found += [Template.from_embedding(row, backbone.id) for row in raw]
        except ValueError as error:  # zero, NaN or infinity
            raise EmbeddingInvalid(f"{backbone.card.name}: the network put out no usable {error}") from None
    return found


def normalise(pixels: Pixels, card: Card) -> Floats:
    """(N, h, w, 3) uint8 RGB → (N, 3, h, w) float32 as the card's [input] says: colours, (value − mean) × scale."""
    spec = card.chip
    ordered = pixels if spec.colour == "RGB" else pixels[..., ::-1]
    values = (ordered.astype(np.float32) - np.array(spec.mean, np.float32)) * np.array(spec.scale, np.float32)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
