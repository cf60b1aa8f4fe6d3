"""Toy heads whose shares are worked out by hand, and the real networks on real faces."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.embed.inception_resnet_v1 import network as inception
from facepipe.errors import UsageError
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.views.forward import ForwardPass, cuts, last_map
from facepipe.inspect.views.match_map import MatchMap, bias_of, match_map
from facepipe.inspect.views.match_map_view import show_match_map
from facepipe.page.view import Picture, Table, Text
from facepipe.pipeline import Pipeline


class Toy(nn.Module):
    """The first two channels, rectified, then ``head``."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        self.conv.weight.data = torch.eye(2, 3).reshape(2, 3, 1, 1)
        self.relu = nn.ReLU()
        self.head = head

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.relu(self.conv(x)))
        return out


def linear(*bias: float, inputs: int = 2) -> nn.Linear:
    layer = nn.Linear(inputs, 2)
    layer.weight.data = torch.eye(2).repeat(1, inputs // 2)
    layer.bias.data = torch.tensor(bias, dtype=torch.float32)
    return layer


def pooled(*after: nn.Module) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *after)


def net(module: nn.Module, first: list[list[float]], second: list[list[float]]) -> Network:
    x = torch.tensor([first, second, [[0.0] * len(first[0])] * len(first)])[None]
    return Network("toy", module.eval().requires_grad_(False), np.zeros((*x.shape[2:], 3), np.uint8), x)


def pair(module: nn.Module) -> tuple[Network, Network]:
    """Places add (1, 0) at 0 and (0, 2) at 3 to a's embedding; (0, 1) at 0 and (2, 0) at 2 to b's."""
    a = net(module, [[4, 0], [0, 0]], [[0, 0], [0, 8]])
    return a, net(module, [[0, 0], [8, 0]], [[4, 0], [0, 0]])


def test_shares_by_hand() -> None:
    found = match_map(*pair(Toy(pooled(linear(0, 0)))))
    expected = np.zeros((5, 5))
    expected[0, 2] = expected[3, 0] = 2 / 5  # e_a = (1, 2), e_b = (2, 1), both √5 long
    assert found.layer == "relu"
    assert found.shares == pytest.approx(expected, abs=1e-6)
    assert found.score == pytest.approx(0.8, abs=1e-6)
    assert found.of_a == pytest.approx(np.array([[0.4, 0], [0, 0.4]]), abs=1e-6)
    assert found.of_b == pytest.approx(np.array([[0.4, 0], [0.4, 0]]), abs=1e-6)
    assert found.apart == pytest.approx([-0.4, 0, 0.4, 0.4, 0], abs=1e-6)  # (e_a − e_b) = (−1, 1)
    assert found.reached.keys() == {"conv"}
    assert found.reached["conv"].all()


def test_the_bias_is_a_term_of_its_own() -> None:
    found = match_map(*pair(Toy(pooled(linear(1, 0)))))
    length = np.sqrt(80)  # of (2, 2) times that of (3, 1)
    assert found.score == pytest.approx(8 / length, abs=1e-6)
    assert found.shares[4] == pytest.approx(np.array([0, 0, 2, 0, 1]) / length, abs=1e-6)
    assert found.shares[:, 4] == pytest.approx(np.array([1, 0, 0, 0, 1]) / length, abs=1e-6)
    assert found.bias == pytest.approx((3 / length, 2 / length), abs=1e-6)


def test_a_batch_norm_is_folded_into_the_linear_layer() -> None:
    norm = nn.BatchNorm1d(2, eps=1e-12)
    norm.running_mean, norm.running_var = torch.tensor([1.0, 0.0]), torch.tensor([4.0, 1.0])
    norm.weight.data, norm.bias.data = torch.tensor([2.0, 1.0]), torch.tensor([3.0, 0.0])  # (x − 1) / 2 · 2 + 3 = x + 2
    with_norm, folded = match_map(*pair(Toy(pooled(linear(0, 0), norm)))), match_map(*pair(Toy(pooled(linear(2, 0)))))
    assert with_norm.layer == "relu"
    assert with_norm.shares == pytest.approx(folded.shares, abs=1e-6)
    assert bias_of(norm) == pytest.approx([2, 0])


def test_a_flattened_map_has_weights_of_its_own_at_every_place() -> None:
    layer = linear(0, 0, inputs=8)  # flattened: channel 0 at places 0 to 3, then channel 1
    layer.weight.data = torch.zeros(2, 8)
    layer.weight.data[0, [0, 2]], layer.weight.data[1, [4, 7]] = torch.tensor([1.0, 0.5]), torch.tensor([1.0, 0.25])
    found = match_map(*pair(Toy(nn.Sequential(nn.Flatten(), layer))))
    expected = np.zeros((5, 5))  # a: (4, 0) + (0, 2); b: (4, 0) at place 2, (0, 4) at place 0
    expected[0, 2], expected[3, 0] = 16, 8
    assert found.shares == pytest.approx(expected / np.sqrt(20 * 32), abs=1e-6)
    assert found.flattened
    assert not match_map(*pair(Toy(pooled(linear(0, 0))))).flattened


def test_a_flattened_map_with_prelu_and_bias() -> None:
    """Places keep what is below 0 at a quarter, and the bias is the same for both faces."""
    layer = linear(1, 0, inputs=8)
    layer.weight.data = torch.zeros(2, 8)
    layer.weight.data[0, :4], layer.weight.data[1, 4:] = 1, torch.tensor([1.0, 2, 3, 4])
    module = Toy(nn.Sequential(nn.Flatten(), layer))
    module.relu = nn.PReLU(init=0.25)  # type: ignore[assignment]
    a = net(module, [[2, -4], [0, 0]], [[0, 0], [0, 1]])  # e_a = (2 − 1, 4) + (1, 0)
    b = net(module, [[0, 0], [0, 3]], [[-4, 0], [0, 0]])  # e_b = (3, −1) + (1, 0)
    found = match_map(a, b)
    lengths = np.sqrt(4 + 16) * np.sqrt(16 + 1)
    assert found.score == pytest.approx((2 * 4 - 4) / lengths, abs=1e-6)
    parts_a = np.array([[2, 0], [-1, 0], [0, 0], [0, 4], [1, 0]])
    parts_b = np.array([[0, -1], [0, 0], [0, 0], [3, 0], [1, 0]])
    assert found.shares == pytest.approx(parts_a @ parts_b.T / lengths, abs=1e-6)
    assert found.bias == pytest.approx((4 / lengths, 2 / lengths), abs=1e-6)


def test_mirrored_places_come_back_on_to_the_face() -> None:
    plain, mirrored = (match_map(*pair(Toy(pooled(linear(0, 0)))), mirror) for mirror in (False, True))
    assert mirrored.shares == pytest.approx(plain.shares, abs=1e-6)  # this network commutes with mirroring
    assert plain.images == pytest.approx(np.array([[0.8]]), abs=1e-6)
    assert mirrored.images == pytest.approx(np.full((2, 2), 0.2), abs=1e-6)


@pytest.mark.parametrize("head", [nn.Sequential(pooled(linear(0, 0)), nn.ReLU()), nn.AdaptiveMaxPool2d(1)])
def test_a_network_that_does_not_end_affinely_is_named(head: nn.Module) -> None:
    with pytest.raises(UsageError, match=r"toy: no affine head after its last map"):
        match_map(*pair(Toy(head)))


def test_a_skip_goes_around_what_is_no_cut() -> None:
    class Skipping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.inner, self.last = nn.ReLU(), nn.ReLU(), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            x = self.first(x)
            out: Tensor = self.last(self.inner(x) + x)
            return out

    a = net(Skipping(), [[1, 0]], [[0, 1]])
    assert cuts(a) == ["first", "add", "last"]
    assert last_map(a) == "last"


def test_resuming_with_the_same_map_changes_nothing_and_in_place_layers_leave_what_was_kept() -> None:
    module = Toy(pooled(linear(1, 0)))
    module.conv.weight.data *= -1
    module.relu.inplace = True
    a = net(module, [[4, 0], [0, 0]], [[0, 0], [0, 8]])
    forward = ForwardPass(a, a.x)
    assert forward["conv"].min() == -8
    assert torch.equal(forward.resume("conv", forward["conv"]), forward.output)
    assert forward.resume("conv", -forward["conv"]).tolist() == [[2, 2]]


# The real networks --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(networks: dict[str, Network], others: dict[str, Network]) -> dict[str, MatchMap]:
    """By the backbone's name."""
    return {
        "sface": match_map(networks["sface"], others["sface"]),
        "dlib_resnet": match_map(networks["dlib_resnet"], others["dlib_resnet"], mirror=True),
    }


@pytest.fixture(scope="module")
def found(both: dict[str, MatchMap]) -> MatchMap:
    return both["dlib_resnet"]


@pytest.mark.parametrize("name", ["sface", "dlib_resnet"])
def test_the_shares_add_up_to_the_pipelines_score(
    both: dict[str, MatchMap], pipelines: dict[str, Pipeline], samples: Path, name: str
) -> None:
    found, score = both[name], pipelines[name].verify(samples / "obama.jpg", samples / "biden.jpg").score
    assert found.shares.sum() == pytest.approx(score, abs=1e-5)
    assert found.images.sum() == pytest.approx(score, abs=1e-5)
    assert found.apart.sum() == pytest.approx(2 - 2 * score, abs=1e-5)


def test_sfaces_49_places_and_its_bias(both: dict[str, MatchMap], networks: dict[str, Network]) -> None:
    """Each place by its own columns of the linear layer, worked out here without the view's code."""
    found, net = both["sface"], networks["sface"]
    assert (found.layer, found.grid, found.square, found.flattened) == ("blocks.12.prelu2", (7, 7), 16, True)
    fc = net.module.fc
    weight = fc.weight.double().reshape(128, 1024, 49)
    maps = net.outputs([found.layer])[found.layer][0].double().reshape(1024, 49)
    parts = torch.cat([torch.einsum("dcp,cp->pd", weight, maps), fc.bias.double()[None]])
    embedding = net.outputs(["fc"])["fc"][0].double()
    torch.testing.assert_close(parts.sum(dim=0), embedding, rtol=0, atol=1e-4)
    within = match_map(net, net)
    expected = (parts @ parts.T / embedding.norm() ** 2).numpy()
    np.testing.assert_allclose(within.shares, expected, atol=1e-6)
    assert within.shares.sum() == pytest.approx(1, abs=1e-6)
    assert found.bias == (found.shares[-1].sum(), found.shares[:, -1].sum())
    assert min(map(abs, found.bias)) > 0.01
    assert found.of_a.sum() + found.bias[0] == pytest.approx(found.score, abs=1e-6)
    assert found.of_b.sum() + found.bias[1] == pytest.approx(found.score, abs=1e-6)


def test_what_is_said_of_sfaces_places(both: dict[str, MatchMap]) -> None:
    found = both["sface"]
    view = show_match_map(found, threshold=0.33)
    assert [check.passed for check in view.checks] == [True] * 3
    assert "one linear layer, with weights of its own for each place" in view.intro.en
    assert "每个位置都有自己的权重" in view.intro.zh
    said = " ".join(block.en for block in view.blocks if isinstance(block, Text))
    assert f"the first face's embedding it adds {found.bias[0]:+.4f} to the score" in said
    assert f"of the second's {found.bias[1]:+.4f}" in said
    totals, first, second, apart = [block for block in view.blocks if isinstance(block, Table)][:4]
    assert [len(table.rows) for table in (totals, first, second, apart)] == [4, 7, 7, 7]
    assert float(str(totals.rows[-1][1])) == pytest.approx(found.score, abs=1e-4)
    assert first.rows[2][3] == f"{found.of_a[2, 2]:+.4f}"
    pictures = {block.name: block for block in view.blocks if isinstance(block, Picture)}
    assert pictures.keys() == {"last-map", "pairs", "depth-14x14"}
    assert pictures["pairs"].pixels.shape == (49, 49, 3)
    diagonal = np.trace(found.shares[:-1, :-1])
    assert f"adds {diagonal:+.4f} to the score" in pictures["pairs"].caption.en


def test_dlibs_head_averages_and_has_no_bias(found: MatchMap) -> None:
    assert found.bias == (0, 0)
    assert not found.flattened
    view = show_match_map(found)
    assert "only averages the places" in view.intro.en
    assert not any("bias, the same for every face" in block.en for block in view.blocks if isinstance(block, Text))


def test_three_of_dlibs_four_places_never_see_its_last_block(found: MatchMap) -> None:
    assert (found.layer, found.grid, found.square) == ("stages.4.0.relu2", (2, 2), 64)
    partial = [name for name, reached in found.reached.items() if reached.tolist() == [[True, False], [False, False]]]
    assert partial == ["stages.4.0.conv2", "stages.4.0.conv1"]
    assert list(found.reached)[2:] == ["stages.3.2.conv2"]
    assert found.reached["stages.3.2.conv2"].all()


def test_finer_maps_and_later_biases_add_up_to_the_score(found: MatchMap) -> None:
    assert [(depth.layer, depth.a.shape) for depth in found.depths] == [
        ("stages.1.3.relu2", (17, 17)),
        ("stages.2.2.relu2", (8, 8)),
    ]
    for depth in found.depths:
        assert depth.a.sum() + depth.bias_a == pytest.approx(found.score, rel=1e-4)
        assert depth.b.sum() + depth.bias_b == pytest.approx(found.score, rel=1e-4)
        assert np.abs(depth.a).max() > 1e-3


def test_the_view_proves_itself_and_fails_where_the_split_is_not_exact(found: MatchMap) -> None:
    view = show_match_map(found, threshold=0.93)
    assert [check.passed for check in view.checks] == [True] * 4
    assert sum(isinstance(block, Picture) for block in view.blocks) == 3
    places = next(block for block in view.blocks if isinstance(block, Table))
    assert [row[0] for row in places.rows] == ["1, 1", "1, 2", "2, 1", "2, 2", "0", "Σ"]
    assert float(str(places.rows[-1][1])) == pytest.approx(found.score, abs=1e-4)

    class Curved(Toy):
        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(torch.sigmoid(nn.functional.max_pool2d(self.conv(x), 2)))
            return out

    grid = torch.arange(36.0).reshape(6, 6).tolist()
    first, second = (net(Curved(pooled(linear(1, 0))), grid, other) for other in (grid, grid[::-1]))
    curved = match_map(first, second)
    assert not show_match_map(curved).checks[-1].passed


@pytest.mark.slow
def test_inception_resnet_with_random_weights() -> None:
    module = inception().to_empty(device="cpu").eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm1d)):
            part.running_mean.normal_(0, 0.1, generator=generator)
            part.running_var.uniform_(0.2, 0.5, generator=generator)
            part.weight.uniform_(0.5, 1, generator=generator)
            part.bias.normal_(0, 0.1, generator=generator)
        elif isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(part.weight, generator=generator)
            if part.bias is not None:
                nn.init.normal_(part.bias, generator=generator)
    chips = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), np.uint8)
    x = (torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127.5) / 128
    a, b = (Network("inception_resnet_v1", module, chip, each[None]) for chip, each in zip(chips, x, strict=True))
    split = match_map(a, b)
    out = module(x).double().numpy()
    assert split.grid == (3, 3)
    assert split.shares.sum() == pytest.approx(out[0] @ out[1] / np.prod(np.linalg.norm(out, axis=1)), abs=1e-5)
    norm = module.last_bn
    head = norm(module.last_linear(torch.zeros(1, 1792)))[0].double().numpy()
    assert np.linalg.norm(head) > 0.1
    assert split.shares[9, 9] == pytest.approx(head @ head / np.prod(np.linalg.norm(out, axis=1)), abs=1e-6)
    assert [depth.a.shape for depth in split.depths] == [(17, 17), (8, 8)]
    assert [check.passed for check in show_match_map(split).checks] == [True] * 4
