"""Pictures as wholes: mirrored, captioned, cut, put side by side, saved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
from PIL import ImageDraw

from facepipe.draw.letters import font, shortened
from facepipe.draw.marks import COLOURS, GROUND, KNOWN
from facepipe.files import replacing
from facepipe.records import Detection, Image

SMOOTH = 4  # times larger are dots drawn


def mirrored(image: Image, faces: Sequence[Detection]) -> tuple[Image, list[Detection]]:
    """The image and its faces as in a mirror, which is how people expect to see themselves."""
    turned = [
        Detection(
            np.array([image.width - x1, y0, image.width - x0, y1], np.float32),
            face.score,
            ((image.width - 1, 0) + face.landmarks[[1, 0, 2, 4, 3]] * (-1, 1)).astype(np.float32),
        )
        for face in faces
        for x0, y0, x1, y1 in [face.box]
    ]
    return Image(np.ascontiguousarray(image.pixels[:, ::-1]), image.source), turned


def caption(
    picture: PIL.Image.Image, message: str, done: int, wanted: int, known: bool | None = None
) -> PIL.Image.Image:
    """``picture`` with ``message`` below it, and above that one dot for each thing ``wanted``, filled when ``done``.
    ``known`` chooses the colour as a Mark's does."""
    width, top = picture.size
    size = max(14, round(min(top / 16, width / 24)))
    letters, height = font(size, message.isascii()), top + round(3.2 * size)
    whole = PIL.Image.new("RGB", (width, height), GROUND)
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((0, top, width, top + max(2, size // 8)), fill=COLOURS[known])
    text = shortened(message, letters, width - 2 * size)
    left, above, right, below = draw.textbbox((0, 0), text, font=letters)
    draw.text(
        ((width - right - left) / 2, height - 0.95 * size - (above + below) / 2), text, fill="white", font=letters
    )
    _draw_dots(whole, round(top + 0.95 * size), size, done, wanted)
    return whole


def _draw_dots(picture: PIL.Image.Image, y: int, size: int, done: int, wanted: int) -> None:
    """``wanted`` dots in the middle of ``picture`` around the row ``y``, drawn larger and made smaller: smooth."""
    radius, step = size * 0.22 * SMOOTH, size * 0.8 * SMOOTH
    strip = PIL.Image.new("RGBA", ((math.ceil(wanted * size * 0.8) + 2) * SMOOTH, 2 * math.ceil(size * 0.3) * SMOOTH))
    draw = ImageDraw.Draw(strip)
    middle = strip.height / 2
    for number in range(wanted):
        x = strip.width / 2 + (number - (wanted - 1) / 2) * step
        taken = number < done
        draw.ellipse(
            (x - radius, middle - radius, x + radius, middle + radius),
            fill=KNOWN if taken else None,
            outline=KNOWN if taken else (255, 255, 255, 190),
            width=max(SMOOTH, round(size * SMOOTH / 12)),
        )
    dots = strip.reduce(SMOOTH)
    picture.paste(dots, (round((picture.width - dots.width) / 2), y - dots.height // 2), dots)


def upper_square(image: Image) -> PIL.Image.Image:
    """The upper part of a portrait, as high as it is wide."""
    return PIL.Image.fromarray(image.pixels[: image.width])


def side_by_side(pictures: Sequence[PIL.Image.Image], height: int = 600, gap: int = 0) -> PIL.Image.Image:
    """The pictures in one row, each scaled to ``height`` px."""
    scaled = [p.resize((round(p.width * height / p.height), height), PIL.Image.Resampling.LANCZOS) for p in pictures]
    row = PIL.Image.new("RGB", (sum(p.width for p in scaled) + gap * (len(scaled) - 1), height), "white")
    x = 0
    for picture in scaled:
        row.paste(picture, (x, 0))
        x += picture.width + gap
    return row


def save(picture: PIL.Image.Image | np.ndarray, path: Path) -> None:
    """Write a PIL image or an RGB array as JPEG or PNG, by the suffix; whole or not at all. Makes the folder."""
    image = picture if isinstance(picture, PIL.Image.Image) else PIL.Image.fromarray(picture)
    options = {"quality": 92} if path.suffix == ".jpg" else {}
    with replacing(path) as stream:
        image.save(stream, format="JPEG" if path.suffix == ".jpg" else "PNG", **options)
