"""Receptive fields worked out by hand, and theory against gradients in the real networks."""

import numpy as np
import pytest
import torch

from facepipe.inspect.graphs.graph import Field, Layer, Stencil, dense_weights, fields
from facepipe.inspect.graphs.network import Network

SHAPE = (1, 9, 9)


def layer(name: str, *inputs: str, kernel: int = 0, stride: int = 1, padding: int = 0, dilation: int = 1) -> Layer:
    window = Stencil((kernel,) * 2, (stride,) * 2, (padding,) * 2, (dilation,) * 2) if kernel else None
    kind = "conv" if window else "merge" if len(inputs) > 1 else "pointwise"
    return Layer(name, kind, inputs, SHAPE, window=window)


def square(jump: int, first: int, last: int) -> Field:
    return Field((jump,) * 2, (first,) * 2, (last,) * 2)


def test_a_chain_of_convolutions_and_pools() -> None:
    chain = [
        layer("conv", "", kernel=3, padding=1),  # -1..1
        layer("relu", "conv"),
        layer("pool", "relu", kernel=2, stride=2),  # -1..2, then 2 px apart
        layer("next", "pool", kernel=3, stride=2, padding=1),  # one unit (2 px) further on both sides: -3..4
        layer("last", "next", kernel=5),  # four units of 4 px
    ]
    assert fields(chain) == {
        "": square(1, 0, 0),
        "conv": square(1, -1, 1),
        "relu": square(1, -1, 1),
        "pool": square(2, -1, 2),
        "next": square(4, -3, 4),
        "last": square(4, -3, 20),
    }


def test_dilation_spreads_the_window() -> None:
    assert fields([layer("conv", "", kernel=3, dilation=4, padding=4)])["conv"] == square(1, -4, 4)


def test_the_axes_are_apart() -> None:
    window = Stencil((1, 7), (2, 1), (0, 3), (1, 1))
    found = fields([Layer("conv", "conv", ("",), SHAPE, window=window)])["conv"]
    assert found == Field((2, 1), (0, -3), (0, 3))
    assert found.size == (1, 7)
    assert found.box(row=2, column=5) == (4, 2, 4, 8)


def test_a_residual_merge_sees_what_the_longer_branch_sees() -> None:
    block = [layer("a", "", kernel=3, padding=1), layer("b", "a", kernel=3, padding=1), layer("add", "b", "")]
    assert fields(block)["add"] == square(1, -2, 2)


def test_a_merge_is_the_union_of_lopsided_branches() -> None:
    """As in a halving block: the convolution sees 0..2, the pooled skip 0..1; padded elsewhere the other way."""
    block = [
        layer("conv", "", kernel=3, stride=2),
        layer("skip", "", kernel=2, stride=2),
        layer("back", "", kernel=2, stride=2, padding=1),
        layer("add", "conv", "skip", "back"),
    ]
    assert fields(block)["add"] == square(2, -1, 2)


def test_inception_branches_of_different_kernels() -> None:
    block = [
        layer("one", "", kernel=1),
        layer("three", "", kernel=3, padding=1),
        layer("five", "", kernel=5, padding=2),
        layer("cat", "one", "three", "five"),
        layer("next", "cat", kernel=3, padding=1),
    ]
    assert fields(block)["cat"] == square(1, -2, 2)
    assert fields(block)["next"] == square(1, -3, 3)


def test_what_comes_after_the_whole_sees_the_whole() -> None:
    net = [
        layer("conv", "", kernel=3),
        Layer("mean", "whole", ("conv",), SHAPE),
        Layer("fc", "linear", ("mean",), SHAPE),
        layer("gate", "conv", "mean"),
    ]
    found = fields(net)
    assert found["conv"] == square(1, 0, 2)
    assert [found[name] for name in ("mean", "fc", "gate")] == [None, None, None]


def test_no_box_fits_branches_whose_units_lie_differently_far_apart() -> None:
    net = [layer("fine", "", kernel=1), layer("coarse", "", kernel=1, stride=2), layer("add", "fine", "coarse")]
    assert fields(net)["add"] is None


def test_dense_weights() -> None:
    assert dense_weights([(3, 150, 150)], (32, 72, 72)) == 67_500 * 165_888  # dlib's first layer, were it dense
    assert dense_weights([(2, 3, 4), (1, 1, 1)], (5, 1, 1)) == 25 * 5


# The real networks ----------------------------------------------------------------------------------------------------


def test_facts_of_dlib_resnet(networks: dict[str, Network]) -> None:
    net = networks["dlib_resnet"]
    sizes = [field.size for name in net.convolutions if (field := net.fields[name]) is not None]
    assert len(sizes) == 29
    assert [sizes[number - 1] for number in (1, 7, 13, 14, 29)] == [(n, n) for n in (7, 59, 147, 163, 899)]
    assert net.layers["conv"].weights == 4_704 + 32
    assert sum(layer.multiply_adds for layer in net.layers.values()) == 270_854_144


def test_facts_of_sface(networks: dict[str, Network]) -> None:
    net = networks["sface"]
    sizes = [field.size[0] for name in net.convolutions if (field := net.fields[name]) is not None]
    assert sizes[:9] == [3, 5, 5, 7, 7, 11, 11, 15, 15]  # only the depthwise ones see farther
    assert (len(sizes), sizes[-1]) == (27, 159)
    depthwise = [name for name in net.convolutions if net.layers[name].depthwise]
    assert depthwise == [f"blocks.{number}.depthwise" for number in range(13)]
    assert net.layers["blocks.12.prelu2"].shape == (1024, 7, 7)
    assert net.layers["fc"].weights == 1024 * 49 * 128 + 128
    assert sum(layer.multiply_adds for layer in net.layers.values()) == 574_138_880


@pytest.mark.parametrize("name", ["pnet", "onet", "sface", "dlib_resnet"])
def test_units_see_their_box_and_nothing_else(networks: dict[str, Network], name: str) -> None:
    """Random input and several passes: on one photo a ReLU or a pool may hide an edge."""
    net = networks[name]
    height, width = net.x.shape[2:]
    fitting = [c for c in net.convolutions if (f := net.fields[c]) and f.size[0] <= height and f.size[1] <= width]
    assert len(fitting) == {"pnet": 5, "onet": 4, "sface": 23, "dlib_resnet": 13}[name]
    x = torch.randn(4, *net.x.shape[1:], generator=torch.Generator().manual_seed(0)).requires_grad_()
    outputs = net.outputs(fitting, x, gradients=True)
    for conv in fitting:
        values, field = outputs[conv], net.fields[conv]
        assert field is not None
        row, column = values.shape[2] // 2, values.shape[3] // 2
        (gradient,) = torch.autograd.grad(values[:, :, row, column].abs().sum(), x, retain_graph=True)
        seen = gradient.abs().sum((0, 1)).numpy() > 0
        y0, x0, y1, x1 = field.box(row, column)
        inside = np.zeros_like(seen)
        inside[max(y0, 0) : y1 + 1, max(x0, 0) : x1 + 1] = True
        assert not seen[~inside].any(), conv
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        assert (rows[0], rows[-1]) == (max(y0, 0), min(y1, height - 1)), conv
        assert (columns[0], columns[-1]) == (max(x0, 0), min(x1, width - 1)), conv
