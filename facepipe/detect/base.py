"""What a detector is."""

from __future__ import annotations

from typing import Protocol

from facepipe import registry
from facepipe.cards import Card, find_card
from facepipe.errors import UsageError
from facepipe.records import Detection, Image

MIN_FACE = 32  # px; smaller faces carry too little to be recognised
MIN_SCORE = 0.9


class Detector(Protocol):
    """Finds faces. One module in ``facepipe/detect`` with ``load(card, device, min_face, min_score)`` is one."""

    card: Card

    def detect(self, image: Image) -> list[Detection]:
        """Every face of the image, largest first."""


def load_detector(
    name: str = "mtcnn", device: str = "cpu", min_face: float = MIN_FACE, min_score: float = MIN_SCORE
) -> Detector:
    """The detector that the card ``name`` describes.

    ``min_face`` is the shorter side of the smallest face reported, image px; ``min_score`` the least score.
    Raises ModelNotFound, UsageError, DeviceUnavailable.
    """
    if not min_face >= 12:
        raise UsageError(f"min_face {min_face}: expected at least 12 px, the window of the first network")
    if not 0 <= min_score <= 1:
        raise UsageError(f"min_score {min_score}: expected 0 to 1")
    card = find_card(name, "detector")
    loaded: Detector = registry.plugin("facepipe.detect", card.architecture).load(card, device, min_face, min_score)
    return loaded
