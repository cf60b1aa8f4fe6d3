"""What is kept of a face is wide enough that any backbone's chip can be cut from it, nearly as from the photo."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from facepipe import Pipeline, read_image
from facepipe.align.cut import cut_chip
from facepipe.align.kept import SIDE, WIDE, keep, recut
from facepipe.align.transform import ARCFACE, ARCFACE_SIZE
from facepipe.doctor.pictures import _aligned
from facepipe.embed.base import templates
from facepipe.networks.cards import Input, all_cards
from facepipe.records import Image, StoredChip

ARC = Input(ARCFACE_SIZE, "RGB", (127.5,), (1 / 127.5,), ARCFACE)
SPECS = {"arcface": ARC} | {card.name: card.chip for card in all_cards("backbone")}


@pytest.fixture(scope="module")
def portrait(samples: Path) -> Image:
    pixels = read_image(samples / "obama.jpg").pixels
    scale = 500 / max(pixels.shape)
    return Image(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), "obama.jpg")


@pytest.fixture(scope="module")
def landmarks(pipeline: Pipeline, portrait: Image) -> np.ndarray:
    return pipeline.detect(portrait)[0].landmarks


@pytest.mark.parametrize("name", SPECS)
def test_a_chip_cut_from_it_shows_what_one_from_the_photo_does(
    name: str, portrait: Image, landmarks: np.ndarray
) -> None:
    spec = SPECS[name]
    chip = recut(keep(portrait, landmarks), spec, None)
    direct = cut_chip(portrait, landmarks, spec)
    assert chip is not None
    assert chip.pixels.shape == direct.pixels.shape
    difference = np.abs(chip.pixels.astype(int) - direct.pixels)
    assert difference.mean() < 3
    assert np.quantile(difference, 0.999) < 40  # nowhere is it black where the photo is not


@pytest.mark.parametrize("name", SPECS)
def test_all_of_a_backbones_crop_lies_within_it(name: str) -> None:
    """With room to spare: faces differ from any template, and so do the crops that are fitted to it."""
    spec = SPECS[name]
    inside = cut_chip(Image(np.full((SIDE, SIDE, 3), 255, np.uint8), "white"), WIDE.template_points(), spec)
    assert (inside.pixels == 255).all()


def test_the_template_made_from_it_is_nearly_that_of_the_photo(
    pipeline: Pipeline, portrait: Image, landmarks: np.ndarray
) -> None:
    spec = pipeline.backbone.card.chip
    chip = recut(keep(portrait, landmarks), spec, None)
    assert chip is not None
    first, second = templates(pipeline.backbone, [chip, cut_chip(portrait, landmarks, spec)])
    assert first.cosine(second) > 0.995


def test_a_chip_of_an_older_facepipe_is_used_as_it_is_by_its_own_network(
    pipeline: Pipeline, portrait: Image, landmarks: np.ndarray
) -> None:
    spec = pipeline.backbone.card.chip
    pixels = cut_chip(portrait, landmarks, spec).pixels
    stored = StoredChip(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
    same = recut(stored, spec, spec)
    assert same is not None
    assert np.array_equal(same.pixels, pixels)
    other = recut(stored, ARC, spec)
    assert other is not None
    assert other.pixels.shape == (112, 112, 3)
    assert recut(stored, ARC, None) is None  # nothing says where the face is
    assert recut(StoredChip(b"\xff\xd8\xffnone"), ARC, spec) is None


def test_the_doctor_sees_the_same_face_in_both(pipeline: Pipeline, portrait: Image, landmarks: np.ndarray) -> None:
    spec = pipeline.backbone.card.chip
    old = StoredChip(cv2.imencode(".png", cut_chip(portrait, landmarks, spec).pixels[..., ::-1])[1].tobytes())
    faces = [_aligned(old, spec), _aligned(keep(portrait, landmarks), spec)]
    assert faces[0] is not None
    assert faces[1] is not None
    assert np.abs(faces[0].astype(int) - faces[1]).mean() < 12  # an old one's landmarks are where they are on average
