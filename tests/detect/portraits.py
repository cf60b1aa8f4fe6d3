"""What the eye sees in the samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facepipe.image import read_image
from facepipe.records import Detection, Image

# Eyes, nose, mouth corners, then x of the cheeks and y of forehead and chin.
SEEN = {
    "astronaut.png": ([(204, 101), (246, 103), (223, 130), (206, 142), (243, 142)], (181, 65, 264, 182)),
    "biden.jpg": ([(530, 322), (642, 345), (610, 405), (513, 470), (631, 487)], (415, 160, 710, 585)),
    "obama.jpg": ([(445, 213), (546, 212), (498, 272), (441, 320), (553, 320)], (370, 80, 615, 420)),
    "obama2.jpg": ([(248, 369), (366, 380), (277, 449), (253, 514), (349, 519)], (200, 230, 480, 640)),
    "obama3.jpg": ([(732, 385), (858, 396), (812, 453), (732, 510), (847, 521)], (625, 230, 915, 625)),
}
NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (4,)."""
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def width(face: Detection) -> float:
    return float(face.box[2] - face.box[0])


def cut(image: Image, box: np.ndarray, around: float = 0) -> np.ndarray:
    """The pixels in ``box`` and ``around`` it, in sides of the box, as far as the image goes."""
    more = around * (box[2:] - box[:2])
    x0, y0 = np.maximum(box[:2] - more, 0).round().astype(int)
    x1, y1 = (box[2:] + more).round().astype(int)
    return np.ascontiguousarray(image.pixels[y0:y1, x0:x1])


def read(samples: Path) -> dict[str, Image]:
    return {name: read_image(samples / name) for name in SEEN}
