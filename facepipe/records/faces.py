"""Faces: where one was found, and its summary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facepipe.records.arrays import Floats, expect
from facepipe.records.pictures import Chip


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face found in an image.

    ``box`` (4,) float32 x0, y0, x1, y1 in image px (may reach past the border); ``score`` in [0, 1];
    ``landmarks`` (5, 2) float32 in image px: eye, eye, nose, mouth corner, mouth corner; of a pair, image-left first,
    seen with the face upright: of one that lies on its side or head, the same points as if the picture were turned.
    """

    box: Floats
    score: float
    landmarks: Floats

    def __post_init__(self) -> None:
        expect("Detection.box", self.box, (4,), np.float32)
        expect("Detection.landmarks", self.landmarks, (5, 2), np.float32)
        if not 0 <= self.score <= 1:
            raise ValueError(f"Detection.score: expected 0..1, got {self.score}")

    def enlarged(self, times: int) -> Detection:
        """Where it is in a picture of so many ``times`` as many pixels a side."""
        if times == 1:
            return self
        middle = np.float32((times - 1) / 2)  # from the centre of a pixel to that of the first it was made of
        return Detection(self.box * times + middle, self.score, self.landmarks * times + middle)

    @property
    def size(self) -> float:
        """The box's shorter side, image px."""
        return float(min(self.box[2] - self.box[0], self.box[3] - self.box[1]))


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The summary of one face: ``vector`` (D,) float32 of norm 1, the raw embedding's ``norm``, the ``backbone``'s id.

    Templates of different backbones cannot be compared.
    """

    vector: Floats
    norm: float
    backbone: str

    def __post_init__(self) -> None:
        expect("Template.vector", self.vector, (None,), np.float32)
        length = float(np.linalg.norm(self.vector))
        if abs(length - 1) > 1e-3:
            raise ValueError(f"Template.vector: expected norm 1, got {length:.6g}")
        if not (np.isfinite(self.norm) and self.norm > 0):
            raise ValueError(f"Template.norm: expected a positive number, got {self.norm}")

    def cosine(self, other: Template) -> float:
        """How alike two templates of one backbone are, −1..1."""
        return max(-1.0, min(1.0, float(self.vector @ other.vector)))  # rounding may overshoot

    @classmethod
    def from_embedding(cls, embedding: Floats, backbone: str) -> Template:
        """Normalise a raw ``embedding`` (D,). Raises ValueError when it is zero or not finite."""
        raw = np.asarray(embedding, np.float32)
        norm = float(np.linalg.norm(raw))
        if not (np.isfinite(norm) and norm > 0):
            raise ValueError(f"embedding: expected a finite vector of positive norm, got norm {norm}")
        return cls((raw / np.float32(norm)).astype(np.float32), norm, backbone)


@dataclass(frozen=True, slots=True)
class Quality:
    """What is known of how well a face was seen: detector ``score`` [0, 1], box ``size`` in image px (shorter side),
    ``sharpness`` (variance of the Laplacian of the grey chip, grey levels²)."""

    score: float
    size: float
    sharpness: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face on its way through the pipeline: where it was found, how it was cut, its summary."""

    detection: Detection
    chip: Chip
    template: Template
    quality: Quality

    @property
    def size(self) -> float:
        """The box's shorter side, image px."""
        return self.detection.size
