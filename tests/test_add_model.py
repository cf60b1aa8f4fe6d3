"""Adding an ONNX file makes a card that the pipeline can use."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facepipe import folders
from facepipe.add_model import add_onnx
from facepipe.align.transform import arcface_template
from facepipe.embed.base import load_backbone
from facepipe.errors import CardInvalid, UsageError, WeightsMissing
from facepipe.networks import weights
from facepipe.networks.cards import all_cards, find_card


def write(path: Path, size: int | str = 8, dimension: int | str = 3, factor: float = 1.0) -> Path:
    """A network whose embedding is the mean of each channel, times ``factor``."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"], "pool"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flatten"),
        helper.make_node("Mul", ["flat", "factor"], ["vector"], "times"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, size, size])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", dimension])
    stored = [numpy_helper.from_array(np.array([factor], np.float32), "factor")]
    graph = helper.make_graph(nodes, "means", [image], [vector], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_an_added_model_embeds_as_its_card_says(tmp_path: Path) -> None:
    card = add_onnx(
        write(tmp_path / "means.onnx"), colour="BGR", mean=[1, 2, 3], scale=0.5, licence="MIT", source="here"
    )
    assert card == find_card("means")
    assert (card.dimension, card.chip.size, card.licence, card.source) == (3, 8, "MIT", "here")
    assert card.thresholds == {}
    (tmp_path / "means.onnx").unlink()  # the copy is what counts
    chip = np.empty((1, 8, 8, 3), np.uint8)
    chip[...] = (30, 20, 10)  # RGB
    backbone = load_backbone("means")
    assert backbone.embed(chip).tolist() == [[4.5, 9.0, 13.5]]  # ((10, 20, 30) − (1, 2, 3)) / 2
    assert backbone.layers == ("pool", "times")


def test_arcface_template_is_scaled_by_pixel_centres(tmp_path: Path) -> None:
    assert arcface_template(112)[0] == [38.2946, 51.6963]
    assert arcface_template(224)[0] == [pytest.approx(38.7946 * 2 - 0.5), pytest.approx(52.1963 * 2 - 0.5)]
    card = add_onnx(write(tmp_path / "a.onnx", size=224))
    assert card.chip.template_points() == pytest.approx(np.array(arcface_template(224), np.float32))


def test_a_template_of_ones_own(tmp_path: Path) -> None:
    points = [(1.0, 2.0), (5.0, 2.0), (3.0, 4.0), (1.5, 6.0), (4.5, 6.0)]
    assert add_onnx(write(tmp_path / "a.onnx"), template=points).chip.template == tuple(points)


def test_open_size_must_be_given_and_open_dimension_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", size="side", dimension="d")
    with pytest.raises(UsageError, match="takes images of any size; say which"):
        add_onnx(path)
    with pytest.raises(UsageError, match="size 0: expected a positive"):
        add_onnx(path, size=0)
    card = add_onnx(path, size=16)
    assert (card.chip.size, card.dimension) == (16, 3)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"size": 9}, r"size 9: a\.onnx takes 8×8 px"),
        ({"colour": "GRB"}, "colour 'GRB': expected RGB or BGR"),
        ({"mean": [1, 2]}, "mean: expected one or three finite numbers"),
        ({"scale": float("nan")}, "scale: expected one or three finite numbers"),
        ({"template": "mtcnn"}, "template 'mtcnn': expected arcface"),
        ({"template": [(1, 2)] * 4}, "template: expected five points"),
        ({"name": "../a"}, r"name '\.\./a': expected"),
        ({"name": ""}, "name '': expected"),
        ({"name": "dlib_resnet"}, "dlib_resnet: there is such a model already"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, options: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        add_onnx(write(tmp_path / "a.onnx"), **options)  # type: ignore[arg-type]
    assert not folders.user_models().exists()


def test_a_file_that_is_no_model_adds_nothing(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"a\.onnx: no such file"):
        add_onnx(tmp_path / "a.onnx")
    (tmp_path / "a.onnx").write_bytes(b"text")
    with pytest.raises(CardInvalid, match=r"a\.onnx: not an ONNX model"):
        add_onnx(tmp_path / "a.onnx")
    assert not folders.user_models().exists()


def test_a_name_is_replaced_only_when_asked_and_the_old_file_goes(tmp_path: Path) -> None:
    first = add_onnx(write(tmp_path / "a.onnx"))
    with pytest.raises(UsageError, match="a: there is such a model already"):
        add_onnx(write(tmp_path / "a.onnx", factor=2))
    second = add_onnx(write(tmp_path / "a.onnx", factor=2), replace=True)
    assert second.backbone_id() != first.backbone_id()
    assert [card.name for card in all_cards("backbone")].count("a") == 1
    files = {path.name for path in folders.user_models().iterdir()}
    assert files == {"a.toml", second.weights[0].file}
    assert weights.locate(second)
    assert add_onnx(tmp_path / "a.onnx", replace=True) == second  # the same again: its file stays
    assert weights.locate(second)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="expected an ONNX file, got a folder"):
        add_onnx(tmp_path, name="toy")
