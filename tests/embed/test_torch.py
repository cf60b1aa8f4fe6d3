"""What all torch backbones share, on a network small enough to compute by hand."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.embed.base import normalise
from facepipe.embed.torch_backbone import TorchBackbone, normalise_on
from facepipe.errors import CardInvalid, DeviceUnavailable, UsageError
from facepipe.networks.cards import Card, Input

CHIP = np.array([[[10, 20, 30], [1, 2, 3]], [[4, 5, 6], [7, 8, 9]]], np.uint8)  # (2, 2, 3)


class Toy(nn.Module):
    """Channel sum − 15, ReLU in place (twice), + the map's mean, then the four values · (1, 10, 100, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = nn.Conv2d(3, 1, 1)
        self.relu = nn.ReLU(inplace=True)
        self.skip = AddMean()
        self.tail = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(4, 1, bias=False))
        with torch.no_grad():
            self.sum.weight.fill_(1)
            self.sum.bias.fill_(-15)
            self.tail[2].weight.copy_(torch.tensor([[1.0, 10, 100, 1000]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.skip(self.relu(self.relu(self.sum(x)))))


class AddMean(nn.Module):
    """Its result is in none of its children: it must be a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.pool(x)


def card(dimension: int = 1, **kwargs: object) -> Card:
    spec = Input(size=2, colour="RGB", mean=(0.0,) * 3, scale=(1.0,) * 3, template=((0.0, 0.0),) * 5)
    texts = {"role": "backbone", "architecture": "toy", "summary": "", "licence": "", "source": ""}
    return Card(name="toy", path=Path("toy.toml"), weights=(), dimension=dimension, input=spec, **texts)  # type: ignore[arg-type]


@pytest.fixture
def toy() -> TorchBackbone:
    return TorchBackbone(card(), Toy(), "toy@0")


def test_embedding_of_the_toy_is_what_a_hand_computes(toy: TorchBackbone) -> None:
    # sums 60, 6, 15, 24 → −15 and ReLU: 45, 0, 0, 9 → + mean 13.5
    expected = 58.5 * 1 + 13.5 * 10 + 13.5 * 100 + 22.5 * 1000
    assert toy.embed(np.stack([CHIP, np.zeros_like(CHIP)])).tolist() == [[expected], [0.0]]


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """torch uses so many."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_chips_side_by_side_keep_their_order(toy: TorchBackbone, count: int, threads: int) -> None:
    chips = np.random.default_rng(0).integers(0, 256, (count, 2, 2, 3), np.uint8)
    expected = toy.module(torch.from_numpy(chips).permute(0, 3, 1, 2).float())
    assert toy.embed(chips) == pytest.approx(expected.numpy(), rel=1e-6)
    assert torch.get_num_threads() == threads


def test_no_chips_no_embeddings(toy: TorchBackbone) -> None:
    assert toy.embed(np.zeros((0, 2, 2, 3), np.uint8)).shape == (0, 1)


def test_half_precision_is_near_and_leaves_the_layers_alone(toy: TorchBackbone) -> None:
    half = TorchBackbone(card(), Toy(), "toy@0", precision="half")
    full, near = float(toy.embed(CHIP[None])[0, 0]), float(half.embed(CHIP[None])[0, 0])
    assert near == pytest.approx(full, rel=1e-2)
    assert near != full
    seen, expected = (list(b.activations(CHIP, b.layers)) for b in (half, toy))
    assert [(a.layer, a.values.tolist()) for a in seen] == [(a.layer, a.values.tolist()) for a in expected]


def test_another_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="precision double: expected full or half"):
        TorchBackbone(card(), Toy(), "toy@0", precision="double")


@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_a_device_normalises_as_the_cpu_does(colour: str) -> None:
    spec = Input(2, colour, (10.5, 20.0, 30.0), (1 / 3, 0.5, 0.7), ((0.0, 0.0),) * 5)
    given = replace(card(), input=spec)
    pixels = np.stack([CHIP, 255 - CHIP])
    found = normalise_on(torch.device("cpu"), pixels, given)
    assert np.array_equal(found.numpy(), normalise(pixels, given))
    # by hand: the first pixel's red, 10, is the first of RGB and the last of BGR
    first, last = (10 - 10.5) / 3, (10 - 30) * 0.7
    assert float(found[0, 0 if colour == "RGB" else 2, 0, 0]) == pytest.approx(first if colour == "RGB" else last)


def test_layers_come_in_running_order_once_per_call_and_only_when_they_compute(toy: TorchBackbone) -> None:
    # no layers: dropout at rest, ``tail``, which hands on its child's result. ``skip`` has a child too, but adds
    assert toy.layers == ("sum", "relu", "relu#2", "skip.pool", "skip", "tail.0", "tail.2")


class AddInPlace(nn.Module):
    """Its result is the very tensor that its child put out, with other values."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        out += x
        return out


def test_a_block_that_adds_in_place_is_a_layer() -> None:
    net = nn.Sequential(AddInPlace(), nn.Sequential(nn.Conv2d(3, 1, 2)), nn.Flatten())
    assert TorchBackbone(card(), net, "toy@0").layers == ("0.conv", "0", "1.0", "2")


def test_an_in_place_relu_does_not_corrupt_what_was_captured_before_it(toy: TorchBackbone) -> None:
    seen = {a.layer: a.values for a in toy.activations(CHIP, toy.layers)}
    assert seen["sum"].tolist() == [[[45, -9], [0, 9]]]
    assert seen["relu"].tolist() == seen["relu#2"].tolist() == [[[45, 0], [0, 9]]]
    assert seen["skip.pool"].tolist() == [[[13.5]]]
    assert seen["skip"].tolist() == [[[58.5, 13.5], [13.5, 22.5]]]
    assert seen["tail.0"].tolist() == [[[58.5]], [[13.5]], [[13.5]], [[22.5]]]  # a vector of n numbers is (n, 1, 1)


def test_activations_follow_the_run_not_the_request(toy: TorchBackbone) -> None:
    assert [a.layer for a in toy.activations(CHIP, ["tail.2", "sum"])] == ["sum", "tail.2"]


def hooks(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) for m in module.modules())


def test_hooks_are_gone_after_a_pass_and_after_a_failed_one(
    toy: TorchBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[int] = []
    toy.watch(CHIP, lambda *_: during.append(hooks(toy.module)))
    assert min(during) > 0
    assert hooks(toy.module) == 0

    monkeypatch.setattr(toy.module.tail[2], "forward", lambda x: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        toy.activations(CHIP, ["sum"])
    assert hooks(toy.module) == 0


def test_another_threads_pass_is_not_captured(toy: TorchBackbone) -> None:
    alone: list[str] = []
    toy.watch(CHIP, lambda name, *_: alone.append(name))
    seen: list[str] = []

    def see(name: str, module: nn.Module, output: Tensor) -> None:
        seen.append(name)
        if name == "sum" and len(seen) == 1:
            other = threading.Thread(target=toy.embed, args=(CHIP[None],))
            other.start()
            other.join()

    toy.watch(CHIP, see)
    assert seen == alone


def test_unknown_layer_names_the_layers_there_are(toy: TorchBackbone) -> None:
    with pytest.raises(UsageError, match=r"conv9: no such layer in toy; it has sum, relu"):
        toy.activations(CHIP, ["sum", "conv9"])


def test_a_dimension_that_is_not_the_cards_is_refused() -> None:
    with pytest.raises(CardInvalid, match=r"toy\.toml: dimension: the card says 7, the network put out \(1,\)"):
        TorchBackbone(card(dimension=7), Toy(), "toy@0").embed(CHIP[None])


@pytest.mark.parametrize("name", ["cuda:99", "gpu", ""])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(DeviceUnavailable, match=r"not available here; there is cpu"):
        TorchBackbone(card(), Toy(), "toy@0", name)
