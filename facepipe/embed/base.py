"""What a backbone is, and how chips become templates with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from facepipe.defaults import FULL, HALF
from facepipe.errors import EmbeddingInvalid, UsageError
from facepipe.networks import registry
from facepipe.networks.cards import Card, find_card
from facepipe.records import Activation, Chip, Floats, Pixels, Template

BATCH = 32  # chips handed to a backbone at once; it splits them as it likes


class Backbone(Protocol):
    """A network that summarises chips.

    A module with ``load(card, device, weights, precision)``, entered in ``facepipe.networks.registry``, is one.
    """

    card: Card
    id: str

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers that ``activations`` can capture, in the order they run."""

    def embed(self, pixels: Pixels) -> Floats:
        """``pixels`` (N, h, w, 3) uint8 RGB chips → (N, D) float32 raw embeddings (not normalised, not mirrored)."""

    def activations(self, pixels: Pixels, layers: Sequence[str]) -> Iterator[Activation]:
        """Each named layer's output for one chip ``pixels`` (h, w, 3) uint8 RGB, in the order they run."""


def load_backbone(name: str, device: str = "cpu", weights: Path | None = None, precision: str = FULL) -> Backbone:
    """The backbone that the card ``name`` describes, on ``device``, with the card's weights or a file of your own.

    ``precision``: full (float32) or half, which is quicker where the device computes with 16 bits.
    Raises ModelNotFound, CardInvalid, WeightsMissing, WeightsAltered, DeviceUnavailable, DependencyMissing, UsageError.
    """
    card = find_card(name)
    loaded: Backbone = registry.plugin(card).load(card, device, weights, precision)
    return loaded


def check_precision(precision: str) -> None:
    """Raises UsageError.

    The precision is no part of a backbone's id, as templates of both may be compared: the two of one face have a cosine
    of 0.99997 or more (dlib_resnet, bfloat16, 373 faces of LFW). The scores of two faces move by 0.002 at most, 0.0003
    usually: a pair that close to a threshold may change sides (15 of 69,378 did at FMR 1e-2).
    """
    if precision not in (FULL, HALF):
        raise UsageError(f"precision {precision}: expected {FULL} or {HALF}")


def templates(backbone: Backbone, chips: Sequence[Chip]) -> list[Template]:
    """One template per chip, in order. Cards with ``mirror`` average the chip's and its mirror image's embedding.

    Raises EmbeddingInvalid when the network puts out nothing that has a direction.
    """
    found: list[Template] = []
    for start in range(0, len(chips), BATCH):
        pixels = [chip.pixels for chip in chips[start : start + BATCH]]
        if backbone.card.mirror:
            raw = backbone.embed(np.stack([*pixels, *(cv2.flip(one, 1) for one in pixels)]))
            raw = (raw[: len(pixels)] + raw[len(pixels) :]) * np.float32(0.5)
        else:
            raw = backbone.embed(np.stack(pixels))
        try:
            found += [Template.from_embedding(row, backbone.id) for row in raw]
        except ValueError as error:  # zero, NaN or infinity
            raise EmbeddingInvalid(f"{backbone.card.name}: the network put out no usable {error}") from None
    return found


def normalise(pixels: Pixels, card: Card) -> Floats:
    """(N, h, w, 3) uint8 RGB → (N, 3, h, w) float32 as the card's [input] says: colours, (value − mean) × scale.

    The colours of a pixel stay side by side in memory: a view, which torch calls channels_last.
    """
    spec = card.chip
    ordered = pixels if spec.colour == "RGB" else pixels[..., ::-1]
    count, height, width, _ = pixels.shape
    rows = ordered.astype(np.float32, order="C").reshape(count, height, width * 3)
    rows -= np.tile(np.array(spec.mean, np.float32), width)  # whole rows: numpy is slow on an axis of three
    rows *= np.tile(np.array(spec.scale, np.float32), width)
    return rows.reshape(count, height, width, 3).transpose(0, 3, 1, 2)
