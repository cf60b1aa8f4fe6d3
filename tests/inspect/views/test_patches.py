from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.embed.base import normalise
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import backbone_network
from facepipe.inspect.views import features, patches
from facepipe.inspect.views.patches import find_exciters, strongest_channels
from facepipe.inspect.views.patches_view import show_exciters
from facepipe.page.view import Picture
from facepipe.pipeline import Pipeline
from facepipe.records import Pixels

SIDE = 9


def scaled(pixels: Pixels) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32).transpose(0, 3, 1, 2) / 255)


def sums(kernel: int, padding: int = 0) -> Network:
    """Channel 0 adds up the red of kernel × kernel px, channel 1 takes it off; the face is all red."""
    conv = nn.Conv2d(3, 2, kernel, padding=padding, bias=False)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0], conv.weight[1, 0] = 1, -1
    face = np.zeros((SIDE, SIDE, 3), np.uint8)
    face[..., 0] = 255
    return Network("toy", nn.Sequential(conv), face, scaled(face[None]))


def dots(*lights: tuple[int, int, int]) -> Pixels:
    """One chip per (row, column, level): black but for one red pixel."""
    chips = np.zeros((len(lights), SIDE, SIDE, 3), np.uint8)
    for chip, (row, column, level) in zip(chips, lights, strict=True):
        chip[row, column, 0] = level
    return chips


def test_the_strongest_chips_are_kept_with_their_place_and_the_earlier_of_equals() -> None:
    chips = dots((4, 5, 51), (4, 5, 204), (8, 8, 102), (0, 0, 204), (4, 4, 153))
    (channel,) = find_exciters(sums(3), chips, scaled, {"0": [0]}, k=3).channels
    assert [patch.chip for patch in channel.patches] == [1, 3, 4]
    np.testing.assert_allclose([patch.activation for patch in channel.patches], [0.8, 0.8, 0.6], rtol=1e-6)
    first = channel.patches[0]
    assert (first.row, first.column, first.box) == (2, 3, (2, 3, 4, 5))  # the first unit that sees (4, 5)
    np.testing.assert_array_equal(first.pixels, chips[1, 2:5, 3:6])
    assert channel.own is not None
    assert channel.own.activation == pytest.approx(9)


def test_batches_of_any_size_find_the_same() -> None:
    chips = dots((4, 5, 51), (1, 5, 204), (8, 8, 204), (0, 0, 7), (4, 4, 153))
    whole, single = (find_exciters(sums(3), given, scaled, {"0": [0]}, k=2) for given in (chips, iter(chips[:, None])))
    assert [p.chip for p in whole.channels[0].patches] == [p.chip for p in single.channels[0].patches] == [1, 2]
    assert whole.seen == single.seen == 5


def test_a_channel_that_nothing_excites_has_no_patches_and_can_be_shown() -> None:
    found = find_exciters(sums(3), dots((4, 4, 255)), scaled, {"0": [1]})
    (channel,) = found.channels
    assert channel.patches == ()
    assert channel.own is None
    assert show_exciters(found).checks[0].passed


def test_a_box_past_the_border_is_clipped_and_its_patch_alone_still_gives_the_activation() -> None:
    found = find_exciters(sums(3, padding=1), dots((0, 0, 255)), scaled, {"0": [0]})
    (patch,) = found.channels[0].patches
    assert patch.box == (-1, -1, 1, 1)
    assert patch.pixels.shape == (2, 2, 3)
    assert patch.alone == pytest.approx(1)


def test_the_patch_alone_falls_short_when_its_box_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = patches._box
    monkeypatch.setattr(patches, "_box", lambda *given: (*honest(*given)[:2], *(v - 1 for v in honest(*given)[2:])))
    found = find_exciters(sums(3), np.full((1, SIDE, SIDE, 3), 255, np.uint8), scaled, {"0": [0]})
    assert found.deviation == pytest.approx(5 / 9)  # 2 × 2 of 3 × 3 left
    assert not show_exciters(found).checks[0].passed


def test_what_a_smaller_square_leaves() -> None:
    found = find_exciters(sums(5), np.full((1, SIDE, SIDE, 3), 255, np.uint8), scaled, {"0": [0]})
    assert found.kept["0"] == {3: pytest.approx(9 / 25), 5: 1}
    for place, share in ((3, 1), (4, 0)):  # the first unit sees 0 to 4; the square of 3 px in the middle is 1 to 3
        found = find_exciters(sums(5), dots((place, place, 255)), scaled, {"0": [0]})
        assert found.kept["0"][3] == pytest.approx(share)


def test_what_grey_alone_gives_is_taken_off() -> None:
    network = sums(5)
    conv = network.module[0]
    conv.bias = nn.Parameter(torch.tensor([100.0, 0.0]))  # much of the activation is there without a patch
    found = find_exciters(network, np.full((1, SIDE, SIDE, 3), 255, np.uint8), scaled, {"0": [0]})
    assert found.kept["0"] == {3: pytest.approx(9 / 25), 5: 1}
    nothing = find_exciters(network, np.zeros((1, SIDE, SIDE, 3), np.uint8), scaled, {"0": [0]})
    assert nothing.kept["0"] == {}  # grey excites it as much


def test_only_the_patches_stay_in_memory() -> None:
    found = find_exciters(sums(3), dots(*[(4, 4, level) for level in range(1, 200)]), scaled, {"0": [0]}, k=4)
    kept = found.channels[0].patches
    assert [patch.chip for patch in kept] == [198, 197, 196, 195]
    assert all(patch.pixels.base is None and patch.pixels.shape == (3, 3, 3) for patch in kept)


def test_the_strongest_channels_are_those_above_what_grey_excites() -> None:
    network = sums(3)
    conv = network.module[0]
    conv.bias = nn.Parameter(torch.tensor([0.0, 100.0]))  # the second answers to anything
    assert strongest_channels(network, ["0"], 1) == {"0": [0]}


def test_chips_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected shape \(N, 9, 9, 3\), got \(1, 8, 8, 3\)"):
        find_exciters(sums(3), np.zeros((1, 8, 8, 3), np.uint8), scaled, {"0": [0]})


def test_depths_are_activations_and_the_sums_they_follow() -> None:
    network = sums(3)
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 4, 3))
    assert features.depths(replace(network, module=module)) == ("1", "3")


REAL = {  # how many depths, and the fields of those shown, px
    "sface": (28, [3, 7, 15, 47, 127, 159]),
    "dlib_resnet": (30, [7, 19, 35, 67, 163, 899]),
}


@pytest.mark.parametrize("name", REAL)
def test_on_real_faces_every_patch_alone_gives_its_activation(
    pipelines: dict[str, Pipeline], samples: Path, name: str
) -> None:
    pipeline, (count, sides) = pipelines[name], REAL[name]
    names = ("obama.jpg", "obama2.jpg", "obama3.jpg", "biden.jpg", "astronaut.png")
    chips = np.stack([pipeline.faces(samples / name)[0].chip.pixels for name in names])
    network = backbone_network(pipeline.backbone, chips[0])
    assert network is not None
    assert len(features.depths(network)) == count
    found = find_exciters(network, chips[1:], lambda p: torch.from_numpy(normalise(p, pipeline.backbone.card)))
    assert len(found.channels) == 18
    assert [c.side for c in found.channels[::3]] == sides
    assert found.deviation <= 1e-5
    view = show_exciters(found)
    assert all(check.passed for check in view.checks)
    pictures = [block for block in view.blocks if isinstance(block, Picture)]
    assert len(pictures) == 6
    assert all(picture.pixels.dtype == np.uint8 for picture in pictures)
    side = sides[0] + 1  # px of a tile and the line after it
    assert pictures[0].pixels.shape == (3 * side - 1, 5 * side - 1, 3)
