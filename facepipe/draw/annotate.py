"""Faces marked in their picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import PIL.Image
from PIL import ImageDraw

from facepipe.draw.legend import Entry, with_legend
from facepipe.draw.marks import Mark
from facepipe.draw.plates import Beside, Choice, Room, whole_pixels
from facepipe.records import Image

LEAST_WITH_LANDMARKS = 60  # px, the shorter side of the box: the dots would cover a smaller face


def annotate(image: Image, marks: Iterable[Mark]) -> PIL.Image.Image:
    """A copy of ``image`` with each face's box, landmarks and label; an unknown face has another colour and says so.

    A label is never over a face nor over another label. Where it has no room beside its own face, there is only its
    number, and the label is in a legend below: the picture is larger then, and the image its upper left part. Known
    faces have the first choice. Small faces have no landmarks.
    """
    marks = list(marks)
    picture, beside = _marked(image, marks, {})
    without = [
        Entry(mark, pictured=found is None and len(marks) > 1)
        for mark, found in zip(marks, beside, strict=True)
        if mark.label and (found is None or not found.choice.whole)
    ]
    return with_legend(picture, image, without, _scale(image)) if without else picture


class Annotator:
    """Marks the faces of a film, frame after frame, as ``annotate`` does, but pictures stay as large as their frames:
    there is no legend. A label, known by its number, stays on the side of its face where it was while it can."""

    def __init__(self) -> None:
        self._choices: dict[int | None, Choice] = {}

    def annotate(self, image: Image, marks: Iterable[Mark]) -> PIL.Image.Image:
        marks = list(marks)
        picture, beside = _marked(image, marks, self._choices)
        found = [(mark.number, here.choice) for mark, here in zip(marks, beside, strict=True) if here is not None]
        self._choices = dict(found)
        return picture


def _marked(
    image: Image, marks: Sequence[Mark], before: Mapping[int | None, Choice]
) -> tuple[PIL.Image.Image, list[Beside | None]]:
    """The picture with the labels that have room in it, and for each mark where that is. ``before``: how the labels of
    the numbers were shown."""
    picture = PIL.Image.fromarray(image.pixels)
    draw, scale = ImageDraw.Draw(picture), _scale(image)
    room = Room(picture.size, [whole_pixels(mark.detection.box) for mark in marks])
    for mark, box in zip(marks, room.faces, strict=True):
        _draw_face(draw, mark, box.tolist(), scale)
    beside: list[Beside | None] = [None] * len(marks)
    for nth in sorted(range(len(marks)), key=lambda nth: marks[nth].known is not True):
        mark = marks[nth]
        found = room.take(mark, nth, _letters(mark, scale), before.get(mark.number)) if mark.label else None
        if found is not None:
            found.plate.draw(draw, *found.spot.tolist()[:2])
        beside[nth] = found
    return picture, beside


def _scale(image: Image) -> float:
    """How much larger than one of 1000 px the image is: it is looked at as a whole."""
    return max(image.width, image.height) / 1000


def _letters(mark: Mark, scale: float) -> list[int]:
    """The sizes of letters to try, px, the largest first; small faces have small ones only."""
    largest, least = max(14, round(20 * scale)), max(11, round(12 * scale))
    most = max(least, mark.detection.size / 3)
    return [px for px in (largest, (largest + least) // 2, least) if px <= most]


def _draw_face(draw: ImageDraw.ImageDraw, mark: Mark, box: tuple[int, int, int, int], scale: float) -> None:
    """``box``: whole pixels. Lines are thin for small faces, which would be hidden else."""
    x0, y0, x1, y1 = box
    width = max(2, round(min(3 * scale, mark.detection.size / 20)))
    draw.rounded_rectangle((x0, y0, x1 - 1, y1 - 1), radius=4 * width, outline=mark.colour, width=width)
    if mark.detection.size < LEAST_WITH_LANDMARKS:
        return
    for x, y in mark.detection.landmarks.tolist():
        draw.ellipse((x - width, y - width, x + width, y + width), fill="white", outline=mark.colour)
