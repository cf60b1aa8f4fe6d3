"""Pictures for people: faces marked in their image, and images put side by side."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import PIL.Image
from PIL import ImageDraw, ImageFont

from facepipe.files import replacing
from facepipe.records import Detection, Floats, Identification, Image

KNOWN, UNKNOWN, NEUTRAL = "#0f9d8a", "#d97706", "#3b82f6"
_COLOURS = {True: KNOWN, False: UNKNOWN, None: NEUTRAL}
LEAST_WITH_LANDMARKS = 60  # px, the shorter side of the box: the dots would cover a smaller face
SMOOTH = 4  # times larger are dots drawn
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
    """A copy of ``image`` with each face's box, landmarks and label; an unknown face has another colour and says so.

    Labels keep off faces and each other where there is room, those of known faces first. Small faces have no landmarks.
    """
    picture = PIL.Image.fromarray(image.pixels)
    draw = ImageDraw.Draw(picture)
    scale = max(image.width, image.height) / 1000
    marks = sorted(marks, key=lambda mark: mark.known is not True)
    for mark in marks:
        _draw_face(draw, mark, scale)
    plates = [_plate(draw, mark, scale, image.width) for mark in marks if mark.label]
    taken = np.array([mark.detection.box for mark in marks], np.float32).reshape(-1, 4)
    for plate in plates:
        plate.place(taken, picture.size)
        taken = np.vstack([taken, plate.box])
    for plate in reversed(plates):
        plate.draw(draw)
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
    _draw_dots(picture, round(top + 0.95 * size), size, done, wanted)


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


def _face_px(mark: Mark) -> float:
    x0, y0, x1, y1 = (float(v) for v in mark.detection.box)
    return min(x1 - x0, y1 - y0)


def _line(mark: Mark, scale: float) -> int:
    """How thick to draw, px: thin for small faces, which would be hidden else."""
    return max(2, round(min(3 * scale, _face_px(mark) / 20)))


def _draw_face(draw: ImageDraw.ImageDraw, mark: Mark, scale: float) -> None:
    colour, width = _COLOURS[mark.known], _line(mark, scale)
    x0, y0, x1, y1 = (float(v) for v in mark.detection.box)
    draw.rounded_rectangle((x0, y0, x1, y1), radius=4 * width, outline=colour, width=width)
    if _face_px(mark) < LEAST_WITH_LANDMARKS:
        return
    for x, y in mark.detection.landmarks:
        draw.ellipse((x - width, y - width, x + width, y + width), fill="white", outline=colour)


@dataclass
class _Plate:
    """A label on its ground of colour: ``text`` is ``offset`` px within ``box`` (x0, y0, x1, y1)."""

    mark: Mark
    text: str
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    padding: int
    offset: tuple[float, float]
    size: tuple[float, float]
    box: Floats

    def place(self, taken: Floats, frame: tuple[int, int]) -> None:
        """Go where the least is hidden of the boxes ``taken`` (n, 4), which hold the face itself: over the face, under
        it, beside it, or within it; always inside ``frame`` (width, height)."""
        wide, high = self.size
        x0, y0, x1, y1 = (float(v) for v in self.mark.detection.box)
        corners = [
            *((x, y) for y in (y0 - high, y1) for x in (x0, x1 - wide, x0 - wide / 2, x1 - wide / 2)),
            *((x, y) for x in (x1, x0 - wide) for y in (y0, y1 - high)),
            (x0, y1 - high),
            (x0, y0),
        ]
        room = np.maximum(np.subtract(frame, self.size), 0)
        at = np.clip(np.array(corners), 0, room)
        places = np.hstack([at, at + self.size]).astype(np.float32)
        low = np.maximum(places[:, None, :2], taken[None, :, :2])
        shared = np.minimum(places[:, None, 2:], taken[None, :, 2:]) - low
        hidden = np.maximum(shared, 0).prod(axis=2).sum(axis=1)
        self.box = places[int(np.argmin(hidden.round()))]

    def draw(self, draw: ImageDraw.ImageDraw) -> None:
        x0, y0, x1, y1 = (float(v) for v in self.box)
        draw.rounded_rectangle((x0, y0, x1, y1), radius=self.padding, fill=_COLOURS[self.mark.known])
        draw.text((x0 + self.offset[0], y0 + self.offset[1]), self.text, fill="white", font=self.font)


def _plate(draw: ImageDraw.ImageDraw, mark: Mark, scale: float, width: int) -> _Plate:
    """The mark's label, no wider than ``width`` px, over its face; letters are smaller over small faces."""
    largest, least = max(14, round(20 * scale)), max(11, round(12 * scale))
    font = _font(min(largest, max(least, round(_face_px(mark) / 3))), mark.label.isascii())
    padding = 2 * _line(mark, scale)
    text = _shortened(mark.label, font, width - 2 * padding)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    size = right - left + 2 * padding, bottom - top + 2 * padding
    return _Plate(mark, text, font, padding, (padding - left, padding - top), size, mark.detection.box)


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
