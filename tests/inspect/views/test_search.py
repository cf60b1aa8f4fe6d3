"""How a face is found: boxes by hand, and MTCNN's networks beside YuNet on real photos."""

from pathlib import Path

import numpy as np
import pytest

from facepipe.detect.yunet import YuNet
from facepipe.image import read_image
from facepipe.inspect.finding import finder_of, search
from facepipe.inspect.views.search import OtherFinder, Search
from facepipe.inspect.views.search_view import check_search, found_by, show_search
from facepipe.page.view import Picture, Text
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Floats, Image

PHOTO = Image(np.full((100, 50, 3), 90, np.uint8), "grey")
FACE = np.array([10, 10, 20, 20], np.float32)
ON, NEAR, OFF = [10, 11, 20, 21], [16, 10, 26, 20], [30, 30, 40, 40]


def boxes(*rows: list[int]) -> Floats:
    return np.array(rows, np.float32).reshape(-1, 4)


def through(*stages: Floats, finder: OtherFinder | None = None) -> Search:
    return Search("mtcnn", PHOTO, FACE, tuple(zip(("proposed", "refined", "decided"), stages, strict=True)), finder)


def test_a_stage_keeps_the_face_where_a_box_lies_on_it() -> None:
    assert through(boxes(OFF, ON), boxes(ON), boxes(ON)).kept == (True, True, True)
    assert through(boxes(OFF, ON), boxes(NEAR), boxes()).kept == (True, False, False)  # NEAR shares a quarter


def test_the_first_stage_that_lets_it_go_is_named() -> None:
    kept, lost = (show_search(through(boxes(OFF, ON), some, boxes()))[-1] for some in (boxes(ON), boxes(NEAR)))
    assert isinstance(kept, Picture)
    assert isinstance(lost, Picture)
    assert "O-Net does not let this face through: mtcnn alone would have missed it" in kept.caption.en
    assert "R-Net does not let this face through" in lost.caption.en
    assert "R-Net 没有让这张脸通过：只用 mtcnn 会漏掉它" in lost.caption.zh
    (found,) = show_search(through(boxes(ON), boxes(ON), boxes(ON)))
    assert isinstance(found, Picture)
    assert found.caption.en == "Candidates left after each stage of mtcnn: proposed 1, refined 1, decided 1."
    assert found.pixels.shape == (200, 3 * 100 + 2 * 4, 3)


@pytest.mark.parametrize(("counts", "holds"), [((9, 4, 4), True), ((9, 4, 5), False)])
def test_no_stage_may_add_candidates(counts: tuple[int, int, int], holds: bool) -> None:
    (check,) = check_search(through(*(np.zeros((count, 4), np.float32) for count in counts)))
    assert check.passed == holds
    assert check_search(Search("one", PHOTO, FACE, (("decided", boxes(ON)),))) == []


def test_what_another_detector_proposed_comes_first() -> None:
    seen = OtherFinder("yunet", ((400, 200), (100, 50)), boxes(ON, OFF))
    said, proposed, stages = show_search(through(boxes(ON), boxes(ON), boxes(ON), finder=seen))
    assert said == found_by("yunet")
    assert isinstance(proposed, Picture)
    assert "at 400 × 200 and 100 × 50 px, at faces of every size at once, and proposed 2 faces" in proposed.caption.en
    assert isinstance(stages, Picture)
    silent = show_search(through(boxes(ON), boxes(ON), boxes(ON), finder=OtherFinder("mine")))
    assert [type(block) for block in silent] == [Text, Picture]  # a detector that does not tell


def test_yunet_found_it_and_mtcnn_shows_how(pipeline: Pipeline, older: Pipeline, samples: Path) -> None:
    image = read_image(samples / "biden.jpg")
    (face,) = pipeline.detect(image)
    found = search(pipeline, image, face, ())
    assert (found.name, found.kept, finder_of(pipeline.detector)) == ("mtcnn", (True, True, True), "yunet")
    assert found.finder is not None
    assert isinstance(pipeline.detector, YuNet)
    assert found.finder.boxes is not None
    np.testing.assert_array_equal(found.finder.boxes, pipeline.detector.propose(image).boxes)
    assert found.finder.sizes[0] == (round(image.height * 14 / 32), round(image.width * 14 / 32))
    alone = search(older, image, older.detect(image)[0], ())
    assert (alone.finder, finder_of(older.detector)) == (None, None)
    for (name, mine), (same, theirs) in zip(found.stages, alone.stages, strict=True):
        assert name == same
        np.testing.assert_array_equal(mine, theirs)


def test_a_face_that_mtcnn_does_not_see_is_told(pipeline: Pipeline, samples: Path) -> None:
    image = read_image(samples / "biden.jpg")
    nowhere = Detection(np.array([0, 0, 40, 40], np.float32), 0.9, np.zeros((5, 2), np.float32))
    assert search(pipeline, image, nowhere, ()).kept[-1] is False
