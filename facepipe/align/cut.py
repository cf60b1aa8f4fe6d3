"""The aligned chip that a backbone expects, cut out of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facepipe.align.transform import align, supersampled
from facepipe.networks.cards import Input
from facepipe.records import Chip, Floats, Image


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

    cut = cut_torch.cut_chips(image, landmarks, spec, device)
    return [chip or cut_chip(image, points, spec) for chip, points in zip(cut, landmarks, strict=True)]
