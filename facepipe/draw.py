"""Pictures for people: faces marked in their image, and images put side by side."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from facepipe.files import replacing
from facepipe.records import Detection, Identification, Image

KNOWN, UNKNOWN, NEUTRAL = "#0f9d8a", "#d97706", "#3b82f6"
_COLOURS = {True: KNOWN, False: UNKNOWN, None: NEUTRAL}
_BEYOND_LATIN = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "msyh.ttc", "PingFang.ttc")


@dataclass(frozen=True)
class Mark:
    """One face to mark: its ``detection``, the ``label`` over it, and whether it is ``known`` (None: not asked)."""

    detection: Detection
    label: str
    known: bool | None = None


def mark_identified(face: Identification) -> Mark:
    """The name and score of a known face; of a stranger, that they are unknown."""
    name = face.name
    return Mark(
        face.detection, "unknown" if name is None else f"{name} {face.candidates[0].score:.2f}", name is not None
    )


def annotate(image: Image, marks: Iterable[Mark]) -> PIL.Image.Image:
    """A copy of ``image`` with each face's box, landmarks and label; an unknown face has another colour and says so."""
    picture = PIL.Image.fromarray(image.pixels)
    draw = ImageDraw.Draw(picture)
    scale = max(image.width, image.height) / 1000
    for mark in marks:
        _draw_mark(draw, mark, scale, picture.size)
    return picture


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


def caption(picture: PIL.Image.Image, message: str, done: int, wanted: int, known: bool | None = None) -> None:
    """Write ``message`` along the bottom of ``picture``, and above it one dot for each thing ``wanted``, filled when
    ``done``. ``known`` chooses the colour as a Mark's does."""
    width, height = picture.size
    size = max(14, round(min(height / 16, width / 24)))
    font, colour = _font(size, message.isascii()), _COLOURS[known]
    draw = ImageDraw.Draw(picture, "RGBA")
    top = height - round(3.2 * size)
    draw.rectangle((0, top, width, height), fill=(12, 18, 28, 205))
    draw.rectangle((0, top, width, top + max(2, size // 8)), fill=colour)
    text = _shortened(message, font, width - 2 * size)
    left, above, right, below = draw.textbbox((0, 0), text, font=font)
    draw.text(((width - right - left) / 2, height - 0.95 * size - (above + below) / 2), text, fill="white", font=font)
    radius, step = size * 0.22, size * 0.8
    for number in range(wanted):
        x, y = width / 2 + (number - (wanted - 1) / 2) * step, top + 0.95 * size
        taken = number < done
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=KNOWN if taken else None,
            outline=KNOWN if taken else (255, 255, 255, 150),
            width=max(1, size // 14),
        )


def _draw_mark(draw: ImageDraw.ImageDraw, mark: Mark, scale: float, size: tuple[int, int]) -> None:
    colour = _COLOURS[mark.known]
    width = max(2, round(3 * scale))
    x0, y0, x1, y1 = (float(v) for v in mark.detection.box)
    draw.rounded_rectangle((x0, y0, x1, y1), radius=4 * width, outline=colour, width=width)
    for x, y in mark.detection.landmarks:
        draw.ellipse((x - width, y - width, x + width, y + width), fill="white", outline=colour)
    if not mark.label:
        return
    font = _font(max(14, round(20 * scale)), mark.label.isascii())
    padding = width * 2
    label = _shortened(mark.label, font, size[0] - 2 * padding)
    left, top, right, bottom = draw.textbbox((0, 0), label, font=font)
    wide, high = right - left + 2 * padding, bottom - top + 2 * padding
    x = min(max(x0, 0), max(size[0] - wide, 0))
    y = min(max(y0 - high if y0 >= high else y1, 0), max(size[1] - high, 0))
    draw.rounded_rectangle((x, y, x + wide, y + high), radius=2 * width, fill=colour)
    draw.text((x + padding - left, y + padding - top), label, fill="white", font=font)


def _shortened(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """``label``, or as much of it as fits into ``width`` px."""
    if font.getlength(label) <= width:
        return label
    lengths = range(1, len(label))
    return f"{label[: bisect_right(lengths, width, key=lambda count: font.getlength(f'{label[:count]}…'))]}…"


@cache
def _font(size: int, latin: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font; for other scripts a system font that has them, where there is one."""
    for name in () if latin else _BEYOND_LATIN:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


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
