"""What a detector is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from facepipe.defaults import DETECTOR, MIN_FACE
from facepipe.errors import UsageError
from facepipe.networks import registry
from facepipe.networks.cards import Card, find_card
from facepipe.records import Detection, Floats, Image, Pixels

if TYPE_CHECKING:
    from torch import Tensor, nn


class Detector(Protocol):
    """Finds faces. A module with ``load(card, device, min_face, min_score)``, entered in
    ``facepipe.networks.registry``, is one."""

    card: Card

    def detect(self, image: Image) -> list[Detection]:
        """Every upright face of the image, largest first; ``turned.find_faces`` finds the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What one ``stage`` let through: ``boxes`` (N, 4) image px, ``scores`` (N,) 0 to 1.

    The last stage has ``landmarks`` (N, 5, 2) image px.
    """

    stage: str
    boxes: Floats
    scores: Floats
    landmarks: Floats | None = None


@runtime_checkable
class OpenDetector(Detector, Protocol):
    """A detector of torch modules that can be looked into. One that cannot has no networks and no stages to show."""

    networks: Mapping[str, nn.Module]  # by name, in the order they run

    def stages(self, image: Image) -> Sequence[Candidates]:
        """What each stage in turn let through."""

    def report(self, decided: Candidates) -> list[Detection]:
        """What ``detect`` makes of the last stage."""

    def inputs(self, image: Image, face: Detection) -> Mapping[str, Pixels]:
        """What each module is shown of ``face``, (H, W, 3) uint8 RGB."""

    def to_tensor(self, pixels: Pixels) -> Tensor:
        """(N, H, W, 3) uint8 RGB → (N, 3, H, W) float32 as the modules take it."""


@runtime_checkable
class CloseDetector(Detector, Protocol):
    """A detector that need not search the whole image in full each time, for faces that are followed."""

    def scan(self, image: Image) -> list[Detection]:
        """As ``detect``, but quicker: of many frames, what is overlooked in one may be found in the next."""

    def look(self, image: Image, boxes: Floats) -> list[Detection]:
        """The best guess at a face at each of ``boxes`` (N, 4) image px, in their order, whatever its score and size;
        it has to lie within about a fifth of a side."""


def load_detector(
    name: str = DETECTOR, device: str = "cpu", min_face: float = MIN_FACE, min_score: float | None = None
) -> Detector:
    """The detector that the card ``name`` describes.

    ``min_face`` is the shorter side of the smallest face reported, image px; ``min_score`` the least score, None
    for the card's.
    Raises ModelNotFound, CardInvalid, WeightsMissing, WeightsAltered, UsageError, DeviceUnavailable.
    """
    if not min_face >= 12:
        raise UsageError(f"min-face {min_face:g}: expected at least 12 px")
    card = find_card(name, "detector")
    least = card.min_score if min_score is None else min_score
    if not 0 <= least <= 1:
        raise UsageError(f"min-score {least:g}: expected 0 to 1")
    loaded: Detector = registry.plugin(card).load(card, device, min_face, least)
    return loaded
