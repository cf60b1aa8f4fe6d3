"""Toy networks whose layers, shapes and outputs are known by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from facepipe.inspect.graphs.graph import Layer, Stencil
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.graphs.torch_graph import outputs, read_layers, trace, watcher


class Toy(nn.Module):
    """A grouped convolution, a ReLU in place that is called twice, a skip, a pool, a mean, a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, (3, 1), stride=(2, 1), padding=(1, 0), groups=3)
        self.relu = nn.ReLU(inplace=True)
        self.same = nn.Identity()
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.conv(x))
        y = self.relu(self.pool(self.same(y) - 1))
        vector: Tensor = self.fc(y.mean(dim=(2, 3)))
        return vector


@pytest.fixture
def toy() -> Toy:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Toy().eval()


X = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_layers_of_a_toy(toy: Toy) -> None:
    assert read_layers(trace(toy), X) == [
        Layer("conv", "conv", ("",), (6, 4, 8), 6 * 3 + 6, 3 * 6 * 4 * 8, Stencil((3, 1), (2, 1), (1, 0)), 3),
        Layer("relu", "pointwise", ("conv",), (6, 4, 8)),
        Layer("sub", "pointwise", ("relu",), (6, 4, 8)),
        Layer("pool", "pool", ("sub",), (6, 2, 4), window=Stencil((2, 2), (2, 2), (0, 0))),
        Layer("relu#2", "pointwise", ("pool",), (6, 2, 4)),
        Layer("mean", "whole", ("relu#2",), (6, 1, 1)),
        Layer("fc", "linear", ("mean",), (4, 1, 1), 28, 24),
    ]


def by_hand(toy: Toy) -> dict[str, Tensor]:
    with torch.no_grad():
        conv = toy.conv(X)
        relu = conv.clamp(min=0)
        pool = torch.max_pool2d(relu - 1, 2)
        second = pool.clamp(min=0)
        mean = second.mean((2, 3))
        fc = mean @ toy.fc.weight.T + toy.fc.bias
        return {"conv": conv, "relu": relu, "sub": relu - 1, "pool": pool, "relu#2": second, "mean": mean, "fc": fc}


def test_outputs_are_what_each_layer_put_out_before_the_next_one_overwrote_it(toy: Toy) -> None:
    expected = by_hand(toy)
    found = outputs(trace(toy), X, expected)
    assert list(found) == list(expected)
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values)
    assert (expected["conv"] < 0).any()
    assert (expected["pool"] < 0).any()  # else an overwritten map would look the same


def test_the_watcher_sees_the_same(toy: Toy) -> None:
    seen: dict[str, Tensor] = {}
    expected = by_hand(toy)
    watcher(trace(toy), expected, lambda name, values: seen.update({name: values.clone()}))(X)
    assert list(seen) == list(expected)
    for name, values in expected.items():
        torch.testing.assert_close(seen[name], values)


def test_a_watcher_that_fails_leaves_the_network_as_it_was(toy: Toy) -> None:
    def fail(name: str, values: Tensor) -> None:
        raise RuntimeError("disk full")

    before = toy(X)
    with pytest.raises(RuntimeError, match="disk full"):
        watcher(trace(toy), ["relu"], fail)(X)
    torch.testing.assert_close(toy(X), before)
    assert not any(module._forward_hooks for module in toy.modules())


def test_gradients_only_when_asked_for(toy: Toy) -> None:
    net = Network("toy", toy, np.zeros((8, 8, 3), np.uint8), X)
    assert not net.outputs(["fc"])["fc"].requires_grad
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net.outputs(["fc"], x, gradients=True)["fc"].sum(), x)
    assert gradient.abs().sum() > 0
    assert net.differentiable
    assert net.convolutions == ["conv"]


@pytest.mark.slow
def test_the_convolution_is_counted_as_torch_counts_it(toy: Toy) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        toy(X)
    total = sum(layer.multiply_adds for layer in read_layers(trace(toy), X))
    assert counter.get_total_flops() == 2 * total
