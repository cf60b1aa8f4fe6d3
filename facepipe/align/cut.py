"""Cut the aligned chip a backbone expects: a similarity transform takes the five landmarks to the card's template."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from facepipe.cards import Input
from facepipe.errors import FaceError
from facepipe.records import Chip, Detection, Floats, Image, Pixels, Quality

LARGEST = 12_000  # px, the side of the supersampled chip: of a face as large as the largest picture


def cut_chip(image: Image, landmarks: Floats, spec: Input) -> Chip:
    """The chip of one face. ``landmarks`` (5, 2) in image px, ordered as in ``Detection``.

    A large face is shrunk without aliasing: the warp samples at least one point per image pixel, and the samples of a
    chip pixel are averaged. Places outside the image are black, as in dlib's own chips.
    Raises FaceError when the landmarks are no face's.
    """
    to_chip, samples = align(image, landmarks, spec)
    fine = supersampled(to_chip, samples)
    extent = (spec.size * samples,) * 2
    warped = cv2.warpAffine(image.pixels, fine, extent, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    if samples > 1:
        warped = cv2.resize(warped, (spec.size, spec.size), interpolation=cv2.INTER_AREA)
    return Chip(warped, to_chip.astype(np.float32))


def cut_chips(image: Image, landmarks: Sequence[Floats], spec: Input, device: str = "cpu") -> list[Chip]:
    """``cut_chip`` for several faces of one image, on ``device``. Raises FaceError, DeviceUnavailable."""
    if device == "cpu":
        return [cut_chip(image, points, spec) for points in landmarks]
    from facepipe.align import cut_torch  # torch is not needed otherwise

    return cut_torch.cut_chips(image, landmarks, spec, device)


def align(image: Image, landmarks: Floats, spec: Input) -> tuple[np.ndarray, int]:
    """The (2, 3) float64 transform from image px to chip px, and how many samples a side each chip pixel needs.

    Raises FaceError when the landmarks are no face's.
    """
    try:
        to_chip = similarity(landmarks, spec.template_points())
    except ValueError as error:
        raise FaceError(f"{image.source}: a face cannot be aligned: {error}") from None
    scale = math.hypot(to_chip[0, 0], to_chip[1, 0])  # chip px per image px
    if scale * LARGEST < spec.size:
        raise FaceError(f"{image.source}: a face cannot be aligned: {1 / scale:.0f} image px for one of the chip")
    return to_chip, max(1, math.ceil(1 / scale - 1e-3))


def similarity(source: Floats, target: Floats) -> np.ndarray:
    """The (2, 3) float64 rotation, scale and shift that takes ``source`` (n, 2) nearest to ``target`` (n, 2).

    Least squares over z ↦ a z + b with complex a, b: a similarity never mirrors (cf. Umeyama 1991, in closed form).
    Raises ValueError where there is none: for points that are all one, or like the target mirrored.
    """
    z = source.astype(np.float64) @ (1, 1j)
    w = target.astype(np.float64) @ (1, 1j)
    centred = z - z.mean()
    spread = float(np.vdot(centred, centred).real)
    if spread < 1e-9:
        raise ValueError("landmarks: expected five different points, got one point five times")
    a = np.vdot(centred, w - w.mean()) / spread
    if abs(a) < 1e-9:
        raise ValueError("landmarks: expected five points placed as in a face")
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def supersampled(to_chip: np.ndarray, samples: int) -> np.ndarray:
    """``to_chip`` onto a grid ``samples`` times finer; pixel centres, not corners, are at whole numbers."""
    fine = to_chip * samples
    fine[:, 2] += (samples - 1) / 2
    return fine


def measure_quality(detection: Detection, chip: Chip) -> Quality:
    """How well the face was seen; see ``Quality`` for the units."""
    return Quality(round(detection.score, 6), round(detection.size, 2), round(_sharpness(chip.pixels), 2))


def _sharpness(pixels: Pixels) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())
