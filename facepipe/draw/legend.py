"""The labels that have no room beside their faces, below the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import PIL.Image
from PIL import ImageDraw

from facepipe.draw.marks import GROUND, Mark
from facepipe.draw.plates import Plate, whole_pixels
from facepipe.records import Image

WIDEST = 40  # times the height of the letters: as wide as a legend is made for a long label, where the image is not


@dataclass(frozen=True)
class Entry:
    """The label of ``mark``; ``pictured``: with its face, as nothing beside the face itself tells which one it is."""

    mark: Mark
    pictured: bool


def with_legend(picture: PIL.Image.Image, image: Image, entries: Sequence[Entry], scale: float) -> PIL.Image.Image:
    """``picture`` of ``image`` with ``entries`` in rows below it, and wider where it is too narrow for them."""
    px = max(14, round(14 * scale))
    gap, widest = px // 2, max(picture.width, WIDEST * px) - px
    shown = [_Shown.of(entry, image, px, widest) for entry in entries]
    width = max(picture.width, *(one.width + 2 * gap for one in shown))
    rows = list(_rows(shown, gap, width))
    height = sum(max(one.height for one in row) + gap for row in rows) + gap
    whole = PIL.Image.new("RGB", (width, picture.height + height), GROUND)
    whole.paste(picture, (0, 0))
    draw, y = ImageDraw.Draw(whole), picture.height + gap
    for row in rows:
        x, high = gap, max(one.height for one in row)
        for one in row:
            one.draw(whole, draw, x, y, high)
            x += one.width + gap
        y += high + gap
    return whole


@dataclass(frozen=True)
class _Shown:
    """An entry as it looks: its ``face`` where it is pictured, and its ``plate``."""

    face: PIL.Image.Image | None
    plate: Plate

    @classmethod
    def of(cls, entry: Entry, image: Image, px: int, widest: int) -> _Shown:
        """No wider than ``widest`` px."""
        face = _face(entry.mark, image, 3 * px) if entry.pictured else None
        return cls(face, Plate.of(entry.mark, px, width=widest - (0 if face is None else face.width)))

    @property
    def width(self) -> int:
        return self.plate.size[0] + (0 if self.face is None else self.face.width)

    @property
    def height(self) -> int:
        return max(self.plate.size[1], 0 if self.face is None else self.face.height)

    def draw(self, whole: PIL.Image.Image, draw: ImageDraw.ImageDraw, x: int, y: int, high: int) -> None:
        """At ``x``, in the middle of a row from ``y`` on that is ``high`` px."""
        if self.face is not None:
            whole.paste(self.face, (x, y + (high - self.face.height) // 2))
            x += self.face.width
        self.plate.draw(draw, x, y + (high - self.plate.size[1]) // 2)


def _face(mark: Mark, image: Image, height: int) -> PIL.Image.Image | None:
    """What there is of the face in the image, ``height`` px high; None where that is nothing."""
    x0, y0, x1, y1 = (max(v, 0) for v in whole_pixels(mark.detection.box).tolist())
    pixels = image.pixels[y0:y1, x0:x1]
    if not pixels.size:
        return None
    width = min(max(1, round(height * pixels.shape[1] / pixels.shape[0])), 2 * height)
    return PIL.Image.fromarray(pixels).resize((width, height), PIL.Image.Resampling.LANCZOS)


def _rows(shown: Sequence[_Shown], gap: int, width: int) -> Iterator[list[_Shown]]:
    """As many in each row as fit into ``width`` px with ``gap`` px around each."""
    row: list[_Shown] = []
    taken = gap
    for one in shown:
        if row and taken + one.width + gap > width:
            yield row
            row, taken = [], gap
        row.append(one)
        taken += one.width + gap
    yield row
