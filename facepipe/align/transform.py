"""Where a face belongs in a chip: the similarity transform that takes its landmarks to a network's template."""

from __future__ import annotations

import math

import numpy as np

from facepipe.errors import FaceError
from facepipe.networks.cards import Input
from facepipe.records import Floats, Image

LARGEST = 12_000  # px, the side of the supersampled chip: of a face as large as the largest picture

# Where the landmarks belong in a 112×112 chip: SphereFace's alignment (Liu et al. 2017, arXiv:1704.08063), shifted from
# its 96×112 to the square that ArcFace (Deng et al. 2019, arXiv:1801.07698) and most networks since are trained with
ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
ARCFACE_SIZE = 112


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


def arcface_template(size: int) -> list[list[float]]:
    """The five points (x, y) in px of a ``size``×``size`` chip; pixel centres are at whole numbers."""
    ratio = size / ARCFACE_SIZE
    return [[round((value + 0.5) * ratio - 0.5, 4) for value in point] for point in ARCFACE]
