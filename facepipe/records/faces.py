"""Faces: where one was found, and its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from facepipe import words
from facepipe.records.arrays import Floats, expect, rounded
from facepipe.records.pictures import Chip
from facepipe.records.record import BaseRecord

NORM_TOLERANCE = 1e-3  # of a template's vector, which has norm 1


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Detection(BaseRecord):
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

    def to_dict(self) -> dict[str, Any]:
        landmarks = [rounded(point) for point in self.landmarks]
        return {"box": rounded(self.box), "score": round(float(self.score), 4), "landmarks": landmarks}

    def __str__(self) -> str:
        return f"{words.place(self.box)}, score {self.score:.3f}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Template(BaseRecord):
    """The summary of one face: ``vector`` (D,) float32 of norm 1, the raw embedding's ``norm``, the ``backbone``'s id.

    Templates of different backbones cannot be compared.
    """

    vector: Floats
    norm: float
    backbone: str

    def __post_init__(self) -> None:
        expect("Template.vector", self.vector, (None,), np.float32)
        length = float(np.linalg.norm(self.vector))
        if abs(length - 1) > NORM_TOLERANCE:
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

    @classmethod
    def many(cls, vectors: Floats, norms: Sequence[float], backbone: str) -> list[Template]:
        """Those of ``vectors`` (N, D) and ``norms`` (N,), looked over together: a quarter of the time of one by one.
        Raises ValueError."""
        expect("Template.vector", vectors, (None, None), np.float32)
        lengths = np.linalg.norm(vectors, axis=1)
        if (np.abs(lengths - 1) > NORM_TOLERANCE).any():
            raise ValueError(f"Template.vector: expected norm 1, got {lengths[np.argmax(np.abs(lengths - 1))]:.6g}")
        positive = np.asarray(norms, float)
        if not (np.isfinite(positive) & (positive > 0)).all():
            raise ValueError("Template.norm: expected positive numbers")
        made = [cls.__new__(cls) for _ in vectors]
        for one, vector, norm in zip(made, vectors, norms, strict=True):
            object.__setattr__(one, "vector", vector)
            object.__setattr__(one, "norm", norm)
            object.__setattr__(one, "backbone", backbone)
        return made

    def to_dict(self) -> dict[str, Any]:
        vector = [float(value) for value in self.vector]
        return {"backbone": self.backbone, "norm": float(self.norm), "vector": vector}

    def __str__(self) -> str:
        return f"{len(self.vector)} numbers by {self.backbone}"


@dataclass(frozen=True, slots=True, repr=False)
class Quality(BaseRecord):
    """What is known of how well a face was seen: detector ``score`` [0, 1], box ``size`` in image px (shorter side),
    ``sharpness`` as in ``align.quality.Measures``, of the picture that was enrolled. None: an older facepipe enrolled
    it, which kept another measure, in hundreds, that says nothing (the variance of the Laplacian)."""

    score: float
    size: float
    sharpness: float | None

    def to_dict(self) -> dict[str, Any]:
        sharpness = None if self.sharpness is None else round(float(self.sharpness), 4)
        return {"size": round(float(self.size), 4), "sharpness": sharpness, "score": round(float(self.score), 4)}

    def __str__(self) -> str:
        sharpness = "" if self.sharpness is None else f", sharpness {self.sharpness:.3g}"
        return f"{self.size:.0f} px{sharpness}, score {self.score:.3f}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Face(BaseRecord):
    """One face on its way through the pipeline: where it was found, how it was cut, its summary."""

    detection: Detection
    chip: Chip
    template: Template

    @property
    def size(self) -> float:
        """The box's shorter side, image px."""
        return self.detection.size

    def enlarged(self, times: int) -> Face:
        """As ``Detection.enlarged``."""
        if times == 1:
            return self
        turn, move = self.chip.to_chip[:, :2] / np.float32(times), self.chip.to_chip[:, 2:]
        to_chip = np.hstack([turn, move - turn.sum(axis=1, keepdims=True) * np.float32((times - 1) / 2)])
        return replace(self, detection=self.detection.enlarged(times), chip=replace(self.chip, to_chip=to_chip))

    def to_dict(self) -> dict[str, Any]:
        return self.detection.to_dict() | {"template": self.template.to_dict()}

    def __str__(self) -> str:
        return str(self.detection)
