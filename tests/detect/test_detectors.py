"""What holds for every detector. Where the samples' faces are was read off the pictures by eye."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from facepipe.detect.base import CloseDetector, Detector, load_detector
from facepipe.errors import UsageError
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Image
from tests.detect.portraits import NOISE, SEEN, cut, iou, width


@pytest.fixture(scope="module", params=["yunet", "mtcnn"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def detector(kind: str) -> Detector:
    return load_detector(kind)


@pytest.fixture(scope="module")
def found(detector: Detector, pictures: dict[str, Image]) -> dict[str, list[Detection]]:
    return {name: detector.detect(picture) for name, picture in pictures.items()}


# Faces ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEEN)
def test_the_one_face_of_a_portrait_is_where_the_eye_sees_it(found: dict[str, list[Detection]], name: str) -> None:
    (face,) = found[name]
    landmarks, box = SEEN[name]
    assert face.score > 0.99
    assert iou(face.box, np.array(box)) > 0.75
    assert np.linalg.norm(face.landmarks - landmarks, axis=1).max() < 0.1 * width(face)


@pytest.mark.parametrize("name", SEEN)
def test_a_face_that_fills_the_frame(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image], name: str
) -> None:
    crop = cut(pictures[name], found[name][0].box)
    (face,) = detector.detect(Image(crop, name))
    assert iou(face.box, np.array([0, 0, crop.shape[1], crop.shape[0]])) > 0.8


@pytest.mark.parametrize(("dx", "dy"), [(0.3, 0), (0, 0.3), (0.2, 0.2)])
@pytest.mark.parametrize("name", ["astronaut.png", "biden.jpg", "obama.jpg"])
def test_a_face_cut_by_the_border_reaches_past_it(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image], name: str, dx: float, dy: float
) -> None:
    whole = found[name][0]
    left = int(whole.box[0] + dx * width(whole)) if dx else 0
    top = int(whole.box[1] + dy * (whole.box[3] - whole.box[1])) if dy else 0
    face = detector.detect(Image(pictures[name].pixels[top:, left:], name))[0]
    assert iou(face.box + np.array([left, top, left, top]), whole.box) > 0.6
    assert (face.box[0] < 0) == (dx > 0)
    assert (face.box[1] < 0) == (dy > 0)


def test_several_faces_come_largest_first(detector: Detector, pictures: dict[str, Image]) -> None:
    small, large = (
        cv2.resize(pictures[name].pixels, (400, 500), interpolation=cv2.INTER_AREA)
        for name in ("astronaut.png", "obama.jpg")
    )
    sizes = [face.size for face in detector.detect(Image(np.hstack([small, large, small]), "three"))]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.2 * sizes[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "pixels",
    [
        NOISE,
        cv2.resize(NOISE[:12, :16], (320, 240)),
        *(np.full((200, 200, 3), grey, np.uint8) for grey in (0, 127, 255)),
        NOISE[:12, :12],
        np.tile(NOISE[:12], (1, 10, 1)),
        NOISE[:1, :1],
        NOISE[:1],
        NOISE[:, :1],
    ],
    ids=["noise", "blotches", "black", "grey", "white", "12x12", "strip", "1x1", "row", "column"],
)
@pytest.mark.parametrize("min_face", [12, 32])
def test_no_face_where_there_is_none(kind: str, pixels: np.ndarray, min_face: float) -> None:
    nobody = Image(np.ascontiguousarray(pixels), "nobody")
    assert load_detector(kind, min_face=min_face, min_score=0).detect(nobody) == []


def test_a_picture_of_twelve_pixels_can_hold_a_face(
    kind: str, found: dict[str, list[Detection]], pictures: dict[str, Image]
) -> None:
    crop = cut(pictures["biden.jpg"], found["biden.jpg"][0].box)
    tiny = Image(cv2.resize(crop, (17, 24), interpolation=cv2.INTER_AREA), "tiny")
    assert len(load_detector(kind, min_face=12, min_score=0).detect(tiny)) <= 1  # runs; so small a face may be missed


@pytest.mark.parametrize("name", SEEN)
def test_a_grey_picture_shows_the_same_face(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image], name: str
) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(pictures[name].pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    (face,), (coloured,) = detector.detect(Image(grey, name)), found[name]
    assert iou(face.box, coloured.box) > 0.85
    assert np.abs(face.landmarks - coloured.landmarks).max() < 0.07 * width(coloured)


def test_what_is_found_does_not_hang_on_how_the_pixels_lie(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image]
) -> None:
    pixels = pictures["astronaut.png"].pixels
    turned = np.ascontiguousarray(pixels.transpose(1, 0, 2)).transpose(1, 0, 2)
    (face,) = detector.detect(Image(turned, "turned in memory"))
    assert face.box.tolist() == found["astronaut.png"][0].box.tolist()


# Options --------------------------------------------------------------------------------------------------------------


def test_smaller_faces_than_min_face_are_not_reported(kind: str, pictures: dict[str, Image]) -> None:
    astronaut = pictures["astronaut.png"]  # her face is about 90 px wide
    assert len(load_detector(kind, min_face=80).detect(astronaut)) == 1
    assert load_detector(kind, min_face=100).detect(astronaut) == []


def test_lower_scores_than_min_score_are_not_reported(kind: str, pictures: dict[str, Image]) -> None:
    astronaut = pictures["astronaut.png"]
    (face,) = load_detector(kind, min_score=0).detect(astronaut)
    assert len(load_detector(kind, min_score=face.score).detect(astronaut)) == 1
    assert load_detector(kind, min_score=float(np.nextafter(face.score, 1))).detect(astronaut) == []


@pytest.mark.parametrize(
    "options",
    [
        {"min_face": 11.9},
        {"min_face": -1},
        {"min_face": float("nan")},
        {"min_score": -0.1},
        {"min_score": 1.1},
        {"min_score": float("nan")},
    ],
)
def test_bad_options_are_refused_with_what_is_expected(kind: str, options: dict[str, float]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(UsageError, match=f"{name.replace('_', '-')} {value}: expected"):
        load_detector(kind, **options)  # type: ignore[arg-type]


# Closer ---------------------------------------------------------------------------------------------------------------


def test_a_second_look_finds_the_face_that_is_about_there(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image]
) -> None:
    assert isinstance(detector, CloseDetector)
    for name, image in pictures.items():
        (face,) = found[name]
        off = 0.12 * face.size * np.array([1, -1, 1, -1], np.float32)
        there, nowhere = detector.look(image, np.stack([face.box + off, face.box + 8 * off]))
        eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
        assert np.linalg.norm(there.landmarks - face.landmarks, axis=1).mean() < 0.1 * eyes, name
        assert there.score > 0.95
        assert nowhere.score < 0.7
    assert detector.look(image, np.empty((0, 4), np.float32)) == []


def test_a_scan_finds_what_a_search_does(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image]
) -> None:
    assert isinstance(detector, CloseDetector)
    for name, image in pictures.items():
        (face,), (scanned, *_) = found[name], detector.scan(image)
        assert scanned.box == pytest.approx(face.box, abs=0.1 * face.size), name


# Processes and threads ------------------------------------------------------------------------------------------------


def test_threads_that_search_at_once_find_each_their_own(
    detector: Detector, found: dict[str, list[Detection]], pictures: dict[str, Image]
) -> None:
    names = ["astronaut.png", "obama.jpg"] * 2
    with ThreadPoolExecutor(4) as pool:
        for name, faces in zip(names, pool.map(detector.detect, [pictures[name] for name in names]), strict=True):
            assert [face.box.tolist() for face in faces] == [face.box.tolist() for face in found[name]]


def test_a_pipeline_takes_its_detector_to_another_process(kind: str) -> None:
    pipe = pickle.loads(pickle.dumps(Pipeline(detector=kind, min_face=50)))
    assert (pipe.detector.card.name, pipe.detector.min_face) == (kind, 50)
    assert copy.copy(pipe).detector.min_score == load_detector(kind).card.min_score
