"""The zoo's own graph is the reference, run by onnxruntime and by OpenCV; ours is run by onnxruntime and by torch."""

import copy
import pickle
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from facepipe.embed.base import Backbone, load_backbone, templates
from facepipe.embed.sface import SFace, load
from facepipe.errors import CardInvalid, UsageError, WeightsAltered, WeightsMissing
from facepipe.image import read_image
from facepipe.machine import devices
from facepipe.networks.cards import find_card
from facepipe.networks.weights import locate
from facepipe.pipeline import Pipeline
from facepipe.records import Chip
from tests.embed import zoo

pytestmark = pytest.mark.slow

CARD = find_card("sface")
(FILE,) = locate(CARD)
NEAR = 1e-5  # of a unit vector
NOISE = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3), np.uint8)

Embedder = Callable[[np.ndarray], np.ndarray]
"""(N, 112, 112, 3) uint8 RGB → (N, 128)."""


@pytest.fixture(scope="module")
def backbone() -> SFace:
    found = load_backbone("sface")
    assert isinstance(found, SFace)
    return found


@pytest.fixture(scope="module")
def original() -> onnx.ModelProto:
    return zoo.original(FILE)


@pytest.fixture(scope="module")
def in_32_bits(original: onnx.ModelProto, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zoo") / "in_32_bits.onnx"
    onnx.save(zoo.dequantised(original), path)
    return path


@pytest.fixture(scope="module")
def by_onnxruntime(original: onnx.ModelProto) -> Embedder:
    session = zoo.session(original)
    return lambda pixels: np.concatenate([session.run(None, {zoo.IMAGE: _fed(chip)})[0] for chip in pixels])


@pytest.fixture(scope="module")
def by_opencv(in_32_bits: Path) -> Embedder:
    recogniser = cv2.FaceRecognizerSF.create(str(in_32_bits), "")
    return lambda pixels: np.concatenate(
        [recogniser.feature(np.ascontiguousarray(chip[..., ::-1])).copy() for chip in pixels]
    )


def _fed(chip: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(chip.transpose(2, 0, 1)[None], np.float32)


def chips_of(pipeline: Pipeline, files: list[Path]) -> list[Chip]:
    return [face.chip for path in files for face in pipeline.faces(read_image(path))]


@pytest.fixture(scope="module")
def faces(samples: Path) -> list[Chip]:
    found = chips_of(Pipeline("sface"), sorted(path for path in samples.iterdir() if path.suffix in (".jpg", ".png")))
    assert len(found) >= 5
    return found


@pytest.fixture(scope="module")
def chips(faces: list[Chip]) -> np.ndarray:
    return np.stack([face.pixels for face in faces])


def units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    return float(np.linalg.norm(units(one) - units(other), axis=1).max())


# Parity ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reference", ["by_onnxruntime", "by_opencv"])
def test_our_graph_and_our_module_equal_the_zoos(
    backbone: SFace, chips: np.ndarray, reference: str, request: pytest.FixtureRequest
) -> None:
    """Measured: 2e-6 at most."""
    theirs: Embedder = request.getfixturevalue(reference)
    for pixels in (chips, chips[:, :, ::-1].copy()):
        expected = theirs(pixels)
        assert apart(backbone.embed(pixels), expected) <= NEAR
        assert apart(backbone.torch.embed(pixels), expected) <= NEAR


@pytest.mark.parametrize(
    "pixels", [NOISE, np.zeros_like(NOISE), np.full_like(NOISE, 255)], ids=["noise", "black", "white"]
)
def test_chips_of_no_face(backbone: SFace, pixels: np.ndarray, by_onnxruntime: Embedder) -> None:
    """Black ones, which no convolution was made for, are the furthest apart: 2e-5."""
    expected = by_onnxruntime(pixels)
    assert apart(backbone.embed(pixels), expected) <= 5 * NEAR
    assert apart(backbone.torch.embed(pixels), expected) <= 5 * NEAR


def test_their_lengths_are_the_zoos_too(backbone: SFace, chips: np.ndarray, by_onnxruntime: Embedder) -> None:
    assert backbone.embed(chips) == pytest.approx(by_onnxruntime(chips), abs=1e-4)


def test_chips_of_lfw(backbone: SFace, by_onnxruntime: Embedder, by_opencv: Embedder, lfw: Path) -> None:
    found = chips_of(Pipeline("sface"), sorted((lfw / "images").glob("*.jpg"))[::50])
    pixels = np.stack([chip.pixels for chip in found])
    assert len(pixels) >= 30
    expected = by_onnxruntime(pixels)
    assert apart(backbone.embed(pixels), expected) <= NEAR
    assert apart(backbone.torch.embed(pixels), expected) <= NEAR
    assert apart(by_opencv(pixels), expected) <= NEAR


def test_people_are_told_apart(backbone: SFace, samples: Path) -> None:
    obama, again, biden = (
        templates(backbone, chips_of(Pipeline("sface"), [samples / name]))[0]
        for name in ("obama.jpg", "obama2.jpg", "biden.jpg")
    )
    assert obama.cosine(again) > CARD.threshold("1e-4") > CARD.threshold("1e-2") > obama.cosine(biden)


def test_red_and_blue_are_not_mixed_up(backbone: SFace, chips: np.ndarray) -> None:
    assert apart(backbone.embed(chips[..., ::-1]), backbone.embed(chips)) > 0.05


# Batches, threads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chips_side_by_side_keep_their_order(
    backbone: SFace, chips: np.ndarray, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = np.concatenate([backbone.embed(chip[None]) for chip in chips])
    own, before = SFace(CARD, backbone._weights, backbone.id), torch.get_num_threads()
    monkeypatch.setattr(devices, "cores", lambda: threads)
    for count in (0, 1, 2, 7, 33):
        which = np.arange(count) % len(chips)
        found = own.embed(chips[which])
        assert found.shape == (count, 128)
        assert found.dtype == np.float32
        assert found == pytest.approx(alone[which], abs=1e-5)
    torch.set_num_threads(before)  # a pool of so many leaves torch with as many


def test_threads_that_embed_at_once_get_each_their_own(backbone: SFace, chips: np.ndarray) -> None:
    expected = backbone.embed(chips)
    together = threading.Barrier(4)

    def embed(number: int) -> np.ndarray:
        together.wait(30)
        return backbone.embed(chips[number % len(chips)][None])

    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(embed, range(4))):
            assert found[0] == pytest.approx(expected[number % len(chips)], abs=1e-5)


def test_a_view_of_chips_in_another_order_of_memory(backbone: SFace, chips: np.ndarray) -> None:
    turned = np.ascontiguousarray(chips.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    assert not turned.flags.c_contiguous
    assert np.array_equal(backbone.embed(turned), backbone.embed(chips))


def test_a_pipeline_goes_to_another_process_as_its_arguments() -> None:
    pipe = Pipeline("sface", detector="yunet")
    assert pickle.loads(pickle.dumps(pipe)).backbone.card.name == copy.copy(pipe).backbone.card.name == "sface"


# Half precision -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def half() -> Backbone:
    return load_backbone("sface", precision="half")


def test_half_precision_finds_the_same_templates(backbone: SFace, half: Backbone, faces: list[Chip]) -> None:
    pairs = list(zip(templates(backbone, faces), templates(half, faces), strict=True))
    assert min(full.cosine(near) for full, near in pairs) >= 0.999
    assert max(full.cosine(near) for full, near in pairs) < 1 - 1e-7  # it did compute with fewer bits


def test_half_precision_is_the_same_backbone(backbone: SFace, half: Backbone) -> None:
    assert half.id == backbone.id


def test_another_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="precision double: expected full or half"):
        load(CARD, "cpu", precision="double")


# To be looked into ----------------------------------------------------------------------------------------------------


def test_layers_from_the_first_convolution_to_the_embedding(backbone: SFace) -> None:
    kinds = [type(backbone.module.get_submodule(name)) for name in backbone.layers]
    assert kinds == [nn.Conv2d, nn.PReLU] * 27 + [nn.Linear]
    assert (backbone.layers[0], backbone.layers[-1]) == ("conv", "fc")


def test_activations_get_smaller_and_the_last_is_the_embedding(backbone: SFace, chips: np.ndarray) -> None:
    seen = {found.layer: found.values for found in backbone.activations(chips[0], backbone.layers)}
    assert tuple(seen) == backbone.layers
    ends = [seen[f"blocks.{number}.prelu2"].shape for number in (0, 2, 4, 10, 12)]
    assert ends == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (1024, 7, 7)]
    assert seen["fc"][:, 0, 0] == pytest.approx(backbone.embed(chips[:1])[0], abs=1e-5)
    assert all(values.std() > 0 for values in seen.values())


def test_unknown_layer_names_the_layers_there_are(backbone: SFace, chips: np.ndarray) -> None:
    with pytest.raises(UsageError, match="conv9: no such layer in sface; it has conv, prelu"):
        backbone.activations(chips[0], ["conv9"])


def test_gradients_reach_the_chip(backbone: SFace, chips: np.ndarray) -> None:
    x = torch.from_numpy(_fed(chips[0])).sub(127.5).mul(1 / 128).requires_grad_()
    backbone.module(x)[0].square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


# Weights --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def same(tmp_path: Path) -> Path:
    return Path(shutil.copy(FILE, tmp_path / "copy.onnx"))


def test_the_cards_own_file_given_explicitly_is_the_same_backbone(same: Path) -> None:
    assert load_backbone("sface", weights=same).id == CARD.backbone_id()


def test_the_zoos_file_in_32_bits_is_another_backbone_that_says_the_same(
    backbone: SFace, in_32_bits: Path, chips: np.ndarray
) -> None:
    other = load_backbone("sface", weights=in_32_bits)
    assert other.id != backbone.id
    assert apart(other.embed(chips), backbone.embed(chips)) <= 1e-6


def test_other_weights_are_another_backbone(backbone: SFace, same: Path, chips: np.ndarray) -> None:
    model = onnx.load_model(same)
    (shift,) = (tensor for tensor in model.graph.initializer if tensor.name == "fc1_beta")
    shift.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(shift) + np.float32(1), shift.name))
    onnx.save(model, same)
    other = load_backbone("sface", weights=same)
    assert other.id != backbone.id
    assert other.embed(chips) == pytest.approx(backbone.embed(chips) + 1, abs=1e-4)


def test_one_byte_flipped_is_refused_where_the_card_says_which_file(same: Path) -> None:
    entry = replace(CARD.weights[0], file=same.name)
    card = replace(CARD, path=same.parent / "card.toml", weights=(entry,))
    assert load(card, "cpu").id == CARD.backbone_id()
    data = bytearray(same.read_bytes())
    data[len(data) // 2] ^= 1
    same.write_bytes(data)
    with pytest.raises(WeightsAltered, match=r"copy\.onnx: sha256 is .{13}, expected fb143eea0783…") as caught:
        load(card, "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 1, 100, 10_000, 5_000_000, 10_667_000])
def test_truncated_weights_are_refused(same: Path, length: int) -> None:
    same.write_bytes(FILE.read_bytes()[:length])
    refused(same)


def test_yunet_is_not_sface() -> None:
    refused(locate(find_card("yunet", "detector"))[0], "is missing")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"not weights")
    refused(tmp_path / "other.onnx", "not an ONNX model")


@pytest.fixture
def spoilt(in_32_bits: Path, tmp_path: Path) -> Callable[[str, Callable[[np.ndarray], np.ndarray]], Path]:
    """A file one of whose weights is another."""

    def spoil(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Path:
        model = onnx.load_model(in_32_bits)
        (tensor,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
        tensor.CopyFrom(onnx.numpy_helper.from_array(change(onnx.numpy_helper.to_array(tensor)), name))
        onnx.save(model, tmp_path / "spoilt.onnx")
        return tmp_path / "spoilt.onnx"

    return spoil


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("conv_5_conv2d_weight", lambda w: w[:, :-1], "convolutions have other shapes"),
        ("conv_5_dw_conv2d_weight", lambda w: np.concatenate([w, w], axis=1), "convolutions have other shapes"),
        ("conv_5_conv2d_weight", lambda w: w[:-1], ""),
        ("conv_5_relu_gamma", lambda w: w[:1], "reshape"),
        ("conv_5_batchnorm_moving_var", lambda w: w[:-1], ""),
        ("pre_fc1_weight", lambda w: w[:, :-1], "reshape"),
        ("pre_fc1_bias", lambda w: w[:-1], ""),
        ("fc1_gamma", lambda w: w[:-1], ""),
    ],
)
def test_weights_of_another_network_are_refused(
    spoilt: Callable[..., Path], name: str, change: Callable[..., np.ndarray], why: str
) -> None:
    refused(spoilt(name, change), why)


def refused(path: Path, why: str = "") -> None:
    with pytest.raises(WeightsAltered) as caught:
        load_backbone("sface", weights=path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not ")
    assert why in message
    assert message.rstrip(": ") == message
    assert "\n" not in message


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"none\.onnx: no such file"):
        load_backbone("sface", weights=tmp_path / "none.onnx")


def test_a_card_for_other_chips_or_vectors_is_refused() -> None:
    wrong = "SFace takes chips of 112 px and puts out 128 numbers, the card says"
    with pytest.raises(CardInvalid, match=rf"sface\.toml: {wrong} 150 and 128"):
        load(replace(CARD, input=replace(CARD.chip, size=150)), "cpu")
    with pytest.raises(CardInvalid, match=rf"sface\.toml: {wrong} 112 and 512"):
        load(replace(CARD, dimension=512), "cpu")
