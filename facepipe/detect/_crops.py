"""The squares of an image that R-Net and O-Net are shown, in MTCNN's count of pixels."""

from __future__ import annotations

import numpy as np

from facepipe.detect._area import AreaMeans
from facepipe.records import Floats


def crops(means: AreaMeans, boxes: Floats, side: int) -> Floats:
    """The parts of the image inside ``boxes`` (N, 4), which count pixels from 1, both ends inside, at ``side`` px, as
    the networks are shown them: (N, side, side, 3)."""
    corners = boxes[:, :2].astype(np.intp) - 1
    return means.crops(corners, np.maximum(boxes[:, 2:].astype(np.intp) - corners, 1), side)


def around(boxes: Floats, width: int, height: int) -> np.ndarray:
    """The two corners (2, 2) of the part of an image that ``crops`` of ``boxes`` look at; at least one px."""
    size = np.array([width, height])
    first = np.clip(np.floor(boxes[:, :2].min(axis=0, initial=width + height)) - 2, 0, size - 1)
    last = np.clip(np.ceil(boxes[:, 2:].max(axis=0, initial=0)) + 1, first + 1, size)
    return np.stack([first, last]).astype(int)
