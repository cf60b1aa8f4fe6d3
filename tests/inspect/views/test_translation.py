"""Translation: by hand on toy networks, P-Net on crops, and a real backbone at whole strides and between."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.errors import UsageError
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.translation import (
    Invariance,
    compare_crops,
    left_out,
    measure_equivariance,
    measure_invariance,
    mirrored,
    movable,
)
from facepipe.inspect.views.translation_view import FULL, show_translation
from facepipe.page.view import Chart, Picture


def network(module: nn.Module, side: int = 20) -> Network:
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(3))
    return Network("toy", module.eval(), np.zeros((side, side, 3), np.uint8), x)


class Position(nn.Module):
    """Adds to every place its own column: not equivariant."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.arange(x.shape[3]).to(x)


@pytest.mark.parametrize("side", [24, 25])
def test_pnet_on_crops(networks: dict[str, Network], side: int) -> None:
    pnet = networks["pnet"]
    values = torch.nn.functional.interpolate(networks["onet"].x, (side, side))
    crops = compare_crops(Network("pnet", pnet.module, np.zeros((side, side, 3), np.uint8), values))
    units = -(-(side - 12) // 2) + 1
    assert (crops.shape, crops.window, crops.stride) == ((units, units), 12, 2)
    assert crops.compared == units**2
    assert crops.cut == (0 if side == 24 else 2 * units - 1)  # a window cut by the lower or the right border
    assert crops.error <= 1e-5


def test_pnet_on_the_level_it_found_the_face(networks: dict[str, Network]) -> None:
    assert compare_crops(networks["pnet"]).error <= 1e-5
    assert compare_crops(networks["pnet"], "conv4_2").error <= 1e-5


def test_crops_notice_what_depends_on_the_place() -> None:
    crops = compare_crops(network(nn.Sequential(nn.Conv2d(3, 2, 3), Position(), nn.Conv2d(2, 1, 1))), "0")
    assert crops.error <= 1e-5
    assert compare_crops(network(nn.Sequential(nn.Conv2d(3, 2, 3), Position(), nn.Conv2d(2, 1, 1)))).error > 0.1


def test_padded_layers_have_no_crops() -> None:
    with pytest.raises(UsageError, match="crop"):
        compare_crops(network(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1))))
    with pytest.raises(UsageError, match="no convolution"):
        compare_crops(network(nn.Sequential(nn.ReLU())))


def test_a_strided_identity_by_hand() -> None:
    """Every second pixel: exact for even shifts; between them the neighbours' mean stands for the pixel between."""
    conv = nn.Conv2d(3, 1, 1, stride=2, bias=False)
    with torch.no_grad():
        conv.weight.fill_(1)
    seen = network(nn.Sequential(conv))
    seen.x.copy_(torch.tensor([1.0, -1.0]).repeat(10).expand(3, 20, 20)[None])  # columns +1, −1, …
    (one,) = measure_equivariance(seen, ["0"])
    errors = dict(zip(one.shifts, one.errors, strict=True))
    assert (one.stride, one.field) == (2, 1)
    assert errors[0] == errors[2] == errors[4] == one.whole == 0
    assert errors[1] == errors[3] == pytest.approx(2)  # only the one columns are seen, then only the other


def test_linear_shifts_between_strides_are_exact_on_a_slope() -> None:
    conv = nn.Conv2d(3, 1, 1, stride=4, bias=False)
    with torch.no_grad():
        conv.weight.fill_(1)
    seen = network(nn.Sequential(conv), side=200)
    seen.x.copy_(torch.arange(200.0).expand(3, 200, 200)[None])
    (one,) = measure_equivariance(seen, ["0"])  # its canvas lies on the slope's way, before any mirror
    assert one.canvas + max(one.shifts) <= 200
    assert max(one.errors) <= 1e-6


def test_what_depends_on_the_place_is_not_equivariant() -> None:
    seen = network(nn.Sequential(nn.Conv2d(3, 2, 3, padding=1), Position()))
    conv, placed = measure_equivariance(seen, ["0", "1"], shifts=(0, 1, 3))
    assert conv.whole <= 1e-6
    assert placed.errors[0] == 0
    assert placed.whole > 0.01


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_the_detector_is_equivariant_at_whole_strides(networks: dict[str, Network], name: str) -> None:
    measured = measure_equivariance(networks[name])
    assert measured
    for layer in measured:
        assert layer.whole <= 1e-5
        assert layer.stride == 1 or max(layer.errors) > 0.01


def test_the_backbone_is_equivariant_at_whole_strides(networks: dict[str, Network]) -> None:
    network = networks["dlib_resnet"]
    assert [network.fields[name].jump[0] for name in movable(network)] == [2, 4, 8]
    measured = measure_equivariance(network, ["relu", "stages.1.3.relu2"])
    for layer in measured:
        assert layer.whole <= 1e-5
        assert 0.05 < max(layer.errors) < 1
    assert left_out(network, measured)[0] == "stages.2.0.conv1"


def test_every_map_of_sface_is_equivariant_at_whole_strides(networks: dict[str, Network]) -> None:
    network = networks["sface"]
    assert movable(network) == ("blocks.2.prelu2", "blocks.4.prelu2", "blocks.10.prelu2", "blocks.12.prelu2")
    measured = measure_equivariance(network)
    assert [layer.stride for layer in measured] == [2, 4, 8, 16]
    for layer in measured:
        assert layer.whole <= 1e-5
        assert 0.05 < max(layer.errors) < 1
    assert left_out(network, measured) == ("flatten", "fc")


def test_mirroring_keeps_the_picture_in_the_middle() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    wide = mirrored(x, 9, 2)
    assert wide.shape == (1, 1, 9, 11)
    torch.testing.assert_close(wide[0, 0, 3:6, 4:7], x[0, 0])
    assert float(wide[0, 0, 3, 3]) == 1  # reflected about the outermost pixel
    assert mirrored(x, 2, 0).shape == (1, 1, 2, 2)


def test_the_similarity_of_shifted_faces_by_hand() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, 1] = 255

    def columns(image: np.ndarray) -> np.ndarray:
        return image[..., 0].astype(np.float32).sum(axis=0)

    curve = measure_invariance(pixels, columns, 0.5, (-1, 0, 1))
    assert curve.down == pytest.approx((1, 1, 1))  # stripes: nothing changes
    assert curve.right == pytest.approx((0, 1, 0))  # the stripe is in another column
    edge = np.zeros((4, 4, 3), np.uint8)
    edge[:, 0] = 255
    assert measure_invariance(edge, columns, 0.5, (1,)).right == pytest.approx((0.5**0.5,))  # repeated at the border


def test_the_view(networks: dict[str, Network]) -> None:
    crops = compare_crops(networks["pnet"])
    layers = measure_equivariance(networks["dlib_resnet"], ["relu", "stages.0.2.relu2"])
    chip = networks["dlib_resnet"].pixels
    curve = measure_invariance(chip, lambda image: image.astype(np.float32).ravel(), 0.9, (-20, 0, 20))
    view = show_translation(crops, layers, curve, left_out(networks["dlib_resnet"], layers))
    assert len(view.checks) == 3
    assert all(check.passed for check in view.checks)
    assert len(view.blocks) == 6
    (picture,) = (block for block in view.blocks if isinstance(block, Picture))
    assert f"1/{FULL}" in picture.caption.en
    assert f"1/{FULL}" in picture.caption.zh
    assert show_translation(None, (), None).blocks == ()


def test_the_nearest_shift_that_is_no_match_is_named() -> None:
    curve = Invariance((-8, -4, 0, 4, 8), (0.97, 0.9, 1, 0.99, 0.98), (0.99, 0.95, 1, 0.99, 0.1), 0.96)
    (chart,) = show_translation(None, (), curve).blocks
    assert isinstance(chart, Chart)
    assert "up to 0 px in every direction; at 4 px left it does not (0.900)" in chart.caption.en
    assert "向左平移 4 像素时不再匹配（0.900）" in chart.caption.zh
    (chart,) = show_translation(None, (), Invariance((-2, 0, 2), (1, 1, 1), (1, 1, 1), 0.96)).blocks
    assert isinstance(chart, Chart)
    assert "at every shift measured, up to 2 px" in chart.caption.en
