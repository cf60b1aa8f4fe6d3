from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.embed.base import normalise, templates
from facepipe.image import read_image
from facepipe.inspect import finding
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import backbone_network
from facepipe.inspect.views.coarse import Blurred, Matched, blur, blur_by_depth, match_blurred
from facepipe.inspect.views.coarse_view import UNMATCHED, show_coarse
from facepipe.inspect.views.features import collect, depths
from facepipe.inspect.views.search import Search
from facepipe.page.view import Picture
from facepipe.pipeline import Pipeline
from facepipe.records import Candidate, Chip, Image, Pixels

pytestmark = pytest.mark.slow

SIDE = 128


def scaled(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32).transpose(0, 3, 1, 2) / 255)


def columns() -> Network:
    """A striped face before two channels: the mean of neighbours (coarse) and their difference (fine)."""
    conv = nn.Conv2d(3, 2, (1, 2), bias=False)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[:, 0, 0] = torch.tensor([[0.5, 0.5], [1.0, -1.0]])
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:, ::2, 0] = 255
    return Network("toy", nn.Sequential(conv, nn.ReLU()), pixels, scaled(pixels[None]))


def test_a_blurred_stripe_keeps_its_mean_and_loses_its_difference() -> None:
    found = blur_by_depth(columns(), scaled, sigmas=(0, 4))
    # sharp: mean 0.5, rectified difference 1 in 64 of 127 places; blurred: mean 0.5, difference about 0
    z = np.array([0.5, 64 / 127])
    assert found.similarity[0, 0] == pytest.approx(1, abs=1e-9)
    assert found.similarity[0, 1] == pytest.approx(0.5 / np.linalg.norm(z), abs=0.01)
    assert not found.centred


def test_the_mean_of_other_faces_is_taken_off() -> None:
    network = columns()
    plain, centred = (
        blur_by_depth(network, scaled, gallery, sigmas=(0, 4))
        for gallery in (None, {"1": np.array([[0.5, 0.2], [0.5, 0.3]], np.float32)})
    )
    assert centred.centred
    assert centred.similarity[0, 1] == pytest.approx(-1, abs=0.01)  # only the difference is left: on the other side
    assert plain.similarity[0, 1] > 0.6


def test_blur_keeps_the_mean_and_spreads_a_dot() -> None:
    dot = np.zeros((21, 21, 3), np.uint8)
    dot[10, 10] = 255
    np.testing.assert_array_equal(blur(dot, 0), dot)
    soft = blur(dot, 1)
    assert soft[10, 10, 0] == round(255 / (2 * np.pi))  # the Gaussian's peak
    assert soft[10, 11, 0] == soft[9, 10, 1] == round(255 / (2 * np.pi) * np.exp(-0.5))


def candidates(**scores: float) -> list[Candidate]:
    return [Candidate(person, score, rank, rank) for rank, (person, score) in enumerate(scores.items(), 1)]


def test_score_and_rank_of_the_person_as_the_gallery_gives_them() -> None:
    rows = [candidates(Ada=0.9, Bob=0.6), candidates(Bob=0.96, Ada=0.8), candidates(Bob=0.8, Ada=0.8)]
    chips = np.zeros((3, 4, 4, 3), np.uint8)
    found = match_blurred(chips, lambda given: rows[: len(given)], "Bob")
    assert found == Matched("Bob", 2, (0.6, 0.96, 0.8), (2, 1, 2))  # of equal scores the other one is nearer
    with pytest.raises(ValueError, match="Cem: not among the 2 candidates"):
        match_blurred(chips, lambda _: rows, "Cem")


def checks(blurred: Blurred, matched: Matched, counts: list[int], score: float) -> list[bool]:
    photo, stages = (
        Image(np.zeros((8, 8, 3), np.uint8), "black"),
        [np.zeros((count, 4), np.float32) for count in counts],
    )
    search = Search("mtcnn", photo, np.array([0, 0, 4, 4], np.float32), tuple(("", boxes) for boxes in stages))
    view = show_coarse(blurred, 0.5, matched, search, [Candidate("Ada", score, 1, 1)])
    return [check.passed for check in view.checks]


def test_each_check_can_fail() -> None:
    blurred = blur_by_depth(columns(), scaled, sigmas=(0, 4))
    matched = Matched("Ada", 2, (0.75, 0.5), (1, 2))
    assert checks(blurred, matched, [9, 4, 4], 0.75) == [True, True, True]
    assert checks(blurred, matched, [9, 4, 5], 0.75) == [True, False, True]
    assert checks(blurred, matched, [9, 4, 1], 0.75001) == [True, True, False]
    off = replace(blurred, similarity=blurred.similarity - 1e-5)
    assert checks(off, matched, [9, 4, 1], 0.75) == [False, True, True]


def test_without_a_gallery_the_view_says_what_it_needs() -> None:
    view = show_coarse(blur_by_depth(columns(), scaled, sigmas=(0, 4)), 0.5)
    assert UNMATCHED in view.blocks
    assert len(view.checks) == 1


def test_on_a_real_face_the_unblurred_score_is_the_gallerys(pipeline: Pipeline, samples: Path) -> None:
    image = read_image(samples / "obama.jpg")
    face = pipeline.faces(image)[0]
    photos = {"Obama": "obama2.jpg", "Biden": "biden.jpg", "Collins": "astronaut.png"}
    others = {name: pipeline.faces(samples / photo)[0] for name, photo in photos.items()}
    network = backbone_network(pipeline.backbone, face.chip.pixels)
    assert network is not None

    def prepare(pixels: Pixels) -> Tensor:
        return torch.from_numpy(normalise(pixels, pipeline.backbone.card))

    def search(pixels: Pixels) -> list[list[Candidate]]:
        made = templates(pipeline.backbone, [Chip(chip, face.chip.to_chip) for chip in pixels])
        rows = [{name: one.cosine(other.template) for name, other in others.items()} for one in made]
        return [candidates(**row) for row in rows]

    chips = np.stack([other.chip.pixels for other in others.values()])
    blurred = blur_by_depth(network, prepare, collect(network, depths(network), chips, prepare))
    matched = match_blurred(blurred.chips, search, "Obama")
    score = face.template.cosine(others["Obama"].template)
    found = finding.search(pipeline, image, face.detection, ())
    view = show_coarse(blurred, pipeline.threshold(), matched, found, [Candidate("Obama", score, 1, 1)])
    assert [check.passed for check in view.checks] == [True, True, True]
    assert blurred.similarity.shape == (28, 9)
    assert matched.ranks[0] == 1
    assert matched.scores[-1] < matched.scores[0] - 0.01
    stages_picture = next(block for block in view.blocks if isinstance(block, Picture) and block.name == "stages")
    assert stages_picture.pixels.shape[1] == 3 * round(200 * image.width / max(image.width, image.height)) + 8
