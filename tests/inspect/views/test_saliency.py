"""Embeddings that look at one square or two, worked out by hand, and the real network on real faces."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import backbone_network
from facepipe.inspect.views.deletion import FILLS, ORDERS, curves
from facepipe.inspect.views.masks import MaskScorer, balanced_masks, blurred_fill, hide, mean_fill
from facepipe.inspect.views.saliency import follow, rank_correlation, saliency, saliency_map, shuffled_weights
from facepipe.inspect.views.saliency_view import show_saliency
from facepipe.page.view import Chart, Picture
from facepipe.pipeline import Pipeline
from facepipe.records import Floats, Pixels

GRID = 3
SIDE = 15  # 3 × 3 squares of 5 px


def corners(pixels: Pixels) -> Floats:
    """(red of the first square, red of the last square): nothing else is looked at."""
    red = pixels[..., 0].astype(np.float32)
    return np.stack([red[:, :5, :5].mean(axis=(1, 2)), red[:, -5:, -5:].mean(axis=(1, 2))], axis=1)


def face(first: int, last: int, others: int = 100) -> Pixels:
    pixels = np.full((SIDE, SIDE, 3), others, np.uint8)
    pixels[:5, :5], pixels[-5:, -5:] = first, last
    return pixels


A, B = face(200, 100), face(100, 10)  # the more of the first red square, the more a resembles b


def network(pixels: Pixels) -> Network:
    return Network("toy", torch.nn.Identity(), pixels, torch.zeros(1, 3, SIDE, SIDE))


def test_masks_are_balanced_and_no_square_disturbs_another() -> None:
    masks = balanced_masks(GRID, np.random.default_rng(0))
    assert masks.shape == (32, GRID, GRID)
    signs = masks.reshape(32, 9) * 2 - 1
    assert np.array_equal(signs.T @ signs, 32 * np.eye(9))
    assert np.array_equal(masks[16:], ~masks[:16])
    pairs = (signs[:, :, None] * signs[:, None, :]).reshape(32, 81)
    assert not (signs.T @ pairs).any()  # what two squares do together falls on no square's number
    assert len(balanced_masks(4, np.random.default_rng(0))) == 64  # 16 squares need more than 16 rows
    assert not np.array_equal(masks, balanced_masks(GRID, np.random.default_rng(1)))


def test_hide_covers_whole_squares() -> None:
    pixels = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    fill = np.full_like(pixels, 255)
    hidden = hide(pixels, fill, np.array([[[True, False], [False, True]]]))[0]
    assert np.array_equal(hidden[:3, :2], pixels[:3, :2])  # rows 0 to 2 of 5 are the upper half
    assert np.array_equal(hidden[3:, 2:], pixels[3:, 2:])
    assert (hidden[:3, 2:] == 255).all()
    assert (hidden[3:, :2] == 255).all()


def test_fills() -> None:
    assert mean_fill(face(190, 10)).tolist() == np.full((SIDE, SIDE, 3), 100).tolist()
    blurred = blurred_fill(face(200, 0, 0))
    assert blurred[4, 4].max() < 190
    assert blurred[5, 5].min() > 10


def test_only_the_square_that_is_looked_at_counts() -> None:
    masks = saliency_map(MaskScorer(corners, mirror=False), A, B, GRID, rounds=2)
    expected = np.zeros((GRID, GRID))
    expected[0, 0] = 1  # the last square is hardly noticed: its 100 are hidden under the mean, 111
    assert masks.masks == 64
    assert masks.values[0, 0] > 0.98
    assert masks.values == pytest.approx(expected, abs=0.2)


def test_what_opposes_is_negative() -> None:
    values = saliency_map(MaskScorer(corners, mirror=False), face(200, 250), B, GRID, rounds=2).values
    assert values[0, 0] > 0.2
    assert values[2, 2] < -0.2
    assert np.abs(values.ravel()[1:-1]).max() < 1e-6


def test_follow_is_pearsons_correlation() -> None:
    generator = np.random.default_rng(0)
    visible, scores = generator.random((20, 2, 2)) > 0.5, generator.random(20, np.float32)
    visible[:, 1, 1] = True  # always there: nothing to follow
    expected = [np.corrcoef(visible[:, i, j], scores)[0, 1] for i, j in ((0, 0), (0, 1), (1, 0))]
    assert follow(visible, scores).ravel() == pytest.approx([*expected, 0])


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 200, 3000])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3, 4]), np.array([1.0, 3, 2, 4])) == pytest.approx(0.8)


def test_the_mirrored_chip_counts_where_the_card_says_so() -> None:
    plain, both = (MaskScorer(corners, mirror).embed(face(200, 0)[None])[0] for mirror in (False, True))
    assert plain == pytest.approx([1, 0])
    assert both == pytest.approx(np.array([3, 1]) / np.sqrt(10))  # (200, 0) + (100, 100)


def test_curves_by_hand() -> None:
    values = np.zeros((GRID, GRID), np.float32)
    values[0, 0] = 1
    found = curves(MaskScorer(corners, mirror=False), A, B, values, steps=9)
    assert found.deletion.shape == found.insertion.shape == (len(FILLS), len(ORDERS), 10)
    whole, without = (MaskScorer(corners, mirror=False).embed(each[None])[0] for each in (A, face(111, 111)))
    target = MaskScorer(corners, mirror=False).embed(B[None])[0]
    deletion, insertion = found.deletion[0, 0], found.insertion[0, 0]
    assert deletion[0] == insertion[-1] == pytest.approx(whole @ target)
    assert insertion[0] == deletion[-1] == pytest.approx(without @ target, abs=1e-3)
    assert (deletion[1:] < deletion[0] - 0.05).all()  # the first square hidden is the one
    assert (insertion[1:] > insertion[0] + 0.05).all()
    centred = found.deletion[0, ORDERS.index("centred")]
    assert (centred[:6] > centred[-1] + 0.05).all()  # middle and edges go before any corner
    assert (found.deletion_area[0, 0] < found.deletion_area[0, 1:]).all()
    assert (found.insertion_area[0, 0] > found.insertion_area[0, 1:]).all()


def test_areas_by_hand() -> None:
    found = curves(MaskScorer(corners, mirror=False), A, B, np.zeros((GRID, GRID), np.float32), steps=2)
    first, middle, last = found.deletion[1, 2]
    assert found.deletion_area[1, 2] == pytest.approx((first + 2 * middle + last) / 4)


def test_both_faces_progress_and_the_same_seed() -> None:
    told: list[tuple[int, int]] = []

    def run() -> tuple[Floats, ...]:
        told.clear()
        found = saliency(
            network(A), network(B), corners, False, corners, grid=GRID, rounds=2, progress=lambda *p: told.append(p)
        )
        assert found.shuffled == pytest.approx(1)  # the same network is no shuffled one
        assert not next(c for c in show_saliency(found).checks if "shuffled" in c.what.en).passed
        return *(each.values for each in found.maps), *(each.deletion for each in found.curves)

    first, second = run(), run()
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert first[0][0, 0] > 0.98
    assert first[1][2, 2] < -0.8  # b is dark in its last square: showing it turns b away from a


def test_shuffled_weights_keep_the_numbers_and_the_original() -> None:
    module = torch.nn.Conv2d(3, 4, 3)
    before = module.weight.clone()
    shuffled = shuffled_weights(module)
    assert torch.equal(module.weight, before)
    assert not torch.equal(shuffled.weight, before)  # type: ignore[arg-type]
    assert torch.equal(shuffled.weight.flatten().sort()[0], before.flatten().sort()[0])


@pytest.mark.parametrize("name", ["sface", "dlib_resnet"])
def test_real_faces(pipelines: dict[str, Pipeline], samples: Path, name: str) -> None:
    pipeline = pipelines[name]
    backbone = pipeline.backbone
    chips = [pipeline.faces(samples / photo)[0].chip.pixels for photo in ("obama.jpg", "obama2.jpg")]
    networks = [backbone_network(backbone, pixels) for pixels in chips]
    a, b = (network for network in networks if network is not None)
    unlearnt = TorchBackbone(backbone.card, shuffled_weights(a.module), "shuffled")
    found = saliency(a, b, backbone.embed, False, unlearnt.embed, grid=5, rounds=2)
    assert found.maps[0].values.shape == (5, 5)
    for found_map in found.maps:
        assert found_map.values[1:4, 1:4].mean() > 3 * found_map.values[:, [0, 4]].mean()  # the face, not its sides
    deletion = np.mean([each.deletion_area for each in found.curves], axis=0)
    assert (deletion[:, 0] < deletion[:, 1:].min(axis=1)).all()
    assert found.shuffled is not None
    assert abs(found.shuffled) < 0.5
    view = show_saliency(found, threshold=0.93)
    picture, chart = (next(b for b in view.blocks if isinstance(b, kind)) for kind in (Picture, Chart))
    assert picture.pixels.shape == (2 * backbone.card.chip.size + 20, 4 * backbone.card.chip.size + 8, 3)
    assert isinstance(chart.figure, Figure)
    assert len(view.checks) == 6
