"""Where the samples' faces are was read off the pictures by eye; facenet-pytorch's MTCNN is the second opinion."""

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import facenet_pytorch
import numpy as np
import pytest
import torch
from facenet_pytorch.models import mtcnn as reference

from facepipe.cards import load_card
from facepipe.detect import mtcnn
from facepipe.detect._mtcnn_nets import ONet, PNet, RNet
from facepipe.detect.base import CloseDetector, load_detector
from facepipe.detect.mtcnn import FACTOR, Mtcnn, pyramid
from facepipe.errors import UsageError, WeightsAltered
from facepipe.image import read_image
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Image
from facepipe.weights import locate

# Eyes, nose, mouth corners by eye, then x of the cheeks and y of forehead and chin.
SEEN = {
    "astronaut.png": ([(204, 101), (246, 103), (223, 130), (206, 142), (243, 142)], (181, 65, 264, 182)),
    "biden.jpg": ([(530, 322), (642, 345), (610, 405), (513, 470), (631, 487)], (415, 160, 710, 585)),
    "obama.jpg": ([(445, 213), (546, 212), (498, 272), (441, 320), (553, 320)], (370, 80, 615, 420)),
    "obama2.jpg": ([(248, 369), (366, 380), (277, 449), (253, 514), (349, 519)], (200, 230, 480, 640)),
    "obama3.jpg": ([(732, 385), (858, 396), (812, 453), (732, 510), (847, 521)], (625, 230, 915, 625)),
}
NOISE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)


@pytest.fixture(scope="module")
def pictures(samples: Path) -> dict[str, Image]:
    return {name: read_image(samples / name) for name in SEEN}


@pytest.fixture(scope="module")
def detector(pipeline: Pipeline) -> Mtcnn:
    assert isinstance(pipeline.detector, Mtcnn)
    return pipeline.detector


@pytest.fixture(scope="module")
def found(detector: Mtcnn, pictures: dict[str, Image]) -> dict[str, list[Detection]]:
    return {name: detector.detect(picture) for name, picture in pictures.items()}


@pytest.fixture(scope="module")
def theirs() -> facenet_pytorch.MTCNN:
    return facenet_pytorch.MTCNN(min_face_size=32)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def width(face: Detection) -> float:
    return float(face.box[2] - face.box[0])


# Faces ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEEN)
def test_the_one_face_of_a_portrait_is_where_the_eye_sees_it(found: dict[str, list[Detection]], name: str) -> None:
    (face,) = found[name]
    landmarks, box = SEEN[name]
    assert face.score > 0.99
    assert iou(face.box, np.array(box)) > 0.75
    assert np.linalg.norm(face.landmarks - landmarks, axis=1).max() < 0.1 * width(face)


@pytest.mark.parametrize("name", SEEN)
def test_the_same_faces_as_facenet_pytorch(
    found: dict[str, list[Detection]], pictures: dict[str, Image], theirs: facenet_pytorch.MTCNN, name: str
) -> None:
    (face,) = found[name]
    boxes, _, landmarks = theirs.detect(pictures[name].pixels, landmarks=True)
    assert iou(face.box, boxes[0]) > 0.95
    assert np.abs(face.landmarks - landmarks[0]).max() < 0.01 * width(face)


@pytest.mark.parametrize("name", ["biden.jpg", "obama.jpg"])
def test_a_face_that_fills_the_frame(
    detector: Mtcnn, found: dict[str, list[Detection]], pictures: dict[str, Image], name: str
) -> None:
    x0, y0, x1, y1 = found[name][0].box.round().astype(int)
    (face,) = detector.detect(Image(pictures[name].pixels[y0:y1, x0:x1], name))
    assert iou(face.box, np.array([0, 0, x1 - x0, y1 - y0])) > 0.8


@pytest.mark.parametrize(("dx", "dy"), [(0.3, 0), (0, 0.3), (0.2, 0.2)])
@pytest.mark.parametrize("name", ["astronaut.png", "biden.jpg", "obama.jpg"])
def test_a_face_cut_by_the_border_reaches_past_it(
    detector: Mtcnn, found: dict[str, list[Detection]], pictures: dict[str, Image], name: str, dx: float, dy: float
) -> None:
    whole = found[name][0]
    left = int(whole.box[0] + dx * width(whole)) if dx else 0
    top = int(whole.box[1] + dy * (whole.box[3] - whole.box[1])) if dy else 0
    face = detector.detect(Image(pictures[name].pixels[top:, left:], name))[0]
    assert iou(face.box + np.array([left, top, left, top]), whole.box) > 0.6
    assert (face.box[0] < 0) == (dx > 0)
    assert (face.box[1] < 0) == (dy > 0)


def test_several_faces_come_largest_first(detector: Mtcnn, pictures: dict[str, Image]) -> None:
    small, large = (
        cv2.resize(pictures[name].pixels, (400, 500), interpolation=cv2.INTER_AREA)
        for name in ("astronaut.png", "obama.jpg")
    )
    sizes = [face.size for face in detector.detect(Image(np.hstack([small, large, small]), "three"))]
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.2 * sizes[1]


@pytest.mark.parametrize(
    "pixels",
    [
        NOISE,
        cv2.resize(NOISE[:12, :16], (320, 240)),
        *(np.full((200, 200, 3), grey, np.uint8) for grey in (0, 127, 255)),
        NOISE[:12, :12],
        np.tile(NOISE[:12], (1, 10, 1)),
    ],
    ids=["noise", "blotches", "black", "grey", "white", "12x12", "strip"],
)
@pytest.mark.parametrize("min_face", [12, 32])
def test_no_face_where_there_is_none(pixels: np.ndarray, min_face: float) -> None:
    assert load_detector(min_face=min_face, min_score=0).detect(Image(pixels, "nobody")) == []


def test_a_picture_of_twelve_pixels_can_hold_a_face(
    found: dict[str, list[Detection]], pictures: dict[str, Image]
) -> None:
    x0, y0, x1, y1 = found["biden.jpg"][0].box.round().astype(int)
    crop = pictures["biden.jpg"].pixels[y0:y1, x0:x1]
    tiny = Image(cv2.resize(crop, (17, 24), interpolation=cv2.INTER_AREA), "tiny")
    assert len(load_detector(min_face=12, min_score=0).detect(tiny)) <= 1  # runs; so small a face may be missed


# Options --------------------------------------------------------------------------------------------------------------


def test_smaller_faces_than_min_face_are_not_reported(pictures: dict[str, Image]) -> None:
    astronaut = pictures["astronaut.png"]  # her face is 91 px wide
    assert len(load_detector(min_face=80).detect(astronaut)) == 1
    assert load_detector(min_face=95).detect(astronaut) == []


def test_lower_scores_than_min_score_are_not_reported(pictures: dict[str, Image]) -> None:
    astronaut = pictures["astronaut.png"]
    (face,) = load_detector(min_score=0).detect(astronaut)
    assert len(load_detector(min_score=face.score).detect(astronaut)) == 1
    assert load_detector(min_score=float(np.nextafter(face.score, 1))).detect(astronaut) == []


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
def test_bad_options_are_refused_with_what_is_expected(options: dict[str, float]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(UsageError, match=f"{name.replace('_', '-')} {value}: expected"):
        load_detector(**options)  # type: ignore[arg-type]


# Networks and weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "side"), [(PNet, 40), (RNet, 24), (ONet, 48)])
def test_networks_equal_facenet_pytorchs(ours: type[torch.nn.Module], side: int) -> None:
    theirs = getattr(reference, ours.__name__)().eval()
    mine = ours().eval()
    mine.load_state_dict(theirs.state_dict())
    batch = torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, got = theirs(batch), mine(batch)
    expected = sorted(expected, key=lambda t: t.shape[1])
    (regressions, scores, *points), by_name = got, {t.shape[1]: t for t in expected}
    assert (regressions - by_name[4]).abs().max() <= 1e-6
    assert (scores - by_name[2][:, 1]).abs().max() <= 1e-6
    assert all((t - by_name[10]).abs().max() <= 1e-6 for t in points)
    assert len(points) == (ours is ONet)


@pytest.mark.parametrize("altered", [0, 1, 2])
def test_weights_with_one_byte_flipped_are_refused(detector: Mtcnn, tmp_path: Path, altered: int) -> None:
    copies = [Path(shutil.copy(path, tmp_path)) for path in locate(detector.card)]
    entries = tuple(replace(entry, file=Path(entry.file).name, package=None) for entry in detector.card.weights)
    card = replace(load_card(detector.card.path), path=tmp_path / "mtcnn.toml", weights=entries)
    assert isinstance(mtcnn.load(card, "cpu", 32, 0.9), Mtcnn)
    data = bytearray(copies[altered].read_bytes())
    data[len(data) // 2] ^= 1
    copies[altered].write_bytes(data)
    with pytest.raises(WeightsAltered, match=copies[altered].name):
        mtcnn.load(card, "cpu", 32, 0.9)


# Parts ----------------------------------------------------------------------------------------------------------------


def test_the_pyramid_shrinks_by_the_factor_until_a_window_no_longer_fits() -> None:
    levels = list(pyramid(100, 200, 0.375))
    # 100 · 0.375 · 0.709ᵏ ≥ 8 for k up to 4
    assert [scale for *_, scale in levels] == pytest.approx([0.375 * FACTOR**k for k in range(5)])
    assert [(height, width) for height, width, _ in levels] == [(38, 76), (27, 54), (19, 38), (14, 27), (10, 19)]
    assert list(pyramid(12, 5000, 0.375)) == []


def test_inputs_are_what_the_networks_are_shown(detector: Mtcnn, found, pictures: dict[str, Image]) -> None:
    shown = detector.inputs(pictures["obama.jpg"], found["obama.jpg"][0])
    assert {name: pixels.shape for name, pixels in shown.items() if name != "pnet"} == {
        "rnet": (24, 24, 3),
        "onet": (48, 48, 3),
    }
    large, small = shown["onet"].astype(int), shown["rnet"].astype(int)
    assert np.abs(large.reshape(24, 2, 24, 2, 3).mean(axis=(1, 3)) - small).mean() < 3


def test_a_second_look_finds_the_face_that_is_about_there(pictures: dict[str, Image], pipeline: Pipeline) -> None:
    detector = pipeline.detector
    assert isinstance(detector, CloseDetector)
    for name, image in pictures.items():
        (face, *_) = detector.detect(image)
        off = 0.12 * face.size * np.array([1, -1, 1, -1], np.float32)
        there, nowhere = detector.look(image, np.stack([face.box + off, face.box + 8 * off]))
        eyes = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
        assert np.linalg.norm(there.landmarks - face.landmarks, axis=1).mean() < 0.1 * eyes, name
        assert there.score > 0.95
        assert nowhere.score < 0.7
    assert detector.look(image, np.empty((0, 4), np.float32)) == []


def test_a_look_at_one_place_is_that_at_several(pictures: dict[str, Image], detector: Mtcnn) -> None:
    """Only the part of the image around the places is looked at; what lies beyond the border stays so."""
    image = pictures["obama.jpg"]
    corners = np.array([[400, 120], [-80, 200], [image.width - 90, image.height - 100], [5000, 40]], np.float32)
    boxes = np.hstack([corners, corners + 210])
    together = detector.look(image, np.vstack([boxes, [[0, 0, image.width, image.height]]]).astype(np.float32))
    for box, face in zip(boxes, together, strict=False):
        (alone,) = detector.look(image, box[None])
        assert alone.box == pytest.approx(face.box, abs=1e-2)
        assert alone.landmarks == pytest.approx(face.landmarks, abs=1e-2)
        assert alone.score == pytest.approx(face.score, abs=1e-4)


def test_a_scan_finds_what_a_search_does(pictures: dict[str, Image], pipeline: Pipeline) -> None:
    detector = pipeline.detector
    assert isinstance(detector, CloseDetector)
    for name, image in pictures.items():
        (face, *_), (scanned, *_) = detector.detect(image), detector.scan(image)
        assert scanned.box == pytest.approx(face.box, abs=0.1 * face.size), name
