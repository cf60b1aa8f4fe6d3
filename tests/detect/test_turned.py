"""Pictures that lie on their side or stand on their head: the faces of the upright ones, where they are in these."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facepipe.detect.turned import find_faces
from facepipe.image import read_image
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Image

pytestmark = pytest.mark.slow

NAMES = ("astronaut.png", "biden.jpg", "obama.jpg", "obama2.jpg", "obama3.jpg")


@pytest.fixture(scope="module", params=["yunet", "mtcnn"])
def pipeline(request: pytest.FixtureRequest) -> Pipeline:
    return Pipeline(detector=request.param)


def turned(image: Image, quarters: int) -> Image:
    return Image(np.ascontiguousarray(np.rot90(image.pixels, quarters)), image.source)


def small(path: Path, side: int = 400) -> Image:
    pixels = read_image(path).pixels
    scale = side / max(pixels.shape)
    return Image(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), path.name)


def as_turned(points: np.ndarray, image: Image, quarters: int) -> np.ndarray:
    """Where ``points`` (N, 2) of the image are after so many quarter turns anticlockwise."""
    height, width = image.height, image.width
    for _ in range(quarters):
        points = np.stack([points[:, 1], width - 1 - points[:, 0]], axis=1)
        height, width = width, height
    return points


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_turned_portrait_gives_the_upright_ones_face(
    pipeline: Pipeline, samples: Path, name: str, quarters: int
) -> None:
    for side in (400, 900) if quarters == 1 else (400,):
        image = small(samples / name, side)
        (upright,) = pipeline.faces(image)
        (face,) = pipeline.faces(turned(image, quarters))
        assert face.template.cosine(upright.template) > 0.999
        assert np.abs(face.chip.pixels.astype(int) - upright.chip.pixels).mean() < 2
        landmarks = as_turned(upright.detection.landmarks, image, quarters)
        assert np.abs(face.detection.landmarks - landmarks).max() < 0.02
        corners = np.sort(as_turned(upright.detection.box.reshape(2, 2), image, quarters), axis=0)
        assert face.detection.box == pytest.approx(corners.ravel(), abs=0.02)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_group_on_its_side(pipeline: Pipeline, samples: Path, quarters: int) -> None:
    faces = [cv2.resize(read_image(samples / name).pixels, (300, 360)) for name in NAMES[:3]]
    group = Image(np.hstack(faces), "group")
    upright, lying = pipeline.faces(group), pipeline.faces(turned(group, quarters))
    assert len(upright) == len(lying) == 3
    assert all(max(a.template.cosine(b.template) for b in upright) > 0.999 for a in lying)
    assert [face.detection.size for face in lying] == sorted((f.detection.size for f in lying), reverse=True)


def test_two_who_lie_head_to_head_are_both_found(pipeline: Pipeline, samples: Path) -> None:
    one, other = (cv2.resize(read_image(samples / name).pixels, (300, 360)) for name in ("obama.jpg", "astronaut.png"))
    pair = Image(np.hstack([np.rot90(one, 1), np.rot90(other, 3)]), "pair")
    assert len(pipeline.detect(pair)) == 2


def test_an_upright_picture_is_looked_at_once_and_keeps_its_faces(pipeline: Pipeline, samples: Path) -> None:
    detector = Counting([detection(0.9985)])
    assert find_faces(detector, small(samples / "obama.jpg")) == detector.found
    assert len(detector.sizes) == 1
    for name in NAMES:
        image = read_image(samples / name)
        before, now = pipeline.detector.detect(image), pipeline.detect(image)
        assert [(f.score, *f.box, *f.landmarks.ravel()) for f in now] == [
            (f.score, *f.box, *f.landmarks.ravel()) for f in before
        ]


def test_where_nobody_is_nobody_is_found() -> None:
    detector = Counting([])
    assert find_faces(detector, Image(np.zeros((40, 60, 3), np.uint8), "nobody")) == []
    assert detector.sizes == [(40, 60), (60, 40), (40, 60), (60, 40)]


def test_what_was_found_already_is_not_looked_for_again() -> None:
    detector, found = Counting([]), [detection(1.0)]
    assert find_faces(detector, Image(np.zeros((40, 60, 3), np.uint8), "somebody"), found) == found
    assert detector.sizes == []


def detection(score: float, box: Sequence[float] = (10, 10, 50, 50)) -> Detection:
    return Detection(np.array(box, np.float32), score, np.zeros((5, 2), np.float32))


class Counting:
    """Finds the same everywhere, and keeps what it was shown: (height, width)."""

    card: Any = None

    def __init__(self, found: list[Detection]) -> None:
        self.found, self.sizes = found, list[tuple[int, int]]()

    def detect(self, image: Image) -> list[Detection]:
        self.sizes.append((image.height, image.width))
        return self.found


class Closer(Counting):
    """Finds in each way up what it is told, and of a closer look the scores that it is told."""

    def __init__(self, ways: Sequence[list[Detection]], looks: Sequence[float]) -> None:
        super().__init__([])
        self.ways, self.looks = iter(ways), looks

    def detect(self, image: Image) -> list[Detection]:
        super().detect(image)
        return next(self.ways)

    def scan(self, image: Image) -> list[Detection]:
        raise AssertionError

    def look(self, image: Image, boxes: np.ndarray) -> list[Detection]:
        return [detection(score) for score in self.looks]


BLANK = Image(np.zeros((100, 100, 3), np.uint8), "blank")


def test_a_face_that_is_surer_upside_down_is_upside_down() -> None:
    found = find_faces(Closer([[detection(0.99)], [detection(0.995, (49, 49, 89, 89))]], [0.9, 0, 0.97, 0]), BLANK)
    assert [(face.score, face.box.tolist()) for face in found] == [(0.995, [10, 10, 50, 50])]


def test_a_closer_look_alone_does_not_turn_a_face() -> None:
    found = find_faces(Closer([[detection(0.99)], [detection(0.95, (49, 49, 89, 89))]], [0.9, 0, 0.97, 0]), BLANK)
    assert [face.score for face in found] == [0.99]


def test_beside_the_way_of_the_surest_only_sure_ones_count() -> None:
    elsewhere = (60, 60, 90, 90)
    for score, count in ((0.97, 1), (0.985, 2)):
        ways = [[detection(score, elsewhere)], [detection(0.999, (49, 49, 89, 89))]]
        assert len(find_faces(Closer(ways, [0.1, 0, 0.97, 0]), BLANK)) == count


def test_a_face_seen_in_no_way_has_the_picture_turned() -> None:
    ways = [[detection(0.91)], [], [detection(0.999, (49, 49, 89, 89))], []]
    assert [face.score for face in find_faces(Closer(ways, [0.5, 0.1, 0.6, 0]), BLANK)] == [0.999]
    assert [face.score for face in find_faces(Closer([[detection(0.91)], [], [], []], [0.5, 0, 0, 0]), BLANK)] == [0.91]
