"""The data that flows through the pipeline: Image → Detection → Chip → Template → Candidate → Identification.

Records are frozen and check themselves when made. Frames: *image px* are pixels of the upright image, x to the right, y
down, (0, 0) the **centre** of the top left pixel; *chip px* likewise in the aligned crop. Words follow ISO/IEC 2382-37.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from facepipe.lazy import cached_property
from facepipe.scoring.decide import decide, reaches

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
MOST_WORDING = 10_000  # characters of a consent


def _expect(name: str, array: np.ndarray, shape: tuple[int | None, ...], dtype: type) -> None:
    """Raise ValueError unless ``array`` has ``shape`` (None: any extent), ``dtype`` and only finite values."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise ValueError(f"{name}: expected {np.dtype(dtype)} array, got {getattr(array, 'dtype', type(array))}")
    fits = array.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, array.shape, strict=True))
    if not fits:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    if dtype is np.float32 and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite values, got NaN or infinity")


@dataclass(frozen=True, eq=False)
class Image:
    """A decoded picture: ``pixels`` (H, W, 3) uint8 RGB, upright; ``source`` says where it came from.

    ``shrunk``: so many times as many pixels a side has the file, where it is too large to be decoded whole; else 1.
    """

    pixels: Pixels
    source: str
    shrunk: int = 1

    def __post_init__(self) -> None:
        _expect("Image.pixels", self.pixels, (None, None, 3), np.uint8)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @cached_property
    def sha256(self) -> str:
        """Hash of size and pixels, not of the file: the same picture saved losslessly elsewhere is the same image."""
        digest = hashlib.sha256(f"{self.height}x{self.width}\n".encode())
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a source: the ``index``-th from 0, dropped ones counted; ``time`` in seconds since the first, by
    the file's own clock or, of a live source, as the frames came in; ``at``: when that was (UTC), of a live source."""

    image: Image
    index: int
    time: float
    at: datetime | None = None


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
        _expect("Detection.box", self.box, (4,), np.float32)
        _expect("Detection.landmarks", self.landmarks, (5, 2), np.float32)
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
class Chip:
    """An aligned face: ``pixels`` (h, w, 3) uint8 RGB; ``to_chip`` (2, 3) float32 affine from image px to chip px."""

    pixels: Pixels
    to_chip: Floats

    def __post_init__(self) -> None:
        _expect("Chip.pixels", self.pixels, (None, None, 3), np.uint8)
        _expect("Chip.to_chip", self.to_chip, (2, 3), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class StoredChip:
    """The aligned face that is kept with a reference: ``image``, an encoded JPEG or PNG, and where its five
    ``landmarks`` are, (5, 2) float32 px of it, in the order of ``Detection``. None: where the card of the gallery's
    network has them, as it was cut for that network."""

    image: bytes
    landmarks: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The summary of one face: ``vector`` (D,) float32 of norm 1, the raw embedding's ``norm``, the ``backbone``'s id.

    Templates of different backbones cannot be compared.
    """

    vector: Floats
    norm: float
    backbone: str

    def __post_init__(self) -> None:
        _expect("Template.vector", self.vector, (None,), np.float32)
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


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to when they were enrolled: the ``wording`` they were shown, ``given_at`` (UTC)."""

    wording: str
    given_at: datetime

    def __post_init__(self) -> None:
        if not isinstance(self.wording, str) or not 0 < len(self.wording.strip()) <= len(self.wording) <= MOST_WORDING:
            raise ValueError(f"Consent.wording: expected 1 to {MOST_WORDING} characters, not only spaces")
        if any(0xD800 <= ord(character) < 0xE000 for character in self.wording):
            raise ValueError("Consent.wording: expected text that can be written as UTF-8")
        if self.given_at.tzinfo is None:
            raise ValueError("Consent.given_at: expected a time with its offset from UTC")


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A template stored under a person. ``id`` grows with every enrolment and is never used again;
    ``image_sha256`` is ``Image.sha256`` of the picture it came from; ``enrolled_at`` is UTC; ``consent`` is None when
    none was recorded."""

    id: int
    person: str
    template: Template
    quality: Quality | None
    source: str
    image_sha256: str
    enrolled_at: datetime
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A person the probe may be; ``rank`` from 1.

    ``score`` (−1..1): the cosine to the person's reference, or to all of them as one (facepipe.scoring.fusion),
    corrected where the gallery is calibrated with a cohort. ``reference_id`` is their nearest. ``probability`` that it
    is this person, where that was measured: for half of the probes nobody enrolled, for the rest everybody as likely.
    """

    person: str
    score: float
    rank: int
    reference_id: int
    probability: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """1:N: the candidates for one face, best first, and the threshold that decides. ``name`` is None for *unknown*."""

    detection: Detection
    candidates: tuple[Candidate, ...]
    threshold: float

    def enlarged(self, times: int) -> Identification:
        """As ``Detection.enlarged``."""
        return self if times == 1 else replace(self, detection=self.detection.enlarged(times))

    @property
    def name(self) -> str | None:
        return decide(self.candidates, self.threshold)

    @property
    def guess(self) -> Candidate | None:
        """The best candidate, also of somebody unknown; None where nobody is enrolled."""
        return self.candidates[0] if self.candidates else None


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """1:1: the cosine ``score`` of two faces, ``a`` and ``b`` as found in their images, and the ``threshold``.

    ``probability`` that they are one person, where that was measured, if before looking it was as likely as not.
    """

    score: float
    threshold: float
    a: Detection
    b: Detection
    probability: float | None = None

    @property
    def match(self) -> bool:
        return reaches(self.score, self.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class Activation:
    """What one layer put out for one chip: ``values`` (C, H, W) float32; a vector of n numbers is (n, 1, 1)."""

    layer: str
    values: Floats

    def __post_init__(self) -> None:
        _expect("Activation.values", self.values, (None, None, None), np.float32)
