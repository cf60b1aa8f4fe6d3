"""Folders of photos for the bench scripts, made at run time from photos that are given or from data/samples."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from facepipe import folders, read_image
from facepipe.records import Pixels
from facepipe.sources import find_images, open_source

SIDES = (640, 800, 960, 1280, 1600, 1920)  # px, the longer side of the photos in turn
SMALLEST = 500  # px, longer side: what is smaller is a cut-out face, not a photo
VIDEOS = {".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov", ".mpg", ".mpeg", ".ts"}
EVERY = 20  # frames of a video from one photo to the next
HEIGHT = 1100  # px of a row of portraits
PHONE = (4000, 3000)  # px, 12 megapixels


def folder_of(given: Sequence[Path], folder: Path, count: int) -> list[Path]:
    """``count`` JPEGs in ``folder``: the photos and frames of ``given`` as they are but for their size, which goes
    through ``SIDES`` and is never more than their own; without any, rows of one to three of the portraits in
    data/samples."""
    pictures = list(_pictures(given)) if given else list(_rows())
    return [
        _save(_shrunk(pictures[number % len(pictures)], _side(number, len(pictures))), folder / f"{number:04}.jpg")
        for number in range(count)
    ]


def large_ones(given: Sequence[Path], folder: Path, count: int, distinct: int = 5) -> list[Path]:
    """``count`` JPEGs of 4000×3000 px, hard links to ``distinct`` different ones."""
    pictures = [picture for _, picture in zip(range(distinct), _pictures(given) if given else _rows(), strict=False)]
    made = [_save(_filling(picture, PHONE), folder / f"{number:04}.jpg") for number, picture in enumerate(pictures)]
    for number in range(len(made), count):
        os.link(made[number % len(made)], folder / f"{number:04}.jpg")
    return sorted(folder.glob("*.jpg"))[:count]


def portraits(given: Sequence[Path]) -> list[Path]:
    """The pictures that known people are taken from: those given, or data/samples."""
    return _stills_and_videos(given)[0] or _stills_and_videos([folders.samples()])[0]


def _stills_and_videos(given: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """What is given, and what is in the folders that are given."""
    found = find_images([path for path in given if path.is_dir() or path.suffix.lower() not in VIDEOS])
    named = [path for path in given if not path.is_dir() and path.suffix.lower() in VIDEOS]
    return [Path(path) for path in found.files], named + [one.path for one in found.left_out if one.kind == "video"]


def _pictures(given: Sequence[Path]) -> Iterator[Pixels]:
    stills, videos = _stills_and_videos(given)
    for path in stills:
        pixels = read_image(path).pixels
        if max(pixels.shape) >= SMALLEST:
            yield pixels
    for path in videos:
        with open_source(path) as source:
            yield from (frame.image.pixels for frame in source if frame.index % EVERY == 0)


def _rows() -> Iterator[Pixels]:
    """Every portrait alone, every two and every three neighbours side by side."""
    shown = [_of_height(pixels, HEIGHT) for pixels in _pictures([folders.samples()])]
    for count in (1, 2, 3):
        for start in range(len(shown)):
            yield np.hstack([shown[(start + i) % len(shown)] for i in range(count)])


def _side(number: int, pictures: int) -> int:
    """The size of photo ``number``, another one each time that its picture comes again."""
    return SIDES[(number + number // pictures) % len(SIDES)]


def _of_height(pixels: Pixels, height: int) -> Pixels:
    width = round(pixels.shape[1] * height / pixels.shape[0])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def _shrunk(pixels: Pixels, side: int) -> Pixels:
    scale = min(1.0, side / max(pixels.shape))
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _filling(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture enlarged to fit into ``size``, its border going on beyond its edges."""
    scale = min(size[0] / pixels.shape[1], size[1] / pixels.shape[0])
    whole = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[: size[1], : size[0]]
    below, right = size[1] - whole.shape[0], size[0] - whole.shape[1]
    return np.asarray(cv2.copyMakeBorder(whole, 0, below, 0, right, cv2.BORDER_REFLECT))


def _save(pixels: Pixels, path: Path) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path
