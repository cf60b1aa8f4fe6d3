"""A made film: heads cut out of the sample portraits that move over a background, with the truth of who is where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facepipe import read_image
from facepipe.records import Frame, Image, Pixels
from facepipe.watch import TrackedFace, Watcher

WIDTH, HEIGHT, FPS = 420, 236, 25
HEADS = {  # around the head, and the middle of the face, in px of the portrait
    "obama.jpg": ((336, 20, 656, 460), (497, 256)),
    "obama3.jpg": ((560, 140, 990, 700), (775, 427)),
    "biden.jpg": ((370, 60, 780, 640), (575, 365)),
    "astronaut.png": ((150, 15, 300, 200), (223, 118)),
}
Place = tuple[float, float] | None  # the middle of the face, px of the canvas; None: not in the picture


@dataclass(frozen=True)
class Head:
    pixels: Pixels
    middle: tuple[float, float]


def head(samples: Path, name: str, height: int = 110) -> Head:
    """The head in the portrait ``name``, made ``height`` px high."""
    (x0, y0, x1, y1), (x, y) = HEADS[name]
    cut = read_image(samples / name).pixels[y0:y1, x0:x1]
    scale = height / cut.shape[0]
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Head(small, ((x - x0) * scale, (y - y0) * scale))


def background(seed: int) -> Pixels:
    """A blurred pattern of its own for each ``seed``."""
    noise = np.random.default_rng(seed).uniform(20, 230, (12, 20, 3)).astype(np.float32)
    return cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def paste(canvas: Pixels, shown: Head, place: tuple[float, float]) -> None:
    """Draw ``shown`` over ``canvas`` with the middle of its face at ``place``, to fractions of a pixel."""
    shift = np.array([[1, 0, place[0] - shown.middle[0]], [0, 1, place[1] - shown.middle[1]]], np.float32)
    cv2.warpAffine(shown.pixels, shift, (WIDTH, HEIGHT), dst=canvas, borderMode=cv2.BORDER_TRANSPARENT)


class Film:
    """Frames of ``heads`` at the places that ``path(number, name)`` says, the later ones in front."""

    def __init__(self, heads: Mapping[str, Head], seed: int = 1) -> None:
        self.heads = heads
        self.seed = seed
        self.number = 0

    def frame(self, places: Mapping[str, Place]) -> Frame:
        canvas = background(self.seed)
        for name, place in places.items():
            if place is not None:
                paste(canvas, self.heads[name], place)
        noise = np.random.default_rng(self.number).normal(0, 2, canvas.shape)
        frame = Frame(Image((canvas + noise).clip(0, 255).astype(np.uint8), "film"), self.number, self.number / FPS)
        self.number += 1
        return frame


def show(
    watcher: Watcher, film: Film, frames: int, path: Callable[[int], Mapping[str, Place]]
) -> Iterator[dict[str, TrackedFace]]:
    """What ``watcher`` makes of ``frames`` frames of ``film``: who is where by ``path`` → the face found there."""
    for number in range(frames):
        places = {name: place for name, place in path(number).items() if place is not None}
        yield located(watcher.see(film.frame(places)), places)


def located(faces: list[TrackedFace], places: Mapping[str, tuple[float, float]]) -> dict[str, TrackedFace]:
    """Which face is at each of ``places``: within a few px, and nearer to it than to any other."""
    found: dict[str, TrackedFace] = {}
    for face in faces:
        middle = face.detection.box.reshape(2, 2).mean(axis=0)
        distance, name = min((float(np.linalg.norm(middle - place)), name) for name, place in places.items())
        if distance < 14:
            assert name not in found, "two tracks on one face"
            found[name] = face
    return found
