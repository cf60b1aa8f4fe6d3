"""facenet-pytorch's MTCNN is the reference."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from facepipe.detect import mtcnn
from facepipe.detect.base import load_detector
from facepipe.detect.mtcnn import FACTOR, Mtcnn, pyramid
from facepipe.detect.mtcnn_nets import ONet, PNet, RNet
from facepipe.errors import WeightsAltered
from facepipe.networks.cards import load_card
from facepipe.networks.weights import locate
from facepipe.records import Detection, Image
from tests.detect.portraits import SEEN, iou, width

if TYPE_CHECKING:
    import facenet_pytorch

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    found = load_detector("mtcnn")
    assert isinstance(found, Mtcnn)
    return found


@pytest.fixture(scope="module")
def found(detector: Mtcnn, pictures: dict[str, Image]) -> dict[str, list[Detection]]:
    return {name: detector.detect(picture) for name, picture in pictures.items()}


@pytest.fixture(scope="module")
def theirs() -> facenet_pytorch.MTCNN:
    import facenet_pytorch  # brings torchvision, which takes seconds to load

    return facenet_pytorch.MTCNN(min_face_size=32)


# Faces ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SEEN)
def test_the_same_faces_as_facenet_pytorch(
    found: dict[str, list[Detection]], pictures: dict[str, Image], theirs: facenet_pytorch.MTCNN, name: str
) -> None:
    (face,) = found[name]
    boxes, _, landmarks = theirs.detect(pictures[name].pixels, landmarks=True)
    assert iou(face.box, boxes[0]) > 0.95
    assert np.abs(face.landmarks - landmarks[0]).max() < 0.01 * width(face)


# Networks and weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "side"), [(PNet, 40), (RNet, 24), (ONet, 48)])
def test_networks_equal_facenet_pytorchs(ours: type[torch.nn.Module], side: int) -> None:
    from facenet_pytorch.models import mtcnn as reference

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
