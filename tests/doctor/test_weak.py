"""Poor pictures, on a real face made worse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from facepipe import Pipeline, read_image
from facepipe.doctor import Kind, examine, pictures
from facepipe.enroll.enrolment import new_reference
from facepipe.gallery import Gallery, NewReference
from facepipe.records import Image, Pixels, Quality


def picture(samples: Path, name: str) -> Image:
    """Small enough to be quick."""
    image = read_image(samples / name)
    scale = 400 / max(image.width, image.height)
    return Image(cv2.resize(image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), name)


def enroll(gallery: Gallery, pipeline: Pipeline, pixels: Pixels, name: str) -> int:
    image = Image(pixels, f"{name}.jpg")
    (made,) = gallery.add(name, [new_reference(image, pipeline.faces(image))])
    assert made is not None
    return made.id


def told(gallery: Gallery) -> dict[int, tuple[str, ...]]:
    findings = [finding for finding in examine(gallery).findings if finding.kind is Kind.WEAK]
    return {finding.references[0].id: finding.reasons for finding in findings}


def test_blurred_ones_are_told_and_dark_ones_are_not(gallery: Gallery, pipeline: Pipeline, samples: Path) -> None:
    """A dark picture matches nearly as well as a bright one, however sharp or soft it looks."""
    image = picture(samples, "obama.jpg")
    eyes = pipeline.detect(image)[0].landmarks
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    enroll(gallery, pipeline, image.pixels, "as it is")
    enroll(gallery, pipeline, (image.pixels * 0.3).astype(np.uint8), "dark")
    blurred = enroll(gallery, pipeline, cv2.GaussianBlur(image.pixels, (0, 0), 0.08 * apart), "blurred")
    assert told(gallery) == {blurred: ("blurred",)}


def test_groups_of_pictures_keep_their_places(
    gallery: Gallery, pipeline: Pipeline, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = picture(samples, "obama.jpg")
    ids = [enroll(gallery, pipeline, cv2.GaussianBlur(image.pixels, (0, 0), s), f"{s}") for s in (0.1, 9.0, 0.2, 8.0)]
    monkeypatch.setattr(pictures, "GROUP", 1)
    assert list(told(gallery)) == [ids[1], ids[3]]


def blurred(pipeline: Pipeline, samples: Path) -> NewReference:
    image = picture(samples, "obama.jpg")
    image = Image(cv2.GaussianBlur(image.pixels, (0, 0), 9), "blurred.jpg")
    return new_reference(image, pipeline.faces(image))


def test_without_sharpness_and_a_picture_or_with_a_damaged_one_they_are_not_judged(
    gallery: Gallery, pipeline: Pipeline, samples: Path
) -> None:
    new, before = blurred(pipeline, samples), Quality(0.99, 100.0, None)
    gallery.add("no picture", [NewReference(new.template, before)])
    gallery.add("damaged", [NewReference(new.template, before, thumbnail=b"\xff\xd8\xffnot one")])
    assert told(gallery) == {}


def test_what_an_older_facepipe_enrolled_is_measured_by_what_is_kept(
    gallery: Gallery, pipeline: Pipeline, samples: Path
) -> None:
    new = blurred(pipeline, samples)
    assert new.quality is not None
    (made,) = gallery.add("Ada", [replace(new, quality=replace(new.quality, sharpness=None))])
    assert made is not None
    assert told(gallery) == {made.id: ("blurred",)}


def test_what_was_measured_at_the_enrolment_is_not_looked_at_again(
    gallery: Gallery, pipeline: Pipeline, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = blurred(pipeline, samples)
    assert new.quality is not None
    known = NewReference(new.template, replace(new.quality, score=1.0))  # so that nobody doubts that it is upright
    (made,) = gallery.add("Ada", [known])
    assert made is not None
    monkeypatch.setattr(gallery, "chip", lambda id: pytest.fail("was looked at"))
    assert told(gallery) == {made.id: ("blurred",)}
