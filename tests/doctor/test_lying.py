"""References enrolled when pictures on their side or head were read as if they were upright."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from facepipe import Pipeline, read_image
from facepipe.detect.base import load_detector
from facepipe.doctor import Finding, Kind, examine
from facepipe.doctor.words import sentence
from facepipe.enroll.enrolment import new_reference
from facepipe.gallery import Gallery, NewReference
from facepipe.records import Face, Image

pytestmark = pytest.mark.slow


def small(path: Path, source: Path | str = "") -> Image:
    pixels = read_image(path).pixels
    scale = 400 / max(pixels.shape)
    return Image(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), str(source or path))


def on_its_head(pipeline: Pipeline, image: Image) -> tuple[Image, list[Face]]:
    """The picture and its face as MTCNN alone reads it."""
    turned = Image(np.ascontiguousarray(np.rot90(image.pixels, 2)), image.source)
    faces = pipeline.describe(turned, load_detector("mtcnn").detect(turned))
    return turned, list(faces)


def enroll(gallery: Gallery, name: str, new: NewReference) -> int:
    (made,) = gallery.add(name, [new])
    assert made is not None
    return made.id


def steps(finding: Finding) -> list[tuple[str, ...]]:
    return [(*step.verbs, *step.options, *step.words) for step in finding.remedy]


def test_they_are_told_with_what_mends_them_and_mislead_nothing_else(
    gallery: Gallery, pipeline: Pipeline, samples: Path
) -> None:
    gone, there = "gone.jpg", str(samples / "obama3.jpg")
    upright = small(samples / "biden.jpg")
    enroll(gallery, "Joe", new_reference(upright, pipeline.faces(upright)))
    joe = enroll(gallery, "Joe", new_reference(*on_its_head(pipeline, small(samples / "obama.jpg", gone))))
    ada = enroll(gallery, "Ada", new_reference(*on_its_head(pipeline, small(samples / "obama3.jpg", there))))
    found = {finding.references[0].id: finding for finding in examine(gallery).findings}
    assert {id: (finding.kind, finding.person) for id, finding in found.items()} == {
        joe: (Kind.LYING, "Joe"),
        ada: (Kind.LYING, "Ada"),
    }
    assert steps(found[ada]) == [("people", "remove-reference", str(ada)), ("enroll", "Ada", there)]
    assert steps(found[joe]) == [("people", "remove-reference", str(joe)), ("enroll", "--webcam", "Joe")]
    assert sentence(found[ada]).en == f"Ada, reference {ada}"
    assert not examine(gallery).sound


def test_where_all_lie_nothing_else_is_said(gallery: Gallery, pipeline: Pipeline, samples: Path) -> None:
    for name in ("obama.jpg", "obama3.jpg"):
        enroll(gallery, name, new_reference(*on_its_head(pipeline, small(samples / name))))
    found = examine(gallery)
    assert [finding.kind for finding in found.findings] == [Kind.LYING, Kind.LYING]
    assert (found.people, found.references) == (2, 2)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_what_is_enrolled_now_does_not_lie(gallery: Gallery, pipeline: Pipeline, samples: Path, quarters: int) -> None:
    for name in ("obama.jpg", "biden.jpg", "astronaut.png"):
        image = small(samples / name)
        turned = Image(np.ascontiguousarray(np.rot90(image.pixels, quarters)), image.source)
        enroll(gallery, name, new_reference(turned, pipeline.faces(turned)))
    assert {finding.kind for finding in examine(gallery).findings} == {Kind.FEW}


def test_without_a_kept_picture_nothing_is_known(gallery: Gallery, pipeline: Pipeline, samples: Path) -> None:
    lying = new_reference(*on_its_head(pipeline, small(samples / "obama.jpg")))
    enroll(gallery, "Ada", NewReference(lying.template, lying.quality))
    assert {finding.kind for finding in examine(gallery).findings} == {Kind.FEW}
