"""Made-up faces: pictures of blots, each person's own."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from facepipe import Gallery, Pipeline
from facepipe.align.cut import cut_chip
from facepipe.align.kept import WIDE, keep
from facepipe.embed.base import templates
from facepipe.gallery import NewReference
from facepipe.records import Image, Template

PEOPLE = ("Ada", "Bob", "Eve")
LANDMARKS = WIDE.template_points() + 20


def picture(person: int, shot: int) -> Image:
    """Blots that are ``person``'s, a little different in each ``shot``."""
    blots = np.random.default_rng(person).integers(0, 256, (8, 8, 3)).astype(np.float32)
    blots += np.random.default_rng([person, shot]).normal(0, 15, (8, 8, 3)).astype(np.float32)
    pixels = cv2.resize(blots.clip(0, 255), (264, 264), interpolation=cv2.INTER_CUBIC).clip(0, 255)
    return Image(pixels.astype(np.uint8), f"{person}-{shot}.png")


def new(pipe: Pipeline, person: int, shot: int, kept: bool = True) -> NewReference:
    image = picture(person, shot)
    (template,) = templates(pipe.backbone, [cut_chip(image, LANDMARKS, pipe.backbone.card.chip)])
    chip = keep(image, LANDMARKS)
    picture_kept: dict[str, Any] = {"thumbnail": chip.image, "landmarks": chip.landmarks} if kept else {}
    return NewReference(template, source=image.source, image_sha256=image.sha256, **picture_kept)


def vectors(gallery: Gallery) -> dict[int, list[float]]:
    return {reference.id: reference.template.vector.tolist() for reference in gallery.references()}


def probe(pipe: Pipeline, person: int, shot: int = 9) -> Template:
    return new(pipe, person, shot).template
