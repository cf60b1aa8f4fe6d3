from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.embed.base import normalise
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import backbone_network
from facepipe.inspect.views import separation
from facepipe.inspect.views.features import collect, depths, directions
from facepipe.inspect.views.identity import measure_identity, rank_by_depth, untrained
from facepipe.inspect.views.identity_view import NOTHING, UNLABELLED, show_identity
from facepipe.inspect.views.separation import Judge, all_pairs, equal_error, split_people
from facepipe.pipeline import Pipeline
from facepipe.records import Pixels

SIDE = 16


def scaled(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32).transpose(0, 3, 1, 2) / 255)


def colours(face: tuple[int, int, int] = (255, 0, 0)) -> Network:
    """One 1×1 convolution that hands the colours on: pooled, the mean colour."""
    conv = nn.Conv2d(3, 3, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.eye(3)[..., None, None])
    pixels = np.full((SIDE, SIDE, 3), face, np.uint8)
    return Network("toy", nn.Sequential(conv, nn.ReLU()), pixels, scaled(pixels[None]))


@pytest.mark.parametrize(
    ("same", "different", "expected"),
    [([3, 2], [1, 0], 0), ([3, 1], [2, 0], 0.5), ([4, 3, 1], [2, 0], 1 / 3), ([1], [1], 0.5), ([0], [1], 1)],
)
def test_equal_error_rate(same: list[float], different: list[float], expected: float) -> None:
    labels = np.array([True] * len(same) + [False] * len(different))
    assert equal_error(labels, np.array(same + different, float)) == pytest.approx(expected)


@pytest.mark.slow
def test_draws_weigh_pairs_by_how_often_their_people_were_drawn() -> None:
    from sklearn.metrics import roc_auc_score  # takes seconds to load

    people = ["a", "a", "b", "b", "c", "c", "d"]
    pairs = all_pairs(people)
    judge = Judge(people, pairs, draws=50)
    rng = np.random.default_rng(3)
    scores = rng.normal(size=len(pairs)).round(1)  # some are equal
    aucs, eers = separation._curves(scores, judge.same, judge._weights)
    for weights, auc, eer in zip(judge._weights, aucs, eers, strict=True):
        if weights[judge.same].any() and weights[~judge.same].any():
            assert auc == pytest.approx(roc_auc_score(judge.same, scores, sample_weight=weights))
            assert 0 <= eer <= 1
    drawn = {tuple(pair): column for pair, column in zip(pairs.tolist(), judge._weights.T, strict=True)}
    np.testing.assert_array_equal(drawn[0, 2], drawn[0, 1] * drawn[2, 3])  # a with b: a's times b's
    ones = separation._curves(scores, judge.same, np.ones((1, len(pairs))))
    assert ones[0][0] == pytest.approx(roc_auc_score(judge.same, scores))
    assert ones[1][0] == pytest.approx(equal_error(judge.same, scores))
    level = separation._curves(np.zeros(len(pairs)), judge.same, np.ones((1, len(pairs))))
    assert (level[0][0], level[1][0]) == (0.5, 0.5)  # equal scores share one threshold


def test_intervals_hold_the_value_and_are_narrow_with_many_people() -> None:
    def width(count: int) -> float:
        people = [str(i // 2) for i in range(2 * count)]
        pairs = all_pairs(people)
        judge = Judge(people, pairs)
        found = judge.judge(judge.same + np.random.default_rng(0).normal(size=len(pairs))).auc
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(60) < width(8) / 1.5


def test_pairs_of_one_kind_only_are_refused() -> None:
    with pytest.raises(ValueError, match="0 pairs of one person, 1 of two"):
        Judge(["a", "b"], np.array([[0, 1]]))


def test_all_pairs_are_drawn_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    people = ["a", "a", "b", "c", "c", "c"]
    assert len(all_pairs(people)) == 15
    monkeypatch.setattr(separation, "PAIRS", 5)
    pairs = all_pairs(people)
    assert sum(people[a] == people[b] for a, b in pairs) == 4
    assert len(np.unique(pairs, axis=0)) == 9


def test_people_are_split_so_that_nobody_is_on_both_sides() -> None:
    people = ["a", "b", "a", "c", "d", "c", "e", "e"]
    fitted, judged = split_people(people)
    assert sorted(fitted + judged) == list(range(8))
    assert {1, 4} <= set(fitted)  # one chip each
    assert len(judged) == 4
    assert not {people[i] for i in fitted} & {people[i] for i in judged}


def test_rank_counts_people_by_their_most_similar_chip() -> None:
    gallery = {"1": np.array([[0.9, 0.1, 0], [0.5, 0.5, 0], [0.1, 0.9, 0], [0, 0, 1]], np.float32)}
    people = ["Ada", "Bob", "Bob", "Cem"]
    network = colours()
    mean = gallery["1"].mean(axis=0)
    expected = directions(gallery["1"], mean) @ directions(np.array([[1, 0, 0]], np.float32), mean)[0]
    for person, rank, best, nearest in (("Ada", 1, 0, "Bob"), ("Bob", 2, 1, "Ada"), ("Cem", 3, 3, "Ada")):
        found = rank_by_depth(network, gallery, people, person)
        assert (found.ranks, found.people, found.nearest) == ((rank,), 3, (nearest,))
        assert found.scores[0] == pytest.approx(expected[best])


def test_of_equal_scores_the_other_person_is_nearer() -> None:
    gallery = {"1": np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0, 0, 1]], np.float32)}
    assert rank_by_depth(colours(), gallery, ["Ada", "Bob", "Cem"], "Ada").ranks == (2,)


def test_rank_needs_the_person_and_somebody_else() -> None:
    gallery = {"1": np.eye(3, dtype=np.float32)}
    for people in (["Bob"] * 3, ["Ada"] * 3):
        with pytest.raises(ValueError, match=r"Ada: [03] of 3 chips"):
            rank_by_depth(colours(), gallery, people, "Ada")


def test_random_weights_have_the_old_ones_scale_and_leave_them_alone() -> None:
    module = nn.Conv2d(3, 64, 5).requires_grad_(False)
    before = module.weight.clone()
    one, two, other = (untrained(module, seed) for seed in (1, 1, 2))
    assert isinstance(one, nn.Conv2d)
    assert torch.equal(module.weight, before)
    assert torch.equal(one.weight, two.weight)  # type: ignore[arg-type]
    assert not torch.equal(one.weight, other.weight)  # type: ignore[arg-type]
    assert float(one.weight.std()) == pytest.approx(float(before.std()), rel=0.05)


def test_people_of_one_brightness_but_of_many_colours_differ_in_features_and_not_in_grey() -> None:
    rng = np.random.default_rng(0)
    people = [str(i // 4) for i in range(60)]
    hues = np.stack([rng.uniform(40, 160, 30), np.full(30, 100.0), np.zeros(30)], axis=1)
    hues[:, 2] = (150 - 0.299 * hues[:, 0] - 0.587 * hues[:, 1]) / 0.114 % 256
    even = np.stack([np.full((SIDE, SIDE, 3), hues[int(p)]) for p in people])
    chips = (even + rng.normal(0, 3, (60, SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)
    found = measure_identity(colours(), chips[:40], people[:40], all_pairs(people[:40]), chips[40:], scaled)
    assert found.layers == ("1",)
    assert (found.same, found.people) == (60, 10)
    assert found.pooled[0].auc.value > 0.95
    assert found.pooled[0].auc.low > found.eigenfaces.auc.high


def test_without_a_gallery_the_view_says_what_it_needs() -> None:
    assert show_identity().blocks == (NOTHING,)


@pytest.mark.slow
def test_the_last_depth_of_the_real_network_beats_its_first(pipeline: Pipeline, lfw: Path) -> None:
    by_person: dict[str, list[Path]] = {}
    for path in sorted((lfw / "images").glob("*.jpg")):
        by_person.setdefault(path.stem.rsplit("_", 1)[0], []).append(path)
    chosen = [path for paths in by_person.values() if len(paths) > 1 for path in paths[:2]][:40]
    found = [(path, outcome.unwrap()) for path, outcome in zip(chosen, pipeline.faces_each(chosen), strict=True)]
    people = [path.stem.rsplit("_", 1)[0] for path, faces in found if faces]
    chips = np.stack([faces[0].chip.pixels for _, faces in found if faces])
    network = backbone_network(pipeline.backbone, chips[0])
    assert network is not None

    def prepare(pixels: Pixels) -> Tensor:
        return torch.from_numpy(normalise(pixels, pipeline.backbone.card))

    names = (depths(network)[0], depths(network)[-1])
    judged = chips[:24]
    identity = measure_identity(network, judged, people[:24], all_pairs(people[:24]), chips[24:], prepare, names)
    first, last = (separation.auc.value for separation in identity.pooled)
    assert last > 0.95 > first
    assert last > identity.untrained[-1].auc.value
    gallery = collect(network, names, chips[1:], prepare)
    ranks = rank_by_depth(network, gallery, people[1:], people[0])
    assert ranks.ranks[-1] == 1
    view = show_identity([ranks], identity)
    assert UNLABELLED not in view.blocks
    assert len(view.blocks) == 5


def test_overlapping_intervals_are_said_to_overlap() -> None:
    rng = np.random.default_rng(1)
    people = [str(i // 2) for i in range(24)]
    noise = rng.integers(0, 256, (24, SIDE, SIDE, 3), dtype=np.uint8)
    found = measure_identity(colours(), noise[:16], people[:16], all_pairs(people[:16]), noise[16:], scaled)
    assert not show_identity(identity=found).checks[0].passed
