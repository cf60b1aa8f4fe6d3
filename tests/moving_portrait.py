"""A portrait that moves as in front of a camera: it turns and nods, comes nearer, tilts, gets dark or blurred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from facepipe import Pipeline, folders
from facepipe.align.quality import NOSE_DEPTH
from facepipe.records import Floats, Image, Pixels

WIDTH, HEIGHT = 640, 480


@dataclass(frozen=True)
class View:
    """How the portrait is seen: ``yaw``, ``pitch``, ``roll`` in degrees as facepipe.align.quality measures them,
    ``size`` of the face and its ``centre`` in px, ``light`` as a factor, ``blur`` as a Gaussian's sigma in px."""

    yaw: float = 0
    pitch: float = 0
    roll: float = 0
    size: float = 160
    centre: tuple[float, float] = (WIDTH / 2, HEIGHT / 2)
    light: float = 1
    blur: float = 0


# Ahead, left, right, up, down, far enough that the detector's landmarks follow
FIVE = [View(), View(yaw=40), View(yaw=-40), View(pitch=20), View(pitch=-20)]


def held(views: Iterable[View], times: int = 4) -> Iterator[View]:
    """Each of the views several times, moving by a pixel as people do."""
    for view in views:
        for step in range(times):
            yield replace(view, centre=(view.centre[0] + step % 2, view.centre[1]))


@cache
def _portrait(name: str, pipeline: Pipeline) -> tuple[Pixels, Floats]:
    with PIL.Image.open(next(folders.samples().glob(f"{name}.*g"))) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    (face,) = pipeline.detect(pixels)
    return pixels, face.landmarks


def picture(name: str, pipeline: Pipeline, view: View = View()) -> Image:
    """A camera's picture, 640×480, of the sample ``name`` (obama, biden, …) as seen from ``view``.

    The head is a plane with a bump at the nose: turned by an angle, near parts move against far ones as real ones do.
    """
    pixels, landmarks = _portrait(name, pipeline)
    eyes = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    nose = landmarks[2].astype(np.float64)
    scale = view.size / (2.6 * eyes)
    yaw, pitch, roll = np.radians((view.yaw, view.pitch, -view.roll))
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float64)
    x, y = (x - view.centre[0]) / scale, (y - view.centre[1]) / scale
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    plane_x, plane_y = x / np.cos(yaw), y / np.cos(pitch)
    depth = 0.45 * eyes * np.exp(-(plane_x**2 + plane_y**2) / (0.5 * eyes) ** 2)
    map_x = nose[0] + (x - depth * np.sin(yaw)) / np.cos(yaw)
    map_y = nose[1] + (y + depth * np.sin(pitch)) / np.cos(pitch)
    fine = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale) if scale < 0.8 else pixels
    seen = cv2.remap(fine, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR, borderValue=(90,) * 3)
    if view.blur:
        seen = cv2.GaussianBlur(seen, (0, 0), view.blur)
    return Image(np.clip(seen * view.light, 0, 255).astype(np.uint8), name)


def landmarks(yaw: float = 0, pitch: float = 0, roll: float = 0) -> Floats:
    """The five landmarks (5, 2) of a head that was turned, then nodded, then tilted, by degrees; its middle is (0, 0)
    and the distance of its eyes 1."""
    points = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0, 0.078, NOSE_DEPTH], [-0.43, 0.59, 0], [0.43, 0.59, 0]])
    a, b, c = np.radians((yaw, pitch, roll))
    x, y, z = points.T
    x, z = x * np.cos(a) + z * np.sin(a), z * np.cos(a) - x * np.sin(a)
    y = y * np.cos(b) - z * np.sin(b)
    return np.stack([x * np.cos(c) - y * np.sin(c), x * np.sin(c) + y * np.cos(c)], 1).astype(np.float32)


def squares() -> Image:
    """A picture of grey squares: light, sharp and without a face."""
    grey = np.random.default_rng(0).integers(40, 200, (HEIGHT // 16, WIDTH // 16, 1), np.uint8)
    return Image(grey.repeat(16, 0).repeat(16, 1).repeat(3, 2), "squares")


def video(path: Path, pictures: Iterable[Image], fps: float = 10) -> Path:
    """Write the pictures as a Motion-JPEG file."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for image in pictures:
        writer.write(cv2.cvtColor(image.pixels, cv2.COLOR_RGB2BGR))
    writer.release()
    return path
