"""``cut_chip`` on another device than the CPU: the same samples of the picture, averaged without rounding in between.

``cut_chip`` rounds in between: up to 15 % of the values differ, none by more than 1 of 255 (faces of data/samples).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from facepipe.align.transform import align, supersampled
from facepipe.machine.devices import torch_device
from facepipe.networks.cards import Input
from facepipe.records import Chip, Floats, Image

MOST_SAMPLES = 16  # a side and chip pixel; a face that needs more, of 2,400 px, is left to the CPU and its memory


def cut_chips(image: Image, landmarks: Sequence[Floats], spec: Input, device: str) -> list[Chip | None]:
    """The chips of several faces of one image, None for those that are left to ``cut_chip``; else as that. Raises
    FaceError, DeviceUnavailable."""
    there = torch_device(device)
    return [_cut(image, points, spec, there) for points in landmarks]


@torch.inference_mode()
def _cut(image: Image, landmarks: Floats, spec: Input, device: torch.device) -> Chip | None:
    to_chip, samples = align(image, landmarks, spec)
    if samples > MOST_SAMPLES:
        return None
    to_image = cv2.invertAffineTransform(supersampled(to_chip, samples))
    side = spec.size * samples
    corners = to_image @ np.array([[0, side, 0, side], [0, 0, side, side], [1, 1, 1, 1]])
    start = np.clip(np.floor(corners.min(axis=1)).astype(int) - 1, 0, (image.width, image.height))
    stop = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 2, 0, (image.width, image.height))
    part = np.array(image.pixels[start[1] : stop[1], start[0] : stop[0]])  # all that the chip shows
    if part.size == 0:
        return Chip(np.zeros((spec.size, spec.size, 3), np.uint8), to_chip.astype(np.float32))
    to_image[:, 2] -= start
    values = torch.from_numpy(part).to(device).permute(2, 0, 1)[None].float()
    warped = functional.grid_sample(values, _grid(to_image, side, values), "bilinear", "zeros", align_corners=False)
    chip = functional.avg_pool2d(warped, samples)[0].round().clamp(0, 255).to(torch.uint8)
    return Chip(np.ascontiguousarray(chip.permute(1, 2, 0).cpu().numpy()), to_chip.astype(np.float32))


def _grid(to_image: np.ndarray, side: int, values: Tensor) -> Tensor:
    """Where each of ``side``×``side`` points lies in ``values`` (1, 3, H, W), in ``grid_sample``'s units: −1 to 1 from
    edge to edge."""
    height, width = values.shape[2:]
    place = torch.as_tensor(to_image, dtype=torch.float32, device=values.device)
    at = torch.arange(side, dtype=torch.float32, device=values.device)
    points = at[None, :, None] * place[:, 0] + at[:, None, None] * place[:, 1] + place[:, 2]  # (side, side, 2) x, y
    extent = torch.tensor([width, height], dtype=torch.float32, device=values.device)
    return ((2 * points + 1) / extent - 1)[None]
