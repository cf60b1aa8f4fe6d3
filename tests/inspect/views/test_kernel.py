"""Kernel and sum: by hand on toy convolutions, and for every convolution of every network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.errors import UsageError
from facepipe.inspect.graphs.graph import Stencil
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.edges import HAND_MADE, find_edges, stretched
from facepipe.inspect.views.edges_view import edges_table
from facepipe.inspect.views.kernel import see_kernels, sliding, sum_kernel, torch_on_same
from facepipe.inspect.views.kernel_view import show_kernels
from facepipe.inspect.views.partial_sums import partial_maps, partial_sum_error, partial_sum_errors
from facepipe.page.view import Picture, Text

DTYPES = ((torch.float32, 1e-5), (torch.float64, 1e-10))


def network(module: nn.Module, x: Tensor) -> Network:
    pixels = np.random.default_rng(0).integers(0, 256, (*x.shape[2:], 3), np.uint8)
    return Network("toy", module.eval(), pixels, x)


def toy() -> Network:
    """Two input channels, kernels of 1 × 2: [1, 2] and [0, −1], bias 10."""
    conv = nn.Conv2d(2, 1, (1, 2))
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[[1.0, 2.0]], [[0.0, -1.0]]]]))
        conv.bias.fill_(10)
    return network(nn.Sequential(conv), torch.tensor([[[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]]]))


def test_a_sum_by_hand() -> None:
    one = sum_kernel(toy(), "0")
    np.testing.assert_array_equal(one.partial, [[[5, 8]], [[-5, -6]]])
    np.testing.assert_array_equal(one.running, [[[15, 18]], [[10, 12]]])
    np.testing.assert_array_equal(one.own, [[10, 12]])
    assert (one.output, one.bias, one.dense, one.all_kernels.size) == (0, 10, 12, 4)


def test_the_error_is_relative_and_notices_a_wrong_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = toy()
    assert partial_sum_error(seen, "0") == 0
    wrong = {"0": torch.tensor([[[[11.0, 12.0]]]])}
    monkeypatch.setattr(Network, "outputs", lambda self, names: wrong)
    assert partial_sum_error(seen, "0") == pytest.approx(1 / 12)


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 6, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, stride=2, groups=4, bias=False),
        nn.Conv2d(4, 5, (1, 7), padding=(0, 3)),
        nn.Conv2d(4, 5, (7, 1), dilation=(1, 1), stride=(1, 2)),
        nn.Conv2d(4, 5, 1),
        nn.Conv2d(4, 5, 3, dilation=2, padding=2),
        nn.Conv2d(4, 5, 2, padding="same"),
    ],
    ids=str,
)
def test_partial_maps_are_what_a_grouped_convolution_gives(conv: nn.Conv2d) -> None:
    x = torch.randn(1, 4, 11, 9, generator=torch.Generator().manual_seed(1))
    whole = conv(x).detach()[0]
    per_group = conv.out_channels // conv.groups
    for output in range(conv.out_channels):
        start = output // per_group * conv.weight.shape[1]
        maps = x[:, start : start + conv.weight.shape[1]]
        parts = nn.functional.conv2d(
            maps,
            conv.weight[output][:, None],
            None,
            conv.stride,
            conv.padding,
            conv.dilation,
            groups=maps.shape[1],
        )[0].detach()
        mine = partial_maps(conv, x, [output])[0]
        torch.testing.assert_close(mine, parts, atol=1e-6, rtol=1e-5)
        bias = 0 if conv.bias is None else conv.bias[output].detach()
        torch.testing.assert_close(mine.sum(dim=0) + bias, whole[output], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet", "sface", "dlib_resnet"])
@pytest.mark.parametrize(("dtype", "bound"), DTYPES, ids=["float32", "float64"])
def test_every_convolution_is_the_sum_of_its_parts(
    networks: dict[str, Network], name: str, dtype: torch.dtype, bound: float
) -> None:
    errors = partial_sum_errors(networks[name], dtype=dtype)
    assert list(errors) == networks[name].convolutions
    assert max(errors.values()) <= bound


@pytest.mark.slow
def test_every_convolution_of_inception_is_the_sum_of_its_parts() -> None:
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

    torch.manual_seed(0)
    module = InceptionResnetV1(pretrained=None, classify=True, num_classes=1)
    x = torch.randn(1, 3, 80, 80)  # a quarter of the work of 160 px, the same 132 convolutions
    errors = partial_sum_errors(network(module, x))
    assert len(errors) == 132
    assert max(errors.values()) <= 1e-5


def test_no_padding_and_same_padding_by_hand() -> None:
    window = Stencil((3, 3), (1, 1), (0, 0))
    valid, same = sliding((5, 6), window, (0, 0)), sliding((5, 6), window, (1, 1))
    assert (valid.output, valid.touching) == ((3, 4), 0)
    assert (same.output, same.touching) == ((5, 6), 30 - 12)
    strided = sliding((150, 150), Stencil((7, 7), (2, 2), (0, 0)), (0, 0))
    assert (strided.output, strided.unread) == ((72, 72), (1, 1))
    wide = sliding((5, 5), Stencil((3, 3), (1, 1), (0, 0), (2, 2)), (2, 2))
    assert (wide.output, wide.touching) == ((5, 5), 24)


def test_the_first_layer_and_a_deeper_one_are_taken(networks: dict[str, Network]) -> None:
    kernels = see_kernels(networks["dlib_resnet"])
    assert [one.layer.name for one in kernels.sums] == ["conv", "stages.0.0.conv1"]
    first = kernels.sums[0]
    assert first.all_kernels.size == 4704
    assert first.dense == 3 * 150 * 150 * 32 * 72 * 72
    strength = networks["dlib_resnet"].outputs(["conv"])["conv"][0].abs().mean(dim=(1, 2))
    assert first.output == int(strength.argmax())


def test_both_steps_of_a_depthwise_convolution_are_taken(networks: dict[str, Network]) -> None:
    first, own, added = see_kernels(networks["sface"]).sums
    assert [one.layer.name for one in (first, own, added)] == ["conv", "blocks.0.depthwise", "blocks.0.pointwise"]
    assert [one.layer.depthwise for one in (first, own, added)] == [False, True, False]
    assert (own.all_kernels.shape, own.partial.shape) == ((32, 1, 3, 3), (1, 112, 112))
    np.testing.assert_allclose(own.partial[0] + own.bias, own.own, atol=1e-4)  # one partial map: nothing to add up
    np.testing.assert_array_equal(own.inputs[0], networks["sface"].outputs(["prelu"])["prelu"][0, own.output].numpy())
    assert added.all_kernels.shape == (64, 32, 1, 1)
    assert added.dense == 32 * 112 * 112 * 64 * 112 * 112


def test_a_depthwise_layer_is_told_as_one_and_shows_a_kernel_for_each_map(networks: dict[str, Network]) -> None:
    view = show_kernels(see_kernels(networks["sface"]))
    said = [block for block in view.blocks if isinstance(block, Text)]
    assert "32 output channels, each with 3 kernels of 3 × 3" in said[0].en
    assert "Each of the 32 output channels sees one map alone, with one kernel of 3 × 3: 288 weights" in said[1].en
    assert "a kernel for every pair of maps would make 9,216" in said[1].en
    assert "逐通道卷积" in said[1].zh
    assert "64 output channels, each with 32 kernels of 1 × 1. A kernel of 1 × 1 is a single weight" in said[2].en
    pictures = {block.name: block for block in view.blocks if isinstance(block, Picture)}
    assert "The kernels of this layer, one a map; full colour" in pictures["each-1"].caption.en
    assert "The one input channel" in pictures["sum-1"].caption.en
    assert "stretched" not in pictures["edges"].caption.en
    assert {"each-0", "each-2", "partial-1"}.isdisjoint(pictures)


def test_a_hand_made_kernel_finds_itself() -> None:
    conv = nn.Conv2d(1, 3, 3, bias=False)
    with torch.no_grad():
        conv.weight[0, 0] = torch.ones(3, 3)
        conv.weight[1, 0] = -2 * torch.tensor(HAND_MADE["Sobel x"], dtype=torch.float32)
        conv.weight[2, 0] = torch.tensor(HAND_MADE["Laplace"], dtype=torch.float32) + 0.1
    x = torch.arange(25.0).reshape(1, 1, 5, 5)
    edges = {edge.name: edge for edge in find_edges(conv, x, pictures=True)}
    assert edges["Sobel x"].output == 1
    assert edges["Sobel x"].correlation == pytest.approx(-1)
    np.testing.assert_allclose(edges["Sobel x"].made_map, 8)  # a slope of 1 px⁻¹, Sobel's gain is 8
    np.testing.assert_allclose(edges["Sobel x"].learnt_map, -16)
    assert edges["Laplace"].output == 2
    assert 0.9 < edges["Laplace"].correlation < 1
    assert edges["Sobel x"].input is None
    assert find_edges(nn.Conv2d(1, 3, (1, 7)), x, pictures=True) == ()


def test_the_nearest_of_a_deeper_layer_names_its_input_channel() -> None:
    conv = nn.Conv2d(4, 2, 3, groups=2, bias=False)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[1, 1] = torch.tensor(HAND_MADE["Sobel y"], dtype=torch.float32)
    (edge,) = [e for e in find_edges(conv, torch.randn(1, 4, 5, 5), pictures=False) if e.name == "Sobel y"]
    assert (edge.output, edge.input, edge.correlation) == (1, 3, pytest.approx(1))


def test_a_stretched_kernel_ignores_an_even_grey() -> None:
    for rows in HAND_MADE.values():
        assert abs(stretched(np.array(rows, np.float32), (7, 7)).sum()) < 1e-5


def test_torch_speaks_for_itself() -> None:
    raised, warned = torch_on_same()
    with pytest.raises(ValueError, match="same") as error:
        nn.Conv2d(1, 1, 3, stride=2, padding="same")
    assert raised == f"ValueError: {error.value}"
    assert warned.startswith("UserWarning: ")
    assert "even kernel" in warned


def test_no_convolution_and_unknown_layers_are_named() -> None:
    flat = network(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), torch.zeros(1, 3, 4, 4))
    with pytest.raises(UsageError, match="no convolution"):
        see_kernels(flat)
    with pytest.raises(UsageError, match="did you mean 0"):
        see_kernels(toy(), ["00"])
    with pytest.raises(UsageError, match="channels 0 to 0"):
        sum_kernel(toy(), "0", output=1)


@pytest.mark.parametrize("name", ["pnet", "sface", "dlib_resnet"])
def test_the_view(networks: dict[str, Network], name: str) -> None:
    kernels = see_kernels(networks[name])
    view = show_kernels(kernels)
    assert len(view.checks) == 2 * len(kernels.sums)
    assert all(check.passed for check in view.checks)
    pictures = [block for block in view.blocks if isinstance(block, Picture)]
    assert len({picture.name for picture in pictures}) == len(pictures) >= 6
    assert all(picture.pixels.dtype == np.uint8 and picture.pixels.ndim == 3 for picture in pictures)
    assert all(picture.pixels.shape[1] * picture.zoom <= 950 for picture in pictures)


def test_the_view_of_odd_kernels() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, (1, 7), padding=(0, 3), groups=2), nn.Conv2d(8, 2, 2))
    seen = network(module, torch.randn(1, 3, 12, 12))
    view = show_kernels(see_kernels(seen, seen.convolutions))
    assert len(view.checks) == 6
    assert all(check.passed for check in view.checks)


def sorts(network: Network) -> list[str]:
    """A convolution of each sort: of its kernels, its steps, its padding, and of what its output channels see."""
    convolutions = {name: network.convolution(name) for name in network.convolutions}
    found = {
        (conv.kernel_size, conv.stride, conv.padding, conv.groups > 1, conv.in_channels <= 3): name
        for name, conv in convolutions.items()
    }
    return sorted(found.values(), key=network.convolutions.index)


@pytest.mark.parametrize(("name", "count"), [("pnet", 3), ("onet", 3), ("sface", 4), ("dlib_resnet", 3)])
def test_every_sort_of_convolution_can_be_shown(networks: dict[str, Network], name: str, count: int) -> None:
    chosen = sorts(networks[name])
    assert len(chosen) == count
    assert len(show_kernels(see_kernels(networks[name], chosen)).checks) == 2 * count


def test_a_kernel_that_does_not_fit_without_padding_is_told() -> None:
    seen = network(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1)), torch.randn(1, 3, 1, 1))
    kernels = see_kernels(seen)
    assert kernels.sums[0].valid.output == (0, 0)
    (sliding,) = (b for b in show_kernels(kernels).blocks if isinstance(b, Picture) and b.name == "sliding-0")
    assert "valid: the kernel does not fit" in sliding.caption.en
    assert "valid：卷积核放不下，没有输出" in sliding.caption.zh


def test_the_input_channel_is_a_column_only_where_there_is_one() -> None:
    conv = nn.Conv2d(1, 3, 3, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.ones(3, 1, 3, 3) + torch.arange(9.0).reshape(3, 3))
    pictures, maps = (edges_table(find_edges(conv, torch.ones(1, 1, 5, 5), pictures=p)) for p in (True, False))
    assert [len(table.head) for table in (pictures, maps)] == [3, 4]
    assert "the nearest is not near" in pictures.caption.en
