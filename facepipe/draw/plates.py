"""A label on its ground of colour, and where there is room for it: beside its face, and over nobody's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import ImageColor, ImageDraw

from facepipe.draw.letters import Font, font, shortened, upright
from facepipe.draw.marks import Mark
from facepipe.records import Floats

Boxes: TypeAlias = npt.NDArray[np.int64]


def whole_pixels(box: Floats) -> Boxes:
    """The pixels (4,) that ``box`` and its outline touch: x0, y0, x1, y1, the last ones not included."""
    x0, y0, x1, y1 = np.floor(box).astype(np.int64)
    return np.array([x0, y0, x1 + 1, y1 + 1])


def free(places: Boxes, taken: Boxes) -> npt.NDArray[np.bool_]:
    """Which of ``places`` (P, 4) share no pixel with any of ``taken`` (N, 4)."""
    low = np.maximum(places[:, None, :2], taken[None, :, :2])
    high = np.minimum(places[:, None, 2:], taken[None, :, 2:])
    touching = np.asarray((high > low).all(axis=2))
    return np.asarray(~touching.any(axis=1))


@dataclass(frozen=True)
class Plate:
    """``number`` and ``text``, either of which may be "", in ``letters`` on ``colour``; of ``size`` px (width, height).
    The text begins at ``split`` px; letters stand ``padding`` px from the borders, ``drop`` px lower than Pillow has
    them."""

    number: str
    text: str
    colour: str
    letters: Font
    padding: int
    drop: float
    split: int
    size: tuple[int, int]

    @classmethod
    def of(cls, mark: Mark, px: int, *, text: bool = True, width: float | None = None) -> Plate:
        """The label of ``mark``, or without ``text`` only its number, in letters of ``px``, no wider than ``width``."""
        number = "" if mark.number is None else str(mark.number)
        said = " ".join(mark.label.split()) if text else ""
        latin = said.isascii()
        letters, padding = font(px, latin), max(3, px // 3)
        split = round(letters.getlength(number)) + 2 * padding if number else 0
        if width is not None:
            said = shortened(said, letters, width - split - 2 * padding)
        top, bottom = upright(px, latin)
        _, above, right, below = letters.getbbox(said) if said else (0, top, 0, bottom)
        top, bottom = min(top, above), max(bottom, below)
        wide = split + (round(right) + 2 * padding if said else 0)
        high = round(bottom - top) + 2 * (padding - px // 10)
        return cls(number, said, mark.colour, letters, padding, (high - bottom - top) / 2, split, (wide, high))

    def draw(self, draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
        """Put its upper left corner at ``x``, ``y``."""
        (wide, high), ground = self.size, self.colour
        right, bottom, radius = x + wide - 1, y + high - 1, self.padding
        if self.number:
            draw.rounded_rectangle((x, y, right, bottom), radius, fill=_darker(self.colour))
            draw.text((x + self.padding, y + self.drop), self.number, fill="white", font=self.letters)
        if self.text:
            corners = (not self.number, True, True, not self.number)
            draw.rounded_rectangle((x + self.split, y, right, bottom), radius, fill=ground, corners=corners)
            draw.text((x + self.split + self.padding, y + self.drop), self.text, fill="white", font=self.letters)


def _darker(colour: str) -> tuple[int, ...]:
    return tuple(round(0.6 * part) for part in ImageColor.getrgb(colour))


def around(box: Boxes, size: tuple[int, int], frame: tuple[int, int]) -> Boxes:
    """The places (P, 4) for a plate of ``size`` beside ``box``, the best first: over it, under it, at its sides; inside
    ``frame`` (width, height)."""
    (wide, high), (x0, y0, x1, y1) = size, (int(v) for v in box)
    along = (x0, x1 - wide, (x0 + x1 - wide) // 2, x0 - wide // 2, x1 - wide // 2)
    corners = [(x, y) for y in (y0 - high, y1) for x in along]
    corners += [(x, y) for x in (x1, x0 - wide) for y in (y0, y1 - high, (y0 + y1 - high) // 2)]
    at = np.clip(np.array(corners), 0, np.subtract(frame, size))
    return np.hstack([at, at + size])


@dataclass(frozen=True)
class Choice:
    """How a label is shown: in letters of ``px``, ``whole`` or only its number, at the ``place``-th of those around its
    face."""

    px: int
    whole: bool
    place: int


@dataclass(frozen=True, eq=False)
class Beside:
    """A ``plate`` that has room beside its face, at ``spot`` (4,) px."""

    plate: Plate
    spot: Boxes
    choice: Choice


class Room:
    """What is free of a picture of ``frame`` px (width, height) with ``faces``, each (4,) px."""

    def __init__(self, frame: tuple[int, int], faces: Sequence[Boxes]) -> None:
        self.faces = np.array(faces, np.int64).reshape(-1, 4)
        self._frame, self._plates = frame, np.empty((0, 4), np.int64)

    def take(self, mark: Mark, nth: int, sizes: Sequence[int], before: Choice | None = None) -> Beside | None:
        """A place for the label of ``mark``, the ``nth`` face, where it covers nothing and touches no other face, which
        it would seem to name: whole in the largest of the letters ``sizes``, else only its number; None where there is
        no room. As it was ``before``, while that can be: a whole label grows again when it may by more than one size.
        """
        looks = [(px, whole) for whole in (True, False)[: 1 if mark.number is None else 2] for px in sizes]
        if before is not None and before.whole and before.px in sizes[:2]:
            looks.insert(0, (before.px, True))
        taken = self._taken(nth, sizes[0] // 4)
        for px, whole in looks:
            plate = Plate.of(mark, px, text=whole)
            if plate.size[0] > self._frame[0] or plate.size[1] > self._frame[1]:
                continue
            spots = around(self.faces[nth], plate.size, self._frame)
            fits = free(spots, taken)
            if fits.any():
                place = before.place if before is not None and fits[before.place] else int(np.argmax(fits))
                self._plates = np.vstack([self._plates, spots[place]])
                return Beside(plate, spots[place], Choice(px, whole, place))
        return None

    def _taken(self, nth: int, apart: int) -> Boxes:
        """All plates, the ``nth`` face, and the others with ``apart`` px around them."""
        grown = self.faces + np.array([-apart, -apart, apart, apart])
        grown[nth] = self.faces[nth]
        return np.vstack([grown, self._plates])
