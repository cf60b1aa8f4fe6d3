"""The chips of another device beside those of ``cut_chip``, all on the CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facepipe.align.cut import cut_chip
from facepipe.align.cut_torch import MOST_SAMPLES, cut_chips
from facepipe.defaults import BACKBONE
from facepipe.embed.base import templates
from facepipe.errors import DeviceUnavailable, FaceError
from facepipe.image import read_image
from facepipe.networks.cards import find_card
from facepipe.pipeline import Pipeline
from facepipe.records import Chip, Floats, Image

pytestmark = pytest.mark.slow

SPEC = find_card(BACKBONE).chip


def pair(image: Image, landmarks: Floats) -> tuple[Chip, Chip]:
    """The chip of each way."""
    (found,) = cut_chips(image, [landmarks], SPEC, "cpu")
    assert found is not None
    return found, cut_chip(image, landmarks, SPEC)


def moved(landmarks: Floats, scale: float, degrees: float = 0, by: tuple[float, float] = (0, 0)) -> Floats:
    """``landmarks`` (5, 2) made larger and turned about their centre, then shifted, px."""
    centre = landmarks.mean(axis=0)
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return ((landmarks - centre) @ np.array([[c, s], [-s, c]]) + centre + by).astype(np.float32)


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 8.0])
@pytest.mark.parametrize("degrees", [0, 40, 180])
def test_it_is_the_cpus_chip_to_one_of_255(samples: Path, scale: float, degrees: float) -> None:
    image = read_image(samples / "astronaut.png")
    points = moved(SPEC.template_points() * 0.6 + (180, 60), scale, degrees)  # about where the face is
    found, expected = pair(image, points)
    apart = np.abs(found.pixels.astype(int) - expected.pixels)
    assert apart.max() <= 1
    assert apart.mean() <= 0.2
    assert expected.pixels.std() > 10
    assert np.array_equal(found.to_chip, expected.to_chip)


def test_templates_are_the_same(pipeline: Pipeline, samples: Path) -> None:
    """Measured: cosine 0.99999 at least, of raw embeddings."""
    image = read_image(samples / "obama.jpg")
    (face,) = pipeline.faces(image)
    ours, theirs = templates(pipeline.backbone, pair(image, face.detection.landmarks))
    assert ours.cosine(theirs) >= 0.9999


@pytest.mark.parametrize("by", [(-300, 0), (0, 400), (10_000, 0)])
def test_what_lies_outside_is_black(samples: Path, by: tuple[float, float]) -> None:
    image = read_image(samples / "astronaut.png")
    found, expected = pair(image, moved(SPEC.template_points(), 2, 0, (180 + by[0], 60 + by[1])))
    assert np.abs(found.pixels.astype(int) - expected.pixels).max() <= 1
    assert not found.pixels.all()


def test_a_face_too_large_for_it_is_left_to_the_cpu() -> None:
    noise = Image(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8), "noise")
    assert cut_chips(noise, [moved(SPEC.template_points(), MOST_SAMPLES + 1)], SPEC, "cpu") == [None]


def test_several_faces_keep_their_order(samples: Path) -> None:
    image = read_image(samples / "astronaut.png")
    places = [moved(SPEC.template_points(), 1, 0, by) for by in ((200, 50), (60, 200), (0, 0))]
    alone = [cut_chips(image, [points], SPEC, "cpu")[0].pixels for points in places]
    together = [chip.pixels for chip in cut_chips(image, places, SPEC, "cpu")]
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    assert cut_chips(image, [], SPEC, "cpu") == []


def test_a_pipeline_cuts_on_its_device(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, pipe, asked = read_image(samples / "obama.jpg"), Pipeline(), list[str]()
    detections = pipe.detect(image)
    (expected,) = cut_chips(image, [detections[0].landmarks], SPEC, "cpu")

    def stand_in(name: str) -> torch.device:
        asked.append(name)
        return torch.device("cpu")

    monkeypatch.setattr("facepipe.align.cut_torch.torch_device", stand_in)
    monkeypatch.setattr(pipe, "_device", "cuda:1")
    (face,) = pipe.describe(image, detections)
    assert asked == ["cuda:1"]
    assert np.array_equal(face.chip.pixels, expected.pixels)


def test_errors_are_the_cpus() -> None:
    image = Image(np.zeros((80, 80, 3), np.uint8), "odd.jpg")
    with pytest.raises(FaceError, match=r"^odd\.jpg: a face cannot be aligned"):
        cut_chips(image, [np.full((5, 2), 40, np.float32)], SPEC, "cpu")
    with pytest.raises(DeviceUnavailable, match="cuda:99"):
        cut_chips(image, [], SPEC, "cuda:99")
