"""OpenCV's own FaceDetectorYN is the reference for YuNet, MTCNN for what comes of it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from facepipe.detect import yunet, yunet_net
from facepipe.detect.base import CloseDetector, Detector, OpenDetector, load_detector
from facepipe.detect.boxes import suppress
from facepipe.detect.onet import ENOUGH, ONet
from facepipe.detect.yunet import AGREES, ALONE, OVERLAP, OWN, PROPOSE, Proposals, YuNet, sizes
from facepipe.detect.yunet_net import BOX, CENTRE, FACE, LANDMARKS, STRIDES
from facepipe.errors import CardInvalid, WeightsAltered
from facepipe.image import read_image
from facepipe.networks.cards import find_card, load_card
from facepipe.networks.weights import locate
from facepipe.records import Detection, Image
from tests.by_onnxruntime import by_onnxruntime, taken
from tests.detect.portraits import NOISE, SEEN, cut, iou

CARD = find_card("yunet", "detector")
FILE, ONET = locate(CARD)


@pytest.fixture(scope="module")
def detector() -> YuNet:
    found = load_detector("yunet")
    assert isinstance(found, YuNet)
    return found


@pytest.fixture(scope="module")
def mtcnn() -> Detector:
    return load_detector("mtcnn")


def smaller(image: Image, scale: float) -> Image:
    return Image(cv2.resize(image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), image.source)


# YuNet ----------------------------------------------------------------------------------------------------------------


def by_opencv(pixels: np.ndarray) -> Proposals:
    """What OpenCV sees in a picture whose sides are multiples of 32."""
    height, width = pixels.shape[:2]
    theirs = cv2.FaceDetectorYN.create(str(FILE), "", (width, height), PROPOSE, OVERLAP, 5000)
    _, rows = theirs.detect(np.ascontiguousarray(pixels[..., ::-1]))
    found = np.empty((0, 15), np.float32) if rows is None else rows
    boxes = np.hstack([found[:, :2], found[:, :2] + found[:, 2:4]])
    return Proposals(boxes, found[:, 14], found[:, 4:14].reshape(-1, 5, 2))


def assert_the_same(detector: YuNet, image: Image) -> int:
    """How many both see."""
    pixels = np.ascontiguousarray(image.pixels[: image.height // 32 * 32, : image.width // 32 * 32])
    seen, expected = detector._see(pixels, 0), by_opencv(pixels)
    kept = suppress(seen.boxes, seen.scores, OVERLAP)
    assert len(kept) == len(expected.scores)
    for part, other in zip(seen, expected, strict=True):
        assert part[kept] == pytest.approx(other, rel=1e-4, abs=0.02)
    return len(kept)


@pytest.mark.slow
def test_the_samples_are_seen_as_by_opencv(detector: YuNet, pictures: dict[str, Image]) -> None:
    """Boxes and landmarks to a fiftieth of a px, scores."""
    for name, image in pictures.items():
        assert assert_the_same(detector, image) >= 1, name
        assert assert_the_same(detector, smaller(image, 0.4)) >= 1, name


def test_photos_of_several_people_are_seen_as_by_opencv(detector: YuNet, people: Path) -> None:
    counts = {
        name: assert_the_same(detector, read_image(people / name)) for name in ("multiface.jpg", "two_people.jpg")
    }
    assert counts == {"multiface.jpg": 6, "two_people.jpg": 2}


def test_where_opencv_sees_nothing_nothing_is_seen(detector: YuNet) -> None:
    assert assert_the_same(detector, Image(NOISE, "noise")) == 0
    assert assert_the_same(detector, Image(np.zeros((64, 64, 3), np.uint8), "black")) == 0


@pytest.mark.slow
def test_the_network_says_what_the_file_says_at_its_size_and_works_at_others() -> None:
    original = onnx.load_model(FILE)
    original.graph.CopyFrom(taken(original.graph))
    picture = np.random.default_rng(0).integers(0, 256, (1, 640, 640, 3)).astype(np.uint8)
    expected = by_onnxruntime(original, input=picture[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32))
    network = yunet_net.read(FILE)
    for level, says in enumerate(network(picture=picture)):
        faces, centres, boxes, landmarks = (part[0].T for part in expected[level :: len(STRIDES)])
        flat = says[0].reshape(16, -1)
        odds = 1 / (1 + np.exp(-flat[[FACE, CENTRE]]))
        assert odds == pytest.approx(np.vstack([faces, centres]), abs=1e-5)
        assert flat[BOX] == pytest.approx(boxes, abs=1e-4)
        assert flat[LANDMARKS] == pytest.approx(landmarks, abs=1e-4)
    shown = network(picture=picture[:, :64, :96])
    assert [says.shape for says in shown] == [(1, 16, 8, 12), (1, 16, 4, 6), (1, 16, 2, 3)]


@pytest.mark.parametrize("margin", [0, 40, 61])
def test_a_margin_leaves_a_face_where_it_is(detector: YuNet, pictures: dict[str, Image], margin: int) -> None:
    seen = detector._see(pictures["obama.jpg"].pixels, margin)
    assert iou(seen.boxes[seen.scores.argmax()], np.array(SEEN["obama.jpg"][1])) > 0.7


# Sizes ----------------------------------------------------------------------------------------------------------------


def test_the_smallest_face_asked_for_says_how_small_a_picture_is_looked_at() -> None:
    assert [size[:2] for size in sizes(480, 640, 12)] == [(480, 640), (120, 160)]
    assert [size[:2] for size in sizes(480, 640, 28)] == [(240, 320)]
    assert next(sizes(3000, 4000, 56)) == (750, 1000, 0)


def test_only_the_last_size_has_a_margin_and_shows_what_fills_the_picture_whole() -> None:
    *before, (height, width, margin) = sizes(3000, 4000, 14)
    assert before == [(3000, 4000, 0), (750, 1000, 0)]
    assert (height, width) == (188, 250)
    assert margin == round(yunet.MARGIN * 3000 / 16)
    assert height <= yunet.LARGEST


def test_a_small_picture_is_not_made_smaller() -> None:
    assert [size[:2] for size in sizes(100, 140, 32)] == [(100, 140)]
    assert [size[:2] for size in sizes(100, 140, 1000)] == [(100, 140)]
    ((_, width, _),) = sizes(1500, 2000, 1000)
    assert width == yunet.SMALL


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4000), (4000, 1), (12, 9000)])
def test_no_size_is_nothing(height: int, width: int) -> None:
    assert all(min(size[:2]) >= 1 for size in sizes(height, width, 32))


@pytest.mark.parametrize("size", [(1137, 910), (1000, 800), (569, 455), (380, 300), (142, 113)])
def test_a_shrunk_picture_is_the_mean_of_what_it_was(pictures: dict[str, Image], size: tuple[int, int]) -> None:
    pixels = pictures["obama.jpg"].pixels
    found, (across, down) = yunet.shrunk(pixels, *size)
    seen = pixels[: round(down * size[0]), : round(across * size[1])]
    assert found.shape == (*size, 3)
    assert min(np.array(seen.shape[:2]) - pixels.shape[:2]) > -max(across, down)
    expected = cv2.resize(seen, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(found.astype(int) - expected).mean() < 1.5  # half a pixel aside it is 4


@pytest.mark.parametrize("size", [(1, 1), (1, 80), (100, 1)])
def test_a_picture_can_be_shrunk_to_next_to_nothing(pictures: dict[str, Image], size: tuple[int, int]) -> None:
    assert yunet.shrunk(pictures["obama.jpg"].pixels, *size)[0].shape == (*size, 3)


# What comes of it -----------------------------------------------------------------------------------------------------


def missed(image: Image, detector: Detector, mtcnn: Detector) -> list[Detection]:
    """The faces of score ≥ 0.9 that MTCNN finds and ``detector`` does not."""
    found = detector.detect(image)
    sure = [face for face in mtcnn.detect(image) if face.score >= 0.9]
    return [face for face in sure if not any(iou(face.box, other.box) > 0.4 for other in found)]


def test_what_mtcnn_finds_in_the_samples_is_found(detector: YuNet, mtcnn: Detector, pictures: dict[str, Image]) -> None:
    for name, image in pictures.items():
        assert missed(image, detector, mtcnn) == [], name


def test_what_mtcnn_finds_in_photos_is_found(detector: YuNet, mtcnn: Detector, people: Path) -> None:
    photos = sorted(people.rglob("*.jpg"))
    assert len(photos) >= 15
    assert {photo.name: faces for photo in photos if (faces := missed(read_image(photo), detector, mtcnn))} == {}


@pytest.mark.parametrize("size", [60, 100])
def test_what_mtcnn_finds_in_small_pictures_is_found(detector: YuNet, mtcnn: Detector, lfw: Path, size: int) -> None:
    for photo in sorted((lfw / "images").glob("*.jpg"))[::60]:
        image = read_image(photo)
        small = smaller(image, size / mtcnn.detect(image)[0].size)
        assert missed(small, detector, mtcnn) == [], photo.name


def test_a_face_that_fills_12_megapixels_and_one_of_40_px_in_them(
    detector: YuNet, mtcnn: Detector, pictures: dict[str, Image]
) -> None:
    canvas = np.full((3000, 4000, 3), 90, np.uint8)
    (biden,), (obama,) = (mtcnn.detect(pictures[name]) for name in ("biden.jpg", "obama.jpg"))
    large = smaller(Image(cut(pictures["biden.jpg"], biden.box), "large"), 3000 / (biden.box[3] - biden.box[1])).pixels
    canvas[: len(large), 500 : 500 + large.shape[1]] = large[:3000]
    scale, origin = 40 / obama.size, np.array([3700, 2800])
    small = smaller(Image(cut(pictures["obama.jpg"], obama.box, 0.6), "small"), scale).pixels
    canvas[2800 : 2800 + len(small), 3700 : 3700 + small.shape[1]] = small
    corner = np.maximum(obama.box[:2] - 0.6 * (obama.box[2:] - obama.box[:2]), 0)
    found = detector.detect(Image(canvas, "large and small"))
    assert [face.size > 1900 for face in found] == [True, False]
    assert iou(found[1].box, (obama.box - np.tile(corner, 2)) * scale + np.tile(origin, 2)) > 0.7


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("corner", ["left", "right", "top", "bottom"])
def test_a_face_at_the_border(detector: YuNet, pictures: dict[str, Image], name: str, corner: str) -> None:
    """Cheek, hair or chin touches it."""
    image, (x0, y0, x1, y1) = pictures[name], SEEN[name][1]
    left, top = x0 if corner == "left" else 0, y0 if corner == "top" else 0
    right, bottom = x1 if corner == "right" else image.width, y1 if corner == "bottom" else image.height
    face = detector.detect(Image(np.ascontiguousarray(image.pixels[top:bottom, left:right]), name))[0]
    assert iou(face.box + np.array([left, top] * 2), np.array([x0, y0, x1, y1])) > 0.7


class Says:
    """An O-Net that says what it is told of what is about where the proposals are."""

    def __init__(self, proposed: Proposals, judged: Proposals) -> None:
        self.middles, self.judged = proposed.boxes[:, ::2].mean(axis=1), judged

    def guess(self, image: Image, boxes: np.ndarray) -> tuple[np.ndarray, ...]:
        which = np.abs(boxes[:, ::2].mean(axis=1)[:, None] - self.middles).argmin(axis=1)
        return tuple(part[which] for part in self.judged)


def told(proposals: Proposals, judged: Proposals, min_score: float = 0.0) -> list[Detection]:
    """What a detector makes of what YuNet and O-Net say."""
    made = YuNet(CARD, lambda **_: [], Says(proposals, judged), 12, min_score)  # type: ignore[arg-type]
    made.propose = lambda image: proposals  # type: ignore[method-assign]
    return made.detect(Image(np.zeros((100, 100, 3), np.uint8), "told"))


def proposals(*rows: tuple[float, float, float]) -> Proposals:
    """x, side, score of each."""
    boxes = np.array([[x, 0, x + side, side] for x, side, _ in rows], np.float32)
    landmarks = np.array([np.full((5, 2), x) for x, *_ in rows], np.float32)
    return Proposals(boxes, np.array([score for *_, score in rows], np.float32), landmarks)


def test_where_onet_agrees_box_and_score_are_its_and_most_of_the_landmarks() -> None:
    (face,) = told(proposals((10, 30, 0.8)), proposals((12, 32, 0.97)))
    assert face.box.tolist() == [12, 0, 44, 32]
    assert face.score == pytest.approx(0.97)
    assert face.landmarks[0].tolist() == [12 - 2 * OWN, 12 - 2 * OWN]


def test_where_onet_does_not_agree_they_are_yunets_and_less_sure() -> None:
    (face,) = told(proposals((10, 30, 0.99)), proposals((12, 32, 0.3)))
    assert face.box.tolist() == [10, 0, 40, 30]
    assert face.score == pytest.approx(ALONE)
    assert face.landmarks[0].tolist() == [10, 10]
    (face,) = told(proposals((10, 30, 0.6)), proposals((12, 32, float(AGREES) - 0.01)))
    assert face.score == pytest.approx(0.6)


def test_two_proposals_that_onet_moves_to_one_place_are_one_face() -> None:
    found = told(proposals((10, 30, 0.8), (32, 30, 0.7)), proposals((20, 30, 0.95), (21, 30, 0.99)))
    assert [face.score for face in found] == pytest.approx([0.99])


def test_largest_first_and_none_below_the_least_score() -> None:
    seen = proposals((0, 20, 0.95), (40, 40, 0.95), (85, 15, 0.6))
    doubted = proposals((0, 20, 0.1), (40, 40, 0.1), (85, 15, 0.1))
    assert [face.size for face in told(seen, doubted)] == [40, 20, 15]
    assert [face.size for face in told(seen, doubted, 0.75)] == [40, 20]
    assert told(seen, doubted, 0.95) == []


# O-Net ----------------------------------------------------------------------------------------------------------------


def test_onet_says_without_torch_what_it_says_in_torch(
    detector: YuNet, mtcnn: Detector, pictures: dict[str, Image]
) -> None:
    assert isinstance(mtcnn, CloseDetector)
    for name, image in pictures.items():
        x0, y0, x1, y1 = SEEN[name][1]
        places = [(x0, y0, x1, y1), (x0 + 20, y0, x1, y1), (-50, -40, 90, 60), (0, 0, image.width, image.height)]
        boxes = np.array(
            [*places, (image.width - 30, image.height - 30, image.width + 60, image.height + 40)], np.float32
        )
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1).tolist()
        for side, ours, theirs in zip(sides, detector.look(image, boxes), mtcnn.look(image, boxes), strict=True):
            alike = 1e-4 if side < 2 * ENOUGH else 0.05  # a large square is halved first
            assert ours.score == pytest.approx(theirs.score, abs=alike)
            assert ours.box == pytest.approx(theirs.box, abs=alike * side)
            assert ours.landmarks == pytest.approx(theirs.landmarks, abs=alike * side)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_large_square_is_shown_as_a_small_one_would_be(pictures: dict[str, Image], times: int) -> None:
    """The same picture in pixels twice, four times and eight times as large."""
    small = Image(cv2.resize(pictures["obama.jpg"].pixels, (240, 300), interpolation=cv2.INTER_AREA), "small")
    large = Image(small.pixels.repeat(2**times, axis=0).repeat(2**times, axis=1), "large")
    first = np.array([[10, 41, 153, 184], [-20, -9, 123, 134], [140, 200, 283, 343]], np.float32)
    onet = ONet(ONET)
    (boxes, odds, landmarks), found = (
        onet.guess(small, first),
        onet.guess(large, first * 2**times - np.array([2**times - 1] * 2 + [0] * 2)),
    )
    assert found[1] == pytest.approx(odds, abs=1e-3)
    assert found[0] / 2**times == pytest.approx(boxes, abs=1)
    assert found[2] / 2**times == pytest.approx(landmarks, abs=1)


def test_it_can_look_closer_and_has_no_stages_to_show(detector: YuNet, mtcnn: Detector) -> None:
    assert isinstance(detector, CloseDetector)
    assert not isinstance(detector, OpenDetector)
    assert isinstance(mtcnn, OpenDetector)


# Weights --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def remade(tmp_path: Path) -> Callable[[list[Path]], YuNet]:
    """The detector of a card that names these files, with their sha256 as they were before ``change``."""

    def make(files: list[Path], change: Callable[[list[Path]], object] = lambda paths: None) -> YuNet:
        from facepipe.networks.weights import file_sha256

        copies = [Path(shutil.copy(path, tmp_path)) for path in files]
        entry = CARD.weights[0]
        entries = tuple(replace(entry, file=path.name, sha256=file_sha256(path), package=None) for path in copies)
        change(copies)
        card = replace(load_card(CARD.path), path=tmp_path / "yunet.toml", weights=entries)
        return yunet.load(card, "cpu", 32, 0.75)

    return make


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("altered", [0, 1])
def test_weights_with_one_byte_flipped_are_refused(remade: Callable[..., YuNet], altered: int) -> None:
    assert isinstance(remade([FILE, ONET]), YuNet)
    with pytest.raises(WeightsAltered, match=(FILE, ONET)[altered].name):
        remade([FILE, ONET], lambda copies: flip(copies[altered]))


def test_other_networks_are_refused(remade: Callable[..., YuNet]) -> None:
    (sface,) = locate(find_card("sface"))
    pnet, rnet, _ = locate(find_card("mtcnn", "detector"))
    with pytest.raises(WeightsAltered, match=r"sface_2021dec.*: not the weights of YuNet"):
        remade([sface, ONET])
    with pytest.raises(WeightsAltered, match=r"pnet\.pt: not an ONNX model") as caught:
        remade([pnet, ONET])
    assert "\n" not in str(caught.value)
    for other in (pnet, rnet):
        with pytest.raises(WeightsAltered, match=rf"{other.name}: not the weights of MTCNN's O-Net"):
            remade([FILE, other])
    with pytest.raises(WeightsAltered, match=r"\.onnx: not a file of plain tensors"):
        ONet(FILE)


def test_a_card_with_one_file_is_refused(remade: Callable[..., YuNet]) -> None:
    with pytest.raises(CardInvalid, match=r"yunet\.toml: weights: expected the files of YuNet and of O-Net, got 1"):
        remade([FILE])
