"""The released weights can't be had here: a random state dict of the same form stands in for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facepipe.embed.base import load_backbone, normalise
from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.errors import DeviceUnavailable, WeightsAltered, WeightsMissing
from facepipe.networks.cards import find_card
from facepipe.networks.weights import file_sha256
from facepipe.records import Template

if TYPE_CHECKING:
    from facenet_pytorch import InceptionResnetV1

pytestmark = pytest.mark.slow

NAME = "inception_resnet_v1-vggface2"


@pytest.fixture(scope="module")
def reference() -> InceptionResnetV1:
    """facenet-pytorch's network as its released files fill it: with the classifier, batch norms with statistics."""
    from facenet_pytorch import InceptionResnetV1  # brings torchvision, which takes seconds to load

    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = InceptionResnetV1(classify=True, num_classes=10).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.2, 0.5, generator=generator)
        elif isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, generator=generator)
    return net


@pytest.fixture(scope="module")
def file(reference: InceptionResnetV1, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "net.pt"
    torch.save(reference.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def backbone(file: Path) -> TorchBackbone:
    loaded = load_backbone(NAME, weights=file)
    assert isinstance(loaded, TorchBackbone)
    return loaded


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), np.uint8)


def test_normalised_it_is_what_facenet_pytorch_puts_out(
    backbone: TorchBackbone, reference: InceptionResnetV1, chips: np.ndarray
) -> None:
    reference.classify = False
    # facenet-pytorch's own preprocessing, ``fixed_image_standardization``
    batch = (torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127.5) / 128.0
    assert np.array_equal(normalise(chips, backbone.card), batch.numpy())
    with torch.inference_mode():
        theirs = reference(batch).numpy()
    ours = np.stack([Template.from_embedding(row, backbone.id).vector for row in backbone.embed(chips)])
    assert np.abs(ours - theirs).max() <= 1e-6
    assert np.abs(theirs[0] - theirs[1]).max() > 1e-3  # the network tells the two chips apart


def test_the_raw_norm_is_kept(backbone: TorchBackbone, chips: np.ndarray) -> None:
    norms = np.linalg.norm(backbone.embed(chips), axis=1)
    assert np.abs(norms - 1).min() > 0.1
    assert norms[0] != pytest.approx(norms[1], rel=1e-4)


def test_half_precision_is_near(backbone: TorchBackbone, file: Path, chips: np.ndarray) -> None:
    near, full = load_backbone(NAME, weights=file, precision="half").embed(chips), backbone.embed(chips)
    cosines = (near * full).sum(axis=1) / np.linalg.norm(near, axis=1) / np.linalg.norm(full, axis=1)
    assert 0.9999 <= cosines.min() < 1 - 1e-7


def test_every_depth_is_a_layer_from_the_first_convolution_to_the_embedding(
    backbone: TorchBackbone, chips: np.ndarray
) -> None:
    assert backbone.layers[0] == "conv2d_1a.conv"
    assert backbone.layers[-1] == "last_bn"
    assert sum(isinstance(backbone.module.get_submodule(name), nn.Conv2d) for name in backbone.layers) == 132
    assert "mixed_6a" in backbone.layers  # concatenates its branches: a result of its own
    assert "repeat_1" not in backbone.layers  # hands on its last block's
    assert "dropout" not in backbone.layers  # does nothing at rest
    last = {a.layer: a.values for a in backbone.activations(chips[0], ["conv2d_1a.conv", "last_bn"])}
    assert last["conv2d_1a.conv"].shape == (32, 79, 79)
    assert last["last_bn"].shape == (512, 1, 1)
    raw = backbone.embed(chips[:1])[0]
    assert np.abs(last["last_bn"][:, 0, 0] - raw).max() <= 1e-6 * np.linalg.norm(raw)


def test_the_backbone_id_is_of_the_given_file(backbone: TorchBackbone, file: Path) -> None:
    assert backbone.id == find_card(NAME).backbone_id(file_sha256(file)) != find_card(NAME).backbone_id()


def altered(state: dict[str, Tensor], change: str) -> dict[str, Tensor]:
    state = dict(state)
    if change == "missing":
        del state["block8.conv2d.bias"]
    elif change == "extra":
        state["block9.weight"] = torch.zeros(1)
    elif change == "shape":
        state["last_linear.weight"] = torch.zeros(512, 100)
    return state


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("missing", r"block8\.conv2d\.bias is missing \(1 tensors"),
        ("extra", r"block9\.weight is not part of the network"),
        ("shape", r"size mismatch for last_linear\.weight"),
    ],
)
def test_weights_of_another_network_are_refused(
    reference: InceptionResnetV1, tmp_path: Path, change: str, why: str
) -> None:
    path = tmp_path / "net.pt"
    torch.save(altered(reference.state_dict(), change), path)
    with pytest.raises(WeightsAltered, match=why) as caught:
        load_backbone(NAME, weights=path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_without_the_classifier_are_taken(reference: InceptionResnetV1, tmp_path: Path) -> None:
    state = {name: value for name, value in reference.state_dict().items() if not name.startswith("logits.")}
    assert len(state) < len(reference.state_dict())
    torch.save(state, tmp_path / "net.pt")
    load_backbone(NAME, weights=tmp_path / "net.pt")


def test_half_precision_weights_are_used_in_single(reference: InceptionResnetV1, tmp_path: Path) -> None:
    torch.save({name: value.half() for name, value in reference.state_dict().items()}, tmp_path / "net.pt")
    loaded = load_backbone(NAME, weights=tmp_path / "net.pt")
    assert loaded.embed(np.zeros((1, 160, 160, 3), np.uint8)).dtype == np.float32


class Malicious:
    def __init__(self, call: Callable[..., object], *args: object) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple[object, ...]:
        return self.call, self.args


def test_a_pickle_is_refused_before_it_runs(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    torch.save({"conv2d_1a.conv.weight": Malicious(Path.touch, trace)}, tmp_path / "net.pt")
    with pytest.raises(WeightsAltered, match="not a file of plain tensors"):
        load_backbone(NAME, weights=tmp_path / "net.pt")
    assert not trace.exists()


def test_missing_weights_say_how_to_get_them() -> None:
    with pytest.raises(WeightsMissing, match=rf"`facepipe models pull {NAME}` fetches them"):
        load_backbone(NAME)
    with pytest.raises(WeightsMissing, match="--sha256"):
        load_backbone("inception_resnet_v1-casia-webface")


def test_a_device_that_is_not_there(file: Path) -> None:
    with pytest.raises(DeviceUnavailable, match="cuda:99"):
        load_backbone(NAME, "cuda:99", file)
