"""The ladder: fields and ranks by hand on toy networks, and on a real face."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from facepipe.errors import UsageError
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.ladder import centre, climb, densest, effective_side, largest_outside, spread, what_follows
from facepipe.inspect.views.ladder_view import show_ladder
from facepipe.page.view import Picture, Table, Text


def toy() -> Network:
    """7 × 7 px → 3 × 3 average (5 × 5) → channels × (1, 3, −2), ReLU → 3 × 3 average of the first (3 × 3)."""
    module = nn.Sequential(nn.Conv2d(3, 1, 3), nn.Conv2d(1, 3, 1), nn.ReLU(), nn.Conv2d(3, 1, 3))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module[0].weight.copy_(torch.tensor([1.0, 1.0, -1.0]).reshape(1, 3, 1, 1).expand(1, 3, 3, 3))
        module[1].weight.copy_(torch.tensor([1.0, 3.0, -2.0]).reshape(3, 1, 1, 1))
        module[3].weight[0, 0] = 1
    return Network("toy", module, np.full((7, 7, 3), 90, np.uint8), torch.ones(1, 3, 7, 7))


def test_a_ladder_by_hand() -> None:
    first, second, third = climb(toy()).rungs
    assert [rung.shown for rung in (first, second, third)] == ["0", "2", "3"]
    assert second.channels == (1, 0, 2)  # means 27, 9 and, after the ReLU, 0
    np.testing.assert_array_equal(second.maps[:, 0, 0], [27, 9, 0])
    assert (first.unit, first.box) == ((2, 2), (2, 2, 4, 4))
    expected = np.zeros((7, 7))
    expected[2:5, 2:5] = 3  # three colours, weights of 1 and −1
    np.testing.assert_array_equal(first.gradient, expected)
    np.testing.assert_array_equal(second.gradient, 4 * expected)  # the ReLU lets the first two through
    ramp = np.array([0, 1, 2, 3, 2, 1, 0])[:, None] * np.array([0, 1, 2, 3, 2, 1, 0])
    assert third.box == (1, 1, 5, 5)
    np.testing.assert_array_equal(third.gradient, 3 * ramp)
    assert [rung.effective for rung in (first, second, third)] == [3, 3, 5]
    assert [rung.outside for rung in (first, second, third)] == [0, 0, 0]
    assert [rung.dense for rung in (first, second, third)] == [3 * 49 * 25, 25 * 75, 75 * 9]


def test_the_centre_of_an_even_map_is_the_upper_left_of_four() -> None:
    assert [centre(shape) for shape in ((5, 7, 7), (5, 4, 2), (5, 1, 1))] == [(3, 3), (1, 0), (0, 0)]


def test_the_square_that_holds_95_percent() -> None:
    gradient = np.zeros((9, 9), np.float32)
    gradient[4, 4], gradient[4, 6], gradient[0, 0] = 90, 5, 5
    assert effective_side(gradient, (0, 0, 8, 8)) == 5
    gradient[4, 6] = 4.9
    assert effective_side(gradient, None) == 9
    assert effective_side(np.ones((4, 4), np.float32), (0, 0, 3, 3)) == 4
    assert effective_side(np.zeros((4, 4), np.float32), None) == 0


def test_what_lies_outside_is_noticed() -> None:
    gradient = np.zeros((5, 5), np.float32)
    gradient[1:3, 1:3], gradient[4, 0] = 1, 0.25
    assert largest_outside(gradient, (1, 1, 2, 2)) == 0.25
    assert largest_outside(gradient, (1, 1, 2, 1)) == 1
    assert largest_outside(gradient, (-3, -3, 9, 9)) == 0
    assert largest_outside(gradient, None) == 0


def test_the_densest_pixels_are_the_fewest_that_hold_95_percent() -> None:
    gradient = np.array([[50, 1, 0], [44, 4, 1]], np.float32)
    np.testing.assert_array_equal(densest(gradient), [[True, False, False], [True, True, False]])
    assert not densest(np.zeros((2, 2), np.float32)).any()


def test_a_softmax_is_not_followed(networks: dict[str, Network]) -> None:
    assert what_follows(networks["pnet"], "conv4_1") == "conv4_1"
    assert what_follows(networks["pnet"], "conv1") == "prelu1"
    assert all(rung.effective > 0 for rung in climb(networks["pnet"]).rungs)


def test_the_depths_of_a_deep_network(networks: dict[str, Network]) -> None:
    network = networks["dlib_resnet"]
    chosen = spread(network, 10)
    assert len(chosen) == 10
    assert chosen == tuple(name for name in network.convolutions if name in chosen)
    ends = {"conv", "stages.0.2.conv2", "stages.1.3.conv2", "stages.2.2.conv2", "stages.3.2.conv2", "stages.4.0.conv2"}
    assert ends <= set(chosen)
    assert what_follows(network, "stages.0.2.conv2") == "stages.0.2.relu2"  # the sum with the skip, and its ReLU
    assert spread(networks["rnet"], 10) == ("conv1", "conv2", "conv3")


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet", "sface", "dlib_resnet"])
def test_fields_on_a_real_face(networks: dict[str, Network], name: str) -> None:
    ladder = climb(networks[name])
    for rung in ladder.rungs:
        assert rung.outside == 0
        assert rung.field is not None
        assert 0 < rung.effective <= max(rung.field.size)
        assert rung.gradient is not None
        means = networks[name].outputs([rung.shown])[rung.shown][0].mean(dim=(1, 2))
        assert rung.channels[0] == int(means.argmax())
    sides = [rung.effective for rung in ladder.rungs]
    assert sides[0] < sides[-1]


def test_a_smaller_box_would_not_hold_the_gradient(networks: dict[str, Network]) -> None:
    """The check of the view can fail: the box is no larger than it must be, where it lies inside the face."""
    rung = climb(networks["dlib_resnet"], ["stages.0.0.conv2"]).rungs[0]
    assert rung.gradient is not None
    assert rung.box is not None
    y0, x0, y1, x1 = rung.box
    assert y1 - y0 + 1 == 27
    for smaller in ((y0 + 1, x0, y1, x1), (y0, x0 + 1, y1, x1), (y0, x0, y1 - 1, x1), (y0, x0, y1, x1 - 1)):
        assert largest_outside(rung.gradient, smaller) > 0


def test_gradients_are_the_mean_over_the_faces(networks: dict[str, Network], others: dict[str, Network]) -> None:
    network, other, layers = networks["sface"], others["sface"], ["blocks.1.pointwise"]
    both = climb(network, layers, torch.cat([network.x, other.x]))
    found, first, second = (
        climbed.rungs[0].gradient for climbed in (both, climb(network, layers), climb(other, layers))
    )
    assert both.faces == 2
    assert found is not None
    np.testing.assert_allclose(found, (first + second) / 2, rtol=1e-3, atol=1e-6)


def test_two_faces_show_the_same_channels(networks: dict[str, Network], others: dict[str, Network]) -> None:
    layers = ["conv", "blocks.3.depthwise"]
    ladder = climb(networks["sface"], layers)
    second = climb(others["sface"], layers, channels={rung.layer.name: rung.channels for rung in ladder.rungs})
    assert [rung.channels for rung in second.rungs] == [rung.channels for rung in ladder.rungs]
    alone, pair = show_ladder(ladder), show_ladder(ladder, second)
    assert len(pair.checks) == 2 * len(alone.checks) == 4
    assert isinstance(alone.blocks[0], Picture)
    assert isinstance(pair.blocks[0], Picture)
    assert pair.blocks[0].pixels.shape[0] == 2 * alone.blocks[0].pixels.shape[0] + 6


def test_depthwise_steps_are_left_to_the_convolutions_that_add_up(networks: dict[str, Network]) -> None:
    network = networks["sface"]
    chosen = spread(network, 10)
    assert chosen == ("conv", *(f"blocks.{number}.pointwise" for number in (0, 1, 2, 3, 4, 5, 7, 10, 12)))
    assert spread(network, 27) == tuple(network.convolutions)
    apart = climb(network, ["conv"]).apart
    assert apart is not None
    assert (apart.convolutions, apart.depthwise) == (27, 13)
    own = [layer for layer in network.layers.values() if layer.name.endswith("depthwise")]
    every = [network.layers[name] for name in network.convolutions]
    assert apart.weights == sum(layer.weights for layer in own) / sum(layer.weights for layer in every)
    assert climb(networks["dlib_resnet"], ["conv"]).apart is None


def test_what_is_said_of_sface(networks: dict[str, Network]) -> None:
    """It has depthwise convolutions, PReLUs hand on what is below 0, and no map of one place."""
    view = show_ladder(climb(networks["sface"]), cascade=[networks["onet"]], finder="yunet")
    assert "What lies below 0 is handed on too" in view.intro.en
    assert "小于 0 的值同样传给下一层" in view.intro.zh
    assert "Maps of one place" not in view.intro.en
    (steps,) = (block for block in view.blocks if isinstance(block, Text))
    assert "13 of the 27 convolutions are depthwise" in steps.en
    pictures = [block for block in view.blocks if isinstance(block, Picture)]
    assert "The face was found by yunet; how one is found from coarse to fine is shown with MTCNN" in (
        pictures[-1].caption.en
    )
    assert "这张脸由 yunet 找到" in pictures[-1].caption.zh
    assert {picture.pixels.shape[0] for picture in pictures[:-1]} == {226}  # the face, twice as large; two rows of maps
    one = show_ladder(climb(networks["sface"], ["blocks.3.depthwise"])).blocks[0]
    assert isinstance(one, Picture)
    assert "Each map comes from one map alone." in one.caption.en
    older = show_ladder(climb(networks["dlib_resnet"])).intro.en
    assert "below 0" not in older
    assert "Maps of one place share one scale." in older


def test_the_view(networks: dict[str, Network]) -> None:
    ladder = climb(networks["dlib_resnet"])
    view = show_ladder(ladder, cascade=[networks[name] for name in ("pnet", "rnet", "onet")])
    pictures = [block for block in view.blocks if isinstance(block, Picture)]
    (table,) = (block for block in view.blocks if isinstance(block, Table))
    assert len(pictures) == 11
    assert len(table.rows) == 10
    assert table.rows[0][2:5] == ("7 × 7", "7", "4,704")
    assert all(check.passed for check in view.checks)
    assert all(picture.pixels.shape[1] * picture.zoom <= 950 for picture in pictures)


def test_bad_layers_are_named(networks: dict[str, Network]) -> None:
    with pytest.raises(UsageError, match="conv99"):
        climb(networks["pnet"], ["conv99"])
    flat = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    with pytest.raises(UsageError, match="no convolution"):
        climb(Network("flat", flat, np.zeros((4, 4, 3), np.uint8), torch.zeros(1, 3, 4, 4)))


def test_what_is_said_is_what_is_shown(networks: dict[str, Network]) -> None:
    small, deep = show_ladder(climb(networks["pnet"])), show_ladder(climb(networks["dlib_resnet"]))
    (few,), (many,) = ([block for block in view.blocks if isinstance(block, Table)] for view in (small, deep))
    assert "Below 1" not in few.caption.en
    assert "Below 1 (" in many.caption.en
    assert "stages.4.0.conv2" in many.caption.en
    captions = [block.caption.en for block in deep.blocks if isinstance(block, Picture)]
    assert "The convolution's 1 × 1 is padded with zeros, below and to the right, to the skip's 2 × 2" in captions[-1]
    assert "padded" not in captions[0]


def test_without_gradients_nothing_is_said_of_them() -> None:
    ladder = climb(toy())
    assert "gradient" in show_ladder(ladder).intro.en
    blind = replace(ladder, rungs=tuple(replace(rung, gradient=None, effective=float("nan")) for rung in ladder.rungs))
    intro = show_ladder(blind).intro
    assert "gradient" not in intro.en
    assert "green" not in intro.en
    assert "绿" not in intro.zh


def test_maps_of_one_place_share_a_scale() -> None:
    conv = nn.Conv2d(3, 2, 4, bias=False)
    with torch.no_grad():
        conv.weight[0], conv.weight[1] = 1, 0.25
    ladder = climb(Network("toy", nn.Sequential(conv), np.zeros((4, 4, 3), np.uint8), torch.ones(1, 3, 4, 4)))
    (picture,) = (block for block in show_ladder(ladder).blocks if isinstance(block, Picture))
    assert {254, 64} <= set(picture.pixels[:, -10, 0].tolist())  # white, and a quarter of it
