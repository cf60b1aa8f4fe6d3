"""The same network in torch and as ONNX nodes: the same layers, windows, fields and counts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file
from torch import Tensor, nn

from facepipe.embed.onnx import OnnxBackbone
from facepipe.embed.onnx import OnnxModel as File
from facepipe.errors import UsageError
from facepipe.inspect.dump import dump
from facepipe.inspect.graphs.graph import Field, Stencil
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.graphs.onnx_graph import OnnxNetwork
from facepipe.inspect.networks_of import backbone_network
from facepipe.inspect.views.partial_sums import partial_sum_errors
from facepipe.pipeline import Pipeline

X = torch.randn(1, 3, 21, 21, generator=torch.Generator().manual_seed(0))


class Twin(nn.Module):
    """Strided, dilated and grouped convolutions, a merge of branches by addition and one by stacking, a dense head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn, self.prelu = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.PReLU(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2, bias=False)
        self.add, self.cat = Add(), Cat()
        self.conv3 = nn.Conv2d(4, 2, (1, 5), padding=(0, 2))
        self.pool1, self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d(2)
        self.fc = nn.Linear(6 * 2 * 2, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.prelu(self.bn(self.conv1(x)))
        x = self.add(self.conv2(x), x)
        x = self.pool2(self.pool1(self.cat(x, self.conv3(x))))
        out: Tensor = self.fc(x.flatten(1))
        return out


class Add(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b


class Cat(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a, b], 1)


def nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    bn = [f"bn.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
    return [
        node("Conv", ["x", "conv1.weight", "conv1.bias"], ["c1"], "conv1", strides=[2, 2], pads=[1] * 4),
        node("BatchNormalization", ["c1", *bn], ["b"], "bn"),
        node("PRelu", ["b", "prelu.weight"], ["p"], "prelu"),
        node("Conv", ["p", "conv2.weight"], ["c2"], "conv2", dilations=[2, 2], group=2, pads=[2] * 4),
        node("Add", ["c2", "p"], ["a"], "add"),
        node("Conv", ["a", "conv3.weight", "conv3.bias"], ["c3"], "conv3", pads=[0, 2, 0, 2]),
        node("Concat", ["a", "c3"], ["cc"], "cat", axis=1),
        node("MaxPool", ["cc"], ["p1"], "pool1", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
        node("AveragePool", ["p1"], ["p2"], "pool2", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", ["p2"], ["flat"], "flatten"),
        node("Gemm", ["flat", "fc.weight", "fc.bias"], ["out"], "fc", transB=1),
    ]


def as_onnx(nodes: list[onnx.NodeProto], stored: dict[str, np.ndarray], outputs: int) -> OnnxNetwork:
    image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 21, 21])
    vector = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, outputs])
    tensors = [numpy_helper.from_array(value, name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "twin", [image], [vector], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    file = File(model.SerializeToString(), Path("twin.onnx"))
    pixels = np.zeros((21, 21, 3), np.uint8)
    return OnnxNetwork("twin", None, pixels, X, file.model, file.tensors, file.inner)


@pytest.fixture(scope="module")
def torch_twin() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = Twin().eval().requires_grad_(False)
        nn.init.uniform_(module.bn.running_var, 0.5, 2)  # type: ignore[arg-type]
    return Network("twin", module, np.zeros((21, 21, 3), np.uint8), X)


@pytest.fixture(scope="module")
def onnx_twin(torch_twin: Network) -> OnnxNetwork:
    stored = {name: value.numpy() for name, value in torch_twin.module.state_dict().items() if value.ndim}
    stored["prelu.weight"] = stored["prelu.weight"].reshape(4, 1, 1)
    return as_onnx(nodes(), stored, 5)


def test_layer_by_layer_the_same(torch_twin: Network, onnx_twin: OnnxNetwork) -> None:
    theirs, ours = dict(torch_twin.layers), onnx_twin.layers
    assert theirs.pop("flatten").kind == "whole"  # ONNX: a node that only rearranges is no layer
    assert list(ours) == list(theirs)
    for name, layer in theirs.items():
        assert ours[name].kind == layer.kind, name
        assert ours[name].shape == layer.shape, name
        assert ours[name].weights == layer.weights, name
        assert ours[name].multiply_adds == layer.multiply_adds, name
        assert ours[name].window == layer.window, name
        assert ours[name].inputs == (("pool2",) if name == "fc" else layer.inputs), name
        assert onnx_twin.fields[name] == torch_twin.fields[name], name


def test_the_last_field_by_hand(onnx_twin: OnnxNetwork) -> None:
    """conv1 −1..1, 2 px apart; conv2 two units more: −5..5; conv3 two in x: −9..9; pool1 two; pool2 one of 4 px."""
    assert onnx_twin.fields["pool2"] == Field((8, 8), (-5, -9), (5 + 4 + 4, 9 + 4 + 4))


def test_the_same_outputs(torch_twin: Network, onnx_twin: OnnxNetwork) -> None:
    batch = torch.cat([X, X.flip(3)])
    expected = torch_twin.outputs(list(onnx_twin.layers), batch)
    found = onnx_twin.outputs(list(onnx_twin.layers), batch)
    assert list(found) == list(expected)
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=1e-5, atol=1e-5)
    seen: dict[str, Tensor] = {}
    onnx_twin.watcher(["fc", "conv2"], lambda name, values: seen.update({name: values}))(batch)
    assert list(seen) == ["conv2", "fc"]
    torch.testing.assert_close(seen["fc"], expected["fc"], rtol=1e-5, atol=1e-5)


def test_convolutions_are_read_as_torch_modules(torch_twin: Network, onnx_twin: OnnxNetwork) -> None:
    assert onnx_twin.convolutions == ["conv1", "conv2", "conv3"]
    for name in onnx_twin.convolutions:
        own, other = onnx_twin.convolution(name), torch_twin.convolution(name)
        assert torch.equal(own.weight, other.weight)
        assert (own.stride, own.padding, own.dilation, own.groups) == (
            other.stride,
            other.padding,
            other.dilation,
            other.groups,
        )
    assert max(partial_sum_errors(onnx_twin).values()) <= 1e-5


def test_a_convolution_that_pads_one_side_more_is_not_torchs() -> None:
    lopsided = helper.make_node("Conv", ["x", "w"], ["c"], "conv", pads=[0, 0, 1, 1])
    dense = [
        helper.make_node("Flatten", ["c"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "f"], ["out"], "fc"),
    ]
    stored = {"w": np.ones((1, 3, 2, 2), np.float32), "f": np.ones((441, 5), np.float32)}
    with pytest.raises(UsageError, match="conv: it pads one side more than the other"):
        as_onnx([lopsided, *dense], stored, 5).convolution("conv")


def test_no_gradients_and_it_says_so(onnx_twin: OnnxNetwork) -> None:
    assert not onnx_twin.differentiable
    assert onnx_twin.module is None
    with pytest.raises(UsageError, match="twin: an ONNX network has no gradients"):
        onnx_twin.outputs(["fc"], gradients=True)


@pytest.mark.parametrize(
    ("automatic", "extent", "stride", "kernel", "before"),
    [
        ("SAME_UPPER", 21, 2, 3, 1),  # 11 windows reach over 23 px: one px on each side
        ("SAME_UPPER", 21, 1, 4, 1),  # three px missing, the odd one after
        ("SAME_LOWER", 21, 1, 4, 2),  # … before
        ("SAME_UPPER", 21, 3, 2, 0),  # the windows fit
        ("VALID", 21, 2, 3, 0),
    ],
)
def test_automatic_padding(automatic: str, extent: int, stride: int, kernel: int, before: int) -> None:
    w = np.ones((1, 3, kernel, kernel), np.float32)
    conv = helper.make_node("Conv", ["x", "w"], ["c"], "conv", strides=[stride] * 2, auto_pad=automatic)
    net = as_onnx(
        [conv, helper.make_node("GlobalMaxPool", ["c"], ["g"], "g"), helper.make_node("Flatten", ["g"], ["out"], "f")],
        {"w": w},
        1,
    )
    assert net.layers["conv"].window == Stencil((kernel,) * 2, (stride,) * 2, (before,) * 2)
    # onnxruntime agrees: the first unit of a map of ones counts the pixels that its window finds in the image
    (first,) = net.outputs(["conv"], torch.ones(1, 3, extent, extent))["conv"][0, :, 0, 0]
    assert first == 3 * (kernel - before) ** 2


def test_padding_by_a_node_of_its_own_moves_the_field_and_unknown_nodes_see_the_whole() -> None:
    stored = {"w": np.ones((2, 3, 3, 3), np.float32), "pads": np.array([0, 0, 1, 2, 0, 0, 1, 2])}
    stored["cut"], stored["end"], stored["axis"] = np.array([1]), np.array([9]), np.array([2])
    net = as_onnx(
        [
            helper.make_node("Pad", ["x", "pads"], ["p"], "pad"),
            helper.make_node("Conv", ["p", "w"], ["c"], "conv"),
            helper.make_node("Slice", ["c", "cut", "end", "axis"], ["s"], "slice"),
            helper.make_node("Relu", ["s"], ["r"], "relu"),
            helper.make_node("ReduceMean", ["r"], ["out"], "mean", axes=[2, 3], keepdims=0),
        ],
        stored,
        2,
    )
    assert net.fields["conv"] == Field((1, 1), (-1, -2), (1, 0))
    assert [net.layers[name].kind for name in ("slice", "relu", "mean")] == ["whole", "pointwise", "whole"]
    assert [net.fields[name] for name in ("slice", "relu", "mean")] == [None, None, None]


def test_what_works_on_a_flattened_map_sees_the_whole() -> None:
    net = as_onnx(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], "conv", strides=[10, 10]),
            helper.make_node("Flatten", ["c"], ["flat"], "flatten"),
            helper.make_node("Tanh", ["flat"], ["out"], "tanh"),
        ],
        {"w": np.ones((1, 3, 3, 3), np.float32)},
        4,
    )
    assert net.layers["conv"].shape == (1, 2, 2)
    assert (net.layers["tanh"].shape, net.layers["tanh"].inputs, net.fields["tanh"]) == ((4, 1, 1), ("conv",), None)


def test_an_onnx_backbone_of_a_pipeline(onnx_twin: OnnxNetwork, samples: Path, tmp_path: Path) -> None:
    """The layers are called as in ``OnnxBackbone.layers``, and what is dumped is what it puts out."""
    pipe = Pipeline()
    spec = replace(pipe.backbone.card.chip, size=21)
    card = replace(pipe.backbone.card, name="twin", input=spec, dimension=5)
    backbone = OnnxBackbone(card, File(onnx_twin.model.SerializeToString(), Path("twin.onnx")), "twin@0")
    pipe._load = lambda: backbone  # type: ignore[assignment]
    pixels = np.random.default_rng(0).integers(0, 256, (21, 21, 3), np.uint8)
    network = backbone_network(backbone, pixels)
    assert network is not None
    assert tuple(network.layers) == backbone.layers
    np.testing.assert_allclose(network.outputs(["fc"])["fc"], backbone.embed(pixels[None]), atol=1e-5)
    dump(pipe, [samples / "astronaut.png"], tmp_path / "x.safetensors")
    tensors = load_file(tmp_path / "x.safetensors")
    for activation in backbone.activations(tensors["face/chip"][0], backbone.layers):
        assert np.array_equal(tensors[activation.layer][0], activation.values)
