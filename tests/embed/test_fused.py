"""Fused convolutions against torch's own, on maps small enough to be quick and of every form the networks have."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from facepipe.embed.fused import FusedConv, available, max_pool

pytestmark = pytest.mark.skipif(
    not available(torch.device("cpu"), torch.float32), reason="this torch was built without oneDNN"
)

CONVS = [
    nn.Conv2d(3, 8, 7, stride=2),
    nn.Conv2d(8, 16, 3, padding=1),
    nn.Conv2d(8, 16, 1, bias=False),
    nn.Conv2d(8, 8, (1, 7), padding=(0, 3)),
    nn.Conv2d(8, 8, 3, groups=4),
]


def maps(count: int, channels: int, side: int = 9) -> Tensor:
    made = torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(count))
    return made.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("conv", CONVS, ids=str)
@torch.inference_mode()
def test_it_is_the_convolution_and_its_relu_for_any_number_of_maps(conv: nn.Conv2d) -> None:
    fused = FusedConv(conv)
    for count in (1, 3, 8):
        x = maps(count, conv.in_channels)
        expected = conv(x)
        assert expected.min() < -0.1
        assert torch.allclose(fused(x, relu=False), expected, atol=1e-5)
        assert torch.allclose(fused(x), functional.relu(expected), atol=1e-5)


@pytest.mark.parametrize("relu", [True, False])
@torch.inference_mode()
def test_it_adds_into_the_other_map(relu: bool) -> None:
    conv = CONVS[1]
    x, other = maps(2, 8), maps(2, 16)
    expected = conv(x) + other
    found = FusedConv(conv).add(x, other, relu)
    assert torch.allclose(found, functional.relu(expected) if relu else expected, atol=1e-5)
    assert found.data_ptr() == other.data_ptr()


@torch.inference_mode()
def test_maps_of_other_extents_than_the_first() -> None:
    conv = CONVS[1]
    fused = FusedConv(conv)
    for side in (9, 4, 30):
        assert torch.allclose(fused(maps(2, 8, side), relu=False), conv(maps(2, 8, side)), atol=1e-5)


@torch.inference_mode()
def test_the_convolution_itself_stays_as_it_is() -> None:
    conv = nn.Conv2d(8, 16, 3)
    before = conv.weight.clone()
    FusedConv(conv)(maps(1, 8))
    assert torch.equal(conv.weight, before)
    assert not conv.weight.is_mkldnn


@pytest.mark.parametrize("side", [3, 4, 9, 72])
def test_the_pool_is_torchs(side: int) -> None:
    x = maps(2, 8, side)
    assert torch.equal(max_pool(x), functional.max_pool2d(x, 3, 2))
    assert max_pool(x).is_contiguous(memory_format=torch.channels_last)
