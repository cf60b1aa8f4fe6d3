"""The gate on real faces, spoilt one way at a time."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest

from facepipe import Gallery, Pipeline
from facepipe.align.quality import pose
from facepipe.batches import Done, Failed
from facepipe.enroll.gate import Assessment, Limits, Problem, assess, expect_good
from facepipe.errors import PoorShot
from facepipe.records import Detection, Image
from tests.moving_portrait import HEIGHT, WIDTH, View, landmarks, picture, squares

P = Problem
NAMES = ["astronaut", "biden", "obama", "obama2", "obama3"]
Change = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def photo(samples: Path, pipeline: Pipeline) -> Callable[[str], Image]:
    """A sample cut to a square around the face, of which the face takes a third, 400 px a side."""

    @cache
    def read(name: str) -> Image:
        with PIL.Image.open(next(samples.glob(f"{name}.*g"))) as opened:
            picture = opened.convert("RGB")
        x0, y0, x1, y1 = (float(v) for v in pipeline.detect(picture)[0].box)
        x, y, side = (x0 + x1) / 2, (y0 + y1) / 2, 1.5 * (x1 - x0)
        return Image(np.asarray(picture.crop((x - side, y - side, x + side, y + side)).resize((400, 400))), name)

    return read


@pytest.fixture(scope="module")
def judge(pipeline: Pipeline) -> Callable[[Image], Assessment]:
    return lambda image: assess(image, pipeline.detect(image))


def changed(image: Image, change: Change) -> Image:
    return Image(np.clip(change(image.pixels.astype(np.float32)), 0, 255).astype(np.uint8), image.source)


def turned(angle: float) -> Change:
    matrix = cv2.getRotationMatrix2D((200, 200), angle, 1)
    return lambda px: cv2.warpAffine(px, matrix, (400, 400), borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_pass(photo: Callable[[str], Image], judge: Callable[[Image], Assessment], name: str) -> None:
    found = judge(photo(name))
    assert found.good
    assert found.problems == ()
    assert found.measures is not None
    assert 100 < found.measures.size < 160
    assert abs(found.measures.yaw) < 25
    assert abs(found.measures.pitch) < 30
    assert abs(found.measures.roll) < 15
    expect_good(photo(name), Pipeline().detect(photo(name))[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda px: px * 0.2, P.TOO_DARK),
        (lambda px: px * 3.5, P.TOO_BRIGHT),
        (lambda px: px * 0.12 + 110, P.FLAT),
        (lambda px: cv2.GaussianBlur(px, (0, 0), 3.5), P.BLURRED),
        (lambda px: cv2.blur(px, (18, 1)), P.BLURRED),
        (lambda px: cv2.blur(px, (1, 32)), P.BLURRED),
        (lambda px: cv2.resize(px, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), P.TOO_FAR),
        (lambda px: px[:, 200:], P.CUT_OFF),
        (lambda px: px[:220], P.CUT_OFF),
        (turned(38), P.TILTED),
        (turned(-38), P.TILTED),
    ],
    ids=["dark", "burnt", "flat", "unfocused", "moved", "shaken", "far", "half", "no chin", "tilted", "tilted back"],
)
def test_the_spoilt_do_not(
    photo: Callable[[str], Image], judge: Callable[[Image], Assessment], name: str, spoil: Change, reason: Problem
) -> None:
    """For that reason, or because not even a face is found. Half a face may be seen as one that is turned away."""
    reasons = {reason, P.NO_FACE, *({P.TURNED} if reason is P.CUT_OFF else ())}
    assert reasons & set(judge(changed(photo(name), spoil)).problems)


def test_what_hardly_spoils_passes(photo: Callable[[str], Image], judge: Callable[[Image], Assessment]) -> None:
    for change in (lambda px: px * 0.7, lambda px: cv2.GaussianBlur(px, (0, 0), 0.8), turned(8)):
        assert judge(changed(photo("obama"), change)).good


def test_sharpness_and_light_do_not_depend_on_the_size(pipeline: Pipeline) -> None:
    found = [picture("obama", pipeline, View(size=size)) for size in (120, 180, 300)]
    measures = [assess(image, pipeline.detect(image)).measures for image in found]
    assert all(m is not None and m.sharpness == pytest.approx(0.34, abs=0.03) for m in measures)
    assert all(m is not None and m.light == pytest.approx(measures[0].light, abs=3) for m in measures if measures[0])


def test_nobody(judge: Callable[[Image], Assessment]) -> None:
    found = judge(Image(np.full((90, 120, 3), 80, np.uint8), "grey"))
    assert found.problems == (P.NO_FACE,)
    assert found.measures is None


def face(x: float, y: float, size: float, points: np.ndarray | None = None) -> Detection:
    """A face whose box is a square of ``size`` px with its middle at (x, y)."""
    box = np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2], np.float32)
    placed = landmarks() * size / 2.6 + (x, y) if points is None else points
    return Detection(box, 0.99, placed.astype(np.float32))


@pytest.mark.parametrize("yaw", [-35, -10, 0, 20])
@pytest.mark.parametrize("roll", [-20, 0, 30])
def test_the_angles_are_those_of_a_head_that_was_turned(yaw: float, roll: float) -> None:
    for points in (landmarks(yaw, 0, roll), landmarks(yaw, 0, roll) * 80 + 300):
        assert pose(points) == pytest.approx((yaw, 0, roll), abs=1)
    assert pose(landmarks(0, yaw, roll)) == pytest.approx((0, yaw, roll), abs=1)


def test_turned_and_nodded_at_once() -> None:
    for yaw, pitch in ((20, 15), (-20, 15), (25, -20)):
        assert pose(landmarks(yaw, pitch)) == pytest.approx((yaw, pitch, 0), abs=10)


def test_the_mirror_image_turns_and_tilts_the_other_way(pipeline: Pipeline, photo: Callable[[str], Image]) -> None:
    points = landmarks(25, 10, 15)
    mirrored = (points * (-1, 1))[[1, 0, 2, 4, 3]].astype(np.float32)
    assert pose(mirrored) == pytest.approx(np.array(pose(points)) * (-1, 1, -1), abs=1e-3)
    other_way = changed(photo("obama2"), lambda px: px[:, ::-1])
    yaw, _, roll = pose(pipeline.detect(photo("obama2"))[0].landmarks)
    assert abs(yaw) > 15
    mirror_yaw, _, mirror_roll = pose(pipeline.detect(other_way)[0].landmarks)
    assert (mirror_yaw, mirror_roll) == pytest.approx((-yaw, -roll), abs=6)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), 7), landmarks() * (1, 0), landmarks() * (-1, 1)])
def test_landmarks_like_no_face(points: np.ndarray) -> None:
    assert all(map(math.isfinite, pose(points.astype(np.float32))))
    canvas = Image(np.full((HEIGHT, WIDTH, 3), 128, np.uint8), "grey")
    assert assess(canvas, [face(300, 200, 150, points)]).problems


@pytest.mark.parametrize(
    ("faces", "problems"),
    [
        ([(320, 240, 160)], ()),
        ([(320, 240, 63)], (P.TOO_FAR,)),
        ([(320, 240, 450)], ()),
        ([(320, 240, 900)], (P.TOO_NEAR,)),
        ([(30, 240, 160)], (P.CUT_OFF,)),
        ([(60, 240, 160)], ()),
        ([(200, 240, 160), (460, 240, 90)], (P.TWO_FACES,)),
        ([(200, 240, 160), (460, 240, 70)], ()),  # somebody in the background
    ],
)
def test_where_the_face_is(faces: list[tuple[float, float, float]], problems: tuple[Problem, ...]) -> None:
    assert assess(squares(), [face(*given) for given in faces]).problems == problems


def test_the_limits_are_the_callers() -> None:
    assert assess(squares(), [face(320, 240, 160)], Limits(size=200)).problems == (P.TOO_FAR,)
    assert assess(squares(), [face(320, 240, 160)], Limits(sharpness=99)).problems == (P.BLURRED,)


def test_every_problem_says_what_to_do() -> None:
    messages = [problem.message for problem in Problem]
    assert len(set(messages)) == len(messages)
    assert all(": " in message and "\n" not in message for message in messages)


# Enrolment ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def gallery(tmp_path: Path, pipeline: Pipeline) -> Gallery:
    return Gallery.open(tmp_path / "people.db", backbone=pipeline.backbone)


def test_enroll_refuses_a_poor_shot_with_the_reasons(
    photo: Callable[[str], Image], pipeline: Pipeline, gallery: Gallery
) -> None:
    dark = changed(photo("obama"), lambda px: cv2.GaussianBlur(px, (0, 0), 3.5) * 0.25)
    with pytest.raises(PoorShot, match=r"^obama: not good enough to enrol: too dark: .*; .*") as poor:
        pipeline.enroll("Ada", [photo("obama"), dark], gallery, gate=True)
    assert {"too-dark", "flat"} <= set(poor.value.problems)
    assert poor.value.http == 422
    assert len(gallery) == 0  # all or none
    assert len(pipeline.enroll("Ada", [photo("obama"), dark], gallery)) == 2  # nobody asked for good ones
    gallery.close()


def test_enroll_each_refuses_only_the_poor_ones(
    photo: Callable[[str], Image], pipeline: Pipeline, gallery: Gallery
) -> None:
    dark = changed(photo("biden"), lambda px: px * 0.2)
    items = [("Ada", photo("obama")), ("Ben", dark), ("Ada", photo("obama2"))]
    outcomes = list(pipeline.enroll_each(items, gallery, gate=True))
    assert [type(outcome.error) if isinstance(outcome, Failed) else None for outcome in outcomes] == [
        None,
        PoorShot,
        None,
    ]
    assert [person.name for person in gallery.people()] == ["Ada"]
    gallery.close()


# LFW ------------------------------------------------------------------------------------------------------------------


def test_most_faces_of_lfw_pass(lfw: Path, pipeline: Pipeline) -> None:
    """A sample of the people that the limits were not set with; how the crops frame their face is left out."""
    names = sorted({path.stem.rpartition("_")[0] for path in (lfw / "images").glob("*.jpg")})[1::2][::5]
    files = [lfw / "images" / f"{name}_0001.jpg" for name in names]
    framing = {P.CUT_OFF, P.TOO_NEAR, P.TWO_FACES}
    outcomes = list(pipeline.detect_each((path for path in files if path.exists()), pictures=True))
    passed = [not set(assess(o.image, o.value).problems) - framing for o in outcomes if isinstance(o, Done)]
    assert len(passed) > 30
    assert np.mean(passed) > 0.93
