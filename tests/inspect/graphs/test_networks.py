"""The networks of a pipeline for one face: they are fed what the pipeline itself feeds them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from facepipe.detect.base import OpenDetector
from facepipe.embed.base import normalise
from facepipe.embed.onnx import OnnxBackbone
from facepipe.errors import UsageError
from facepipe.image import read_image
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import backbone_network, cascade, choose_layers, in_torch, list_layers, networks_of
from facepipe.pipeline import Pipeline
from facepipe.records import Face, Image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def image(samples: Path) -> Image:
    return read_image(samples / "obama.jpg")


@pytest.fixture(scope="module")
def face(pipeline: Pipeline, image: Image) -> Face:
    return pipeline.faces(image)[0]


@pytest.fixture(scope="module")
def seen(pipeline: Pipeline, image: Image, face: Face) -> dict[str, Network]:
    return networks_of(pipeline, image, face)


@pytest.mark.parametrize(("name", "side"), [("sface", 112), ("dlib_resnet", 150)])
def test_all_four_in_the_order_they_look(
    pipelines: dict[str, Pipeline], image: Image, face: Face, name: str, side: int
) -> None:
    pipe = pipelines[name]
    networks = networks_of(pipe, image, pipe.describe(image, [face.detection])[0])
    assert list(networks) == ["pnet", "rnet", "onet", name]
    assert [networks[one].pixels.shape[0] for one in ("rnet", "onet", name)] == [24, 48, side]


def test_a_face_that_yunet_found_is_shown_to_mtcnns_networks(
    pipeline: Pipeline, older: Pipeline, image: Image, face: Face, seen: dict[str, Network]
) -> None:
    assert not isinstance(pipeline.detector, OpenDetector)
    looking = cascade(pipeline.detector)
    assert (looking.card.name, looking.min_face) == ("mtcnn", pipeline.detector.min_face)  # type: ignore[attr-defined]
    assert cascade(pipeline.detector) is looking  # loaded once
    for name, pixels in looking.inputs(image, face.detection).items():
        np.testing.assert_array_equal(seen[name].pixels, pixels)
    assert cascade(older.detector) is older.detector


@pytest.mark.parametrize("name", ["pnet", "rnet", "onet"])
def test_each_network_sees_a_face_in_what_it_is_shown(seen: dict[str, Network], name: str) -> None:
    net = seen[name]
    with torch.no_grad():
        assert net.module(net.x)[1].max() > 0.99
        blank = torch.zeros_like(net.x)
        assert net.module(blank)[1].max() < 0.6


def test_pnet_is_shown_a_level_where_the_face_is_about_its_window(
    image: Image, face: Face, seen: dict[str, Network]
) -> None:
    height, width = seen["pnet"].pixels.shape[:2]
    frame = 2 * 4
    scale = (width - frame) / image.width
    assert (height - frame) / image.height == pytest.approx(scale, rel=0.03)
    box = face.detection.box
    assert 12 * 0.8 < scale * max(box[2] - box[0], box[3] - box[1]) < 12 * 1.25
    assert (seen["pnet"].pixels[:4] == 128).all()
    assert (seen["pnet"].pixels[:, -4:] == 128).all()


@pytest.mark.parametrize(("name", "function"), [("sface", "flatten"), ("dlib_resnet", "mean")])
def test_the_backbone_is_fed_as_when_it_embeds(
    pipelines: dict[str, Pipeline], networks: dict[str, Network], name: str, function: str
) -> None:
    net, backbone = networks[name], pipelines[name].backbone
    assert np.array_equal(net.x.numpy(), normalise(net.pixels[None], backbone.card))
    found, expected = net.outputs(["fc"])["fc"].numpy(), backbone.embed(net.pixels[None])
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.linalg.norm(expected))
    assert set(backbone.layers) == set(net.layers) - {function}  # no module


def test_the_weights_of_a_backbone_that_torch_can_run(pipelines: dict[str, Pipeline]) -> None:
    sface, dlib = (pipelines[name].backbone for name in ("sface", "dlib_resnet"))
    assert in_torch(dlib) is dlib
    learnt = in_torch(sface)
    assert learnt is not None
    chips = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)
    mine, expected = learnt.embed(chips), sface.embed(chips)
    np.testing.assert_allclose(mine, expected, atol=1e-5 * np.linalg.norm(expected))
    assert in_torch(OnnxBackbone.__new__(OnnxBackbone)) is None


class Closed:
    """A detector without anything to look into."""

    card = None

    def detect(self, image: Image) -> list[object]:
        return []


def test_mtcnn_stands_for_a_detector_that_cannot_be_looked_into(image: Image, face: Face) -> None:
    pipe = Pipeline()
    pipe.detector = Closed()  # type: ignore[assignment]
    assert list(networks_of(pipe, image, face)) == ["pnet", "rnet", "onet", "sface"]


def test_a_backbone_that_is_neither_torch_nor_onnx_has_none(pipeline: Pipeline, face: Face) -> None:
    class Opaque:
        card = pipeline.backbone.card

    assert backbone_network(Opaque(), face.chip.pixels) is None  # type: ignore[arg-type]


def test_layers_are_chosen_by_name_or_glob_in_the_order_they_run(networks: dict[str, Network]) -> None:
    net = networks["dlib_resnet"]
    assert choose_layers(net, "stages.0.0.conv?") == ["stages.0.0.conv1", "stages.0.0.conv2"]
    assert choose_layers(net, "*") == list(net.layers)
    with pytest.raises(
        UsageError, match=r"stages.0.0.conv3: no such layer in dlib_resnet; nearest: .*stages.0.0.conv2"
    ) as raised:
        choose_layers(net, "stages.0.0.conv3")
    assert "facepipe inspect --list" in str(raised.value)


def test_the_list_of_layers(networks: dict[str, Network]) -> None:
    rows = list_layers(networks["dlib_resnet"])
    first, last, total = rows[0], rows[-2], rows[-1]
    assert (first.name, first.kind, first.shape, first.weights) == ("conv", "conv", (32, 72, 72), 4_736)
    assert (first.multiply_adds, first.receptive_field, first.stride) == (4_704 * 72 * 72, (7, 7), (2, 2))
    assert (last.name, last.receptive_field, last.stride) == ("fc", None, None)
    assert total == replace(total, name="total", multiply_adds=270_854_144)
    assert total.weights == sum(p.numel() for p in networks["dlib_resnet"].module.parameters())


def test_weights_of_a_layer_called_twice_are_counted_once() -> None:
    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.conv(self.conv(x))
            return found

    net = Network("twice", Twice(), np.zeros((2, 2, 3), np.uint8), torch.zeros(1, 3, 2, 2))
    assert [row.weights for row in list_layers(net)] == [9, 9, 9]
    assert [row.multiply_adds for row in list_layers(net)] == [36, 36, 72]
