"""onnxruntime's own operators are the reference for what is done with weights and graphs before it runs them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn.functional import conv2d, linear, prelu

from facepipe.errors import DeviceUnavailable, WeightsAltered
from facepipe.networks import runtime
from facepipe.networks.cards import find_card
from facepipe.networks.runtime import Graph, read_graph, read_model, read_weights
from facepipe.networks.weights import locate
from tests.by_onnxruntime import by_onnxruntime, taken

RANDOM = np.random.default_rng(0)
SFACE = locate(find_card("sface"))[0]
YUNET = locate(find_card("yunet", "detector"))[0]


# Weights in 8 bits ----------------------------------------------------------------------------------------------------


def quantised(shape: tuple[int, ...], axis: int, block: int, kind: type = np.int8) -> onnx.ModelProto:
    """Weights of ``shape`` in 8 bits and what DequantizeLinear makes of them; a Reshape turns them round after."""
    info = np.iinfo(kind)
    extents = [-(-extent // block) if at == axis % len(shape) else extent for at, extent in enumerate(shape)]
    stored = {
        "q": RANDOM.integers(info.min, info.max + 1, shape).astype(kind),
        "scale": RANDOM.uniform(0.001, 2, extents).astype(np.float32),
        "zero": RANDOM.integers(info.min, info.max + 1, extents).astype(kind),
        "extents": np.array([-1]),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], axis=axis, block_size=block),
        helper.make_node("Reshape", ["w", "extents"], ["flat"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("w", "flat")]
    tensors = [numpy_helper.from_array(values, name) for name, values in stored.items()]
    graph = helper.make_graph(nodes, "weights", [], ends, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
@pytest.mark.parametrize(
    ("shape", "axis", "block"),
    [((4, 64), 1, 16), ((4, 64), 1, 64), ((4, 70), 1, 64), ((5, 9), -1, 9), ((130,), 0, 64), ((6, 4), 0, 3)],
)
def test_blocks_are_put_back_on_their_scale_as_by_onnxruntime(
    shape: tuple[int, ...], axis: int, block: int, kind: type
) -> None:
    model = quantised(shape, axis, block, kind)
    found = read_weights(model.graph)
    for name, expected in zip(("w", "flat"), by_onnxruntime(model), strict=True):
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], expected)


@pytest.mark.parametrize("path", [SFACE, YUNET], ids=["sface", "yunet"])
def test_all_weights_of_our_files_are_those_that_onnxruntime_reads(path: Path) -> None:
    graph = read_graph(path)
    names = [node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"]
    nodes = [node for node in taken(graph).node if node.output[0] in names]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    only = helper.make_graph(nodes, "weights", [], ends, graph.initializer)
    model = helper.make_model(only, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    found = read_weights(graph)
    assert len(names) >= 29
    for name, expected in zip(names, by_onnxruntime(model), strict=True):
        assert np.array_equal(found[name], expected)


def test_scales_of_another_kind_are_refused_rather_than_misread() -> None:
    one_a_channel = quantised((4, 64), 1, 64)
    for option in one_a_channel.graph.node[0].attribute:
        option.i = 0 if option.name == "block_size" else option.i
    with pytest.raises(ValueError, match="not in blocks"):
        read_weights(one_a_channel.graph)
    for_all = quantised((4, 64), 1, 16)
    for_all.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.array(0.5, np.float32), "scale"))
    with pytest.raises(ValueError, match="not in blocks"):
        read_weights(for_all.graph)


# Graphs ---------------------------------------------------------------------------------------------------------------


def maps(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def test_prelu_is_right_for_slopes_of_any_sign() -> None:
    slope = np.array([-1.5, -0.2, 0, 0.25, 1, 1.7], np.float32)
    x = maps(2, 6, 5, 4)
    graph = Graph("x", ("N", 6, 5, 4))
    (found,) = graph.network(graph.prelu("x", slope))(x=x)
    expected = prelu(torch.from_numpy(x), torch.from_numpy(slope)).numpy()
    assert found == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(found[x >= 0], x[x >= 0])


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_of_all_maps_and_one_of_each_by_itself(stride: int, bias: bool) -> None:
    x, offset = maps(3, 4, 9, 8), maps(4)
    for weight, groups in ((maps(4, 4, 3, 3), 1), (maps(4, 1, 3, 3), 4)):
        graph = Graph("x", ("N", 4, 9, 8))
        (found,) = graph.network(graph.conv("x", weight, offset if bias else None, stride, 1))(x=x)
        given = [torch.from_numpy(each) for each in (x, weight, offset)]
        expected = conv2d(given[0], given[1], given[2] if bias else None, stride, 1, groups=groups)
        assert found == pytest.approx(expected.numpy(), abs=1e-5)


def test_a_linear_layer_and_other_steps_with_constants() -> None:
    x, weight, bias = maps(5, 6), maps(3, 6), maps(3)
    graph = Graph("x", ("N", 6))
    dense = graph.dense("x", weight, bias)
    network = graph.network(dense, graph.step("Mul", dense, np.array([2], np.float32)))
    for _ in range(2):
        one, two = network(x=x)
        assert one == pytest.approx(linear(*map(torch.from_numpy, (x, weight, bias))).numpy(), abs=1e-5)
        assert np.array_equal(two, 2 * one)


def test_pixels_as_maps() -> None:
    graph = Graph("picture", (1, "height", "width", 3), pixels=True)
    picture = RANDOM.integers(0, 256, (1, 4, 5, 3)).astype(np.uint8)
    (found,) = graph.network(graph.maps("picture"))(picture=picture)
    assert np.array_equal(found, picture.transpose(0, 3, 1, 2))


# Sessions -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", runtime.OPSET)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def test_a_session_has_as_many_threads_as_are_asked_for(small: bytes) -> None:
    for threads in (1, 3):
        options = runtime.session(small, threads).get_session_options()
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)


@pytest.mark.parametrize("device", ["cuda:99", "cuda:x", "mps", "gpu", ""])
def test_a_device_that_is_not_there_is_refused(small: bytes, device: str) -> None:
    with pytest.raises(DeviceUnavailable, match=rf"^device {device}: "):
        runtime.session(small, 1, device)


def test_a_wide_network_takes_the_cores_that_the_thread_may_take(small: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    session = runtime.session
    monkeypatch.setattr(runtime, "session", lambda model, threads: asked.append(threads) or session(model, threads))
    x = np.array([-1], np.float32)
    for cores, wide in ((1, True), (3, True), (3, False)):
        monkeypatch.setattr(runtime, "cores", lambda cores=cores: cores)
        network = runtime.CompiledGraph(small, wide)
        assert [network(x=x)[0].tolist() for _ in range(2)] == [[0], [0]]
    assert asked == [1, 3, 1]


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"not a model", b"\x08\x09" + b"\xff" * 40])
def test_what_is_not_a_model_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(WeightsAltered, match=r"other\.onnx: not an ONNX model: .") as caught:
        read_graph(tmp_path / "other.onnx")
    assert "\n" not in str(caught.value)


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    model = onnx.load_model(YUNET)
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "../../secret.bin")
    model.graph.initializer[0].ClearField("raw_data")
    (tmp_path / "other.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(WeightsAltered, match=r"other\.onnx: its weights lie in other files; save it as one file"):
        read_graph(tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"^its weights lie in other files"):
        read_model(model.SerializeToString())


def test_an_error_without_words_is_named() -> None:
    assert runtime.first_line(ValueError()) == "ValueError"
    assert runtime.first_line(ValueError("\n one\ntwo")) == "one"
