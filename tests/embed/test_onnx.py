"""A network written node by node, at old and new opsets, agrees layer by layer with the same network in torch."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from facepipe.embed import onnx as backend
from facepipe.embed.onnx import OnnxBackbone
from facepipe.errors import CardInvalid, DependencyMissing, DeviceUnavailable, UsageError, WeightsAltered
from facepipe.networks import weights
from facepipe.networks.cards import Card, Input, WeightFile

SIZE, DIMENSION = 12, 7


class Twin(nn.Module):
    """Convolution, batch norm, PReLU, a residual block, strided convolution, pooling, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.prelu1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.PReLU(4)
        self.conv2, self.bn2, self.relu2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()
        self.conv3 = nn.Conv2d(4, 6, 3, stride=2)
        self.pool, self.fc = nn.MaxPool2d(2, stride=2), nn.Linear(6 * 2 * 2, DIMENSION)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Every layer's output, by the name of its node in the file."""
        out = {"conv1": self.conv1(x)}
        out["bn1"] = self.bn1(out["conv1"])
        out["prelu1"] = self.prelu1(out["bn1"])
        out["conv2"] = self.conv2(out["prelu1"])
        out["bn2"] = self.bn2(out["conv2"])
        out["add"] = out["bn2"] + out["prelu1"]
        out["relu2"] = self.relu2(out["add"])
        out["conv3"] = self.conv3(out["relu2"])
        out["pool"] = self.pool(out["conv3"])
        out["fc"] = self.fc(out["pool"].flatten(1))
        return out


@pytest.fixture(scope="module")
def twin() -> Twin:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Twin().eval()
        for bn in (net.bn1, net.bn2):
            bn.running_mean.normal_()
            bn.running_var.uniform_(0.5, 2)
            nn.init.normal_(bn.weight, 1, 0.2)
    return net


def export(
    net: Twin,
    opset: int = 20,
    batch: int | str = "batch",
    channels_last: bool = False,
    flatten: str = "Flatten",
    nameless: bool = False,
    weights_as_inputs: bool = False,
) -> onnx.ModelProto:
    """``net`` as an ONNX model, with the traits that exporters of different years leave."""
    stored = {name: value.detach().numpy() for name, value in net.state_dict().items() if value.ndim}
    stored["prelu1.weight"] = stored["prelu1.weight"].reshape(4, 1, 1)
    node: Callable[..., onnx.NodeProto] = helper.make_node

    def bn(name: str, data: str) -> onnx.NodeProto:
        names = [f"{name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        return node("BatchNormalization", [data, *names], [f"{name}_out"], name)

    nodes = [
        node("Conv", ["image", "conv1.weight", "conv1.bias"], ["conv1_out"], "conv1", pads=[1] * 4),
        bn("bn1", "conv1_out"),
        node("PRelu", ["bn1_out", "prelu1.weight"], ["prelu1_out"], "prelu1"),
        node("Conv", ["prelu1_out", "conv2.weight", "conv2.bias"], ["conv2_out"], "conv2", pads=[1] * 4),
        bn("bn2", "conv2_out"),
        node("Add", ["bn2_out", "prelu1_out"], ["add_out"], "add"),
        node("Relu", ["add_out"], ["relu2_out"], "relu2"),
        node("Conv", ["relu2_out", "conv3.weight", "conv3.bias"], ["conv3_out"], "conv3", strides=[2, 2]),
        node("MaxPool", ["conv3_out"], ["pool_out"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
    ]
    if flatten == "Flatten":
        nodes.append(node("Flatten", ["pool_out"], ["flat"], "flatten", axis=1))
    elif flatten == "shape":  # as traced from x.view(x.size(0), -1): arithmetic on the shape
        stored |= {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1])}
        # a constant map as computed weights would be: no layer, it does not depend on the image
        stored |= {"half": np.full((1, 1, 2, 2), 0.5, np.float32)}
        nodes += [
            node("Add", ["half", "half"], ["one"], "constant"),
            node("Mul", ["pool_out", "one"], ["same"], "times_one"),
            node("Shape", ["pool_out"], ["shape"], "shape"),
            node("Gather", ["shape", "zero"], ["n"], "gather", axis=0),
            node("Unsqueeze", ["n", "axis"], ["n1"], "unsqueeze"),
            node("Concat", ["n1", "rest"], ["flat_shape"], "concat", axis=0),
            node("Reshape", ["same", "flat_shape"], ["flat"], "reshape"),
        ]
    else:  # fixed to a batch of one although the input says any
        stored["flat_shape"] = np.array([1, 24])
        nodes.append(node("Reshape", ["pool_out", "flat_shape"], ["flat"], "reshape"))
    nodes.append(node("Gemm", ["flat", "fc.weight", "fc.bias"], ["embedding"], "fc", transB=1))
    if channels_last:
        nodes[0].input[0] = "planes"
        nodes.insert(0, node("Transpose", ["image"], ["planes"], "transpose", perm=[0, 3, 1, 2]))
    if nameless:
        for each in nodes:
            each.name = ""
    image = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, [batch, SIZE, SIZE, 3] if channels_last else [batch, 3, SIZE, SIZE]
    )
    tensors = [numpy_helper.from_array(value, name) for name, value in stored.items()]
    listed = [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors] if weights_as_inputs else []
    vector = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, DIMENSION])
    graph = helper.make_graph(nodes, "twin", [image, *listed], [vector], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=6 if opset < 12 else 9)
    onnx.checker.check_model(model)
    return model


def save(model: onnx.ModelProto, folder: Path, **changes: object) -> Card:
    """The model beside a card for it."""
    path = folder / "net.onnx"
    onnx.save(model, path)
    spec = Input(SIZE, "BGR", (127.5,) * 3, (1 / 127.5,) * 3, ((0.0, 0.0),) * 5)
    texts = {"role": "backbone", "architecture": "onnx", "summary": "", "licence": "", "source": ""}
    fields = {
        "name": "net",
        "path": folder / "net.toml",
        "weights": (WeightFile("net.onnx", weights.file_sha256(path)),),
        "dimension": DIMENSION,
        "input": spec,
    }
    return Card(**texts | fields | changes)  # type: ignore[arg-type]


def load(model: onnx.ModelProto, folder: Path, **changes: object) -> OnnxBackbone:
    return backend.load(save(model, folder, **changes), "cpu")


@pytest.fixture(scope="module")
def chips() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


def expected(twin: Twin, chips: np.ndarray) -> dict[str, np.ndarray]:
    """The twin's layers for BGR chips scaled to −1..1."""
    values = (chips[..., ::-1].astype(np.float64) / 127.5 - 1).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        return {name: out.numpy() for name, out in twin(torch.from_numpy(values.astype(np.float32))).items()}


VARIANTS: dict[str, dict[str, object]] = {
    "opset 11": {"opset": 11, "weights_as_inputs": True},
    "opset 11, batch of one": {"opset": 11, "batch": 1},
    "opset 13": {"opset": 13, "flatten": "shape"},
    "opset 20": {"opset": 20},
    "opset 22, open batch that is one": {"opset": 22, "flatten": "fixed"},
    "channels last": {"channels_last": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_embedding_is_the_twins_for_one_chip_and_for_several(
    twin: Twin, tmp_path: Path, chips: np.ndarray, variant: str
) -> None:
    net = load(export(twin, **VARIANTS[variant]), tmp_path)  # type: ignore[arg-type]
    want = expected(twin, chips)["fc"]
    assert net.embed(chips) == pytest.approx(want, abs=1e-5)
    assert net.embed(chips[1:2]) == pytest.approx(want[1:2], abs=1e-5)
    assert net.embed(chips).dtype == np.float32
    assert np.ptp(want, axis=0).min() > 1e-3  # the chips differ, so a mixed-up batch would show


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_layer_is_the_twins(twin: Twin, tmp_path: Path, chips: np.ndarray, variant: str) -> None:
    net = load(export(twin, **VARIANTS[variant]), tmp_path)  # type: ignore[arg-type]
    want = expected(twin, chips[:1])
    extra = ["times_one"] if variant == "opset 13" else []
    assert [name for name in net.layers if name not in extra] == list(want)
    assert set(extra) < set(net.layers)
    seen = {a.layer: a.values for a in net.activations(chips[0], net.layers)}
    for name, values in want.items():
        planes = values[0] if values.ndim == 4 else values[0][:, None, None]
        assert seen[name].shape == planes.shape
        assert seen[name] == pytest.approx(planes, abs=1e-5), name


def test_only_the_layers_asked_for_are_fetched_in_running_order(
    twin: Twin, tmp_path: Path, chips: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = load(export(twin), tmp_path)
    assert net.layers
    fetched: list[list[str]] = []
    session = net._network._exposed()
    spy = type("Spy", (), {"run": lambda self, names, feed: fetched.append(names) or session.run(names, feed)})()
    monkeypatch.setattr(net._network, "_exposed", lambda: spy)
    assert [a.layer for a in net.activations(chips[0], ["fc", "bn1"])] == ["bn1", "fc"]
    assert list(net.activations(chips[0], [])) == []
    assert fetched == [["bn1_out", "embedding"]]


def test_nodes_without_names_are_called_as_their_tensors(twin: Twin, tmp_path: Path) -> None:
    assert load(export(twin, nameless=True), tmp_path).layers[:3] == ("conv1_out", "bn1_out", "prelu1_out")


def test_unknown_layer_names_the_layers_there_are(twin: Twin, tmp_path: Path, chips: np.ndarray) -> None:
    with pytest.raises(UsageError, match="conv9: no such layer in net; it has conv1, bn1"):
        load(export(twin), tmp_path).activations(chips[0], ["conv9"])


def test_a_batch_of_one_is_looped_and_an_open_batch_is_not(twin: Twin, tmp_path: Path, chips: np.ndarray) -> None:
    calls: list[int] = []

    def count(model: onnx.ModelProto) -> list[int]:
        calls.clear()
        net = load(model, tmp_path)
        run = net._network._session().run
        spy = type("Spy", (), {"run": lambda self, names, feed: calls.append(len(feed["image"])) or run(names, feed)})()
        net._network._session = lambda: spy  # type: ignore[assignment]
        net.embed(chips)
        return calls

    assert count(export(twin, batch=1)) == [1, 1, 1]
    assert count(export(twin)) == [3]


def test_a_network_that_mixes_up_a_batch_is_run_one_by_one(tmp_path: Path, chips: np.ndarray) -> None:
    nodes = [  # the mean colour of all images together, whatever the input says of its batch
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[0, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean"], ["vector"], axes=[0]),
    ]
    graph = helper.make_graph(nodes, "mean", [info("image", ["n", 3, SIZE, SIZE])], [info("vector", ["n", 3])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    net = load(model, tmp_path, dimension=3)
    want = chips[..., ::-1].mean(axis=(1, 2)) / 127.5 - 1
    assert net.embed(chips) == pytest.approx(want, abs=1e-5)


def test_a_dimension_or_size_that_is_not_the_cards_is_refused(twin: Twin, tmp_path: Path) -> None:
    with pytest.raises(CardInvalid, match=r"net\.toml: dimension: the card says 512, net\.onnx puts out 7"):
        load(export(twin), tmp_path, dimension=512)
    spec = Input(14, "RGB", (0.0,) * 3, (1.0,) * 3, ((0.0, 0.0),) * 5)
    with pytest.raises(CardInvalid, match=r"net\.toml: input\.size: the card says 14, net\.onnx takes 12"):
        load(export(twin), tmp_path, input=spec)


def info(name: str, shape: list[object], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize(
    ("inputs", "outputs", "found"),
    [
        ([info("a", [1, 3, 4, 4]), info("b", [1])], [info("y", [1, 8])], r"a float 1×3×4×4, b float 1 → y float 1×8"),
        ([info("a", [1, 3, 4, 4])], [info("y", [1, 8]), info("z", [1, 4])], "→ y float 1×8, z float 1×4"),
        ([info("a", [1, 1, 4, 4])], [info("y", [1, 8])], "a float 1×1×4×4"),  # grey
        ([info("a", ["n", "c", "h", "w"])], [info("y", [1, 8])], r"a float \?×\?×\?×\?"),  # channels unknown
        ([info("a", [1, 3, 4])], [info("y", [1, 8])], "a float 1×3×4"),
        ([info("a", [1, 3, 4, 4])], [info("y", [1, 8, 2, 2])], "y float 1×8×2×2"),  # a map, not a vector
        ([info("a", [1, 3, 4, 4], TensorProto.UINT8)], [info("y", [1, 8])], "a uint8 1×3×4×4"),
        ([info("a", [1, 3, 4, 6])], [info("y", [1, 8])], "square image, found a float 1×3×4×6"),
        ([info("a", [8, 3, 4, 4])], [info("y", [8, 8])], "batches of one or of any size, found a float 8×3×4×4"),
        ([], [info("y", [1, 8])], "found nothing → y"),
    ],
)
def test_what_is_not_one_image_in_and_one_vector_out_is_refused(
    tmp_path: Path, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto], found: str
) -> None:
    model = helper.make_model(helper.make_graph([], "other", inputs, outputs))
    with pytest.raises(CardInvalid, match=found) as caught:
        load(model, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"text", b"\x08\x09" + b"\xff" * 40])
def test_what_is_not_a_model_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    card = save(onnx.ModelProto(), tmp_path)
    (tmp_path / "given.onnx").write_bytes(content)
    with pytest.raises(CardInvalid, match=r"given\.onnx: ") as caught:
        backend.load(card, "cpu", tmp_path / "given.onnx")
    assert "\n" not in str(caught.value)


def test_an_operator_that_does_not_exist_is_one_line(twin: Twin, tmp_path: Path) -> None:
    model = export(twin)
    model.graph.node[6].op_type = "NoSuchOperator"
    with pytest.raises(CardInvalid, match=r"net\.onnx: onnxruntime cannot run it: .*NoSuchOperator") as caught:
        load(model, tmp_path)
    assert "\n" not in str(caught.value)


def test_an_altered_file_is_refused_before_it_is_parsed(twin: Twin, tmp_path: Path) -> None:
    card = save(export(twin), tmp_path)
    with (tmp_path / "net.onnx").open("r+b") as stream:
        stream.seek(200)
        stream.write(b"\0\0\0\0")
    with pytest.raises(WeightsAltered):
        backend.load(card, "cpu")


@pytest.mark.parametrize("place", ["initializer", "attribute"])
def test_weights_in_other_files_are_refused(twin: Twin, tmp_path: Path, place: str) -> None:
    model = export(twin)
    tensor = model.graph.initializer[0]
    if place == "attribute":
        model.graph.node.insert(0, helper.make_node("Constant", [], ["unused"], value=tensor))
        tensor = model.graph.node[0].attribute[0].t
    onnx.external_data_helper.set_external_data(tensor, "../../secret.bin")
    tensor.ClearField("raw_data")
    (tmp_path / "given.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CardInvalid, match=r"given\.onnx: its weights lie in other files"):
        backend.load(save(export(twin), tmp_path), "cpu", tmp_path / "given.onnx")


@pytest.mark.parametrize("device", ["cuda:99", "cuda:x", "mps", "gpu"])
def test_a_device_that_is_not_there_is_refused(twin: Twin, tmp_path: Path, device: str) -> None:
    with pytest.raises(DeviceUnavailable, match=rf"device {device}: "):
        backend.load(save(export(twin), tmp_path), device)


def test_half_precision_is_refused(twin: Twin, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="precision half: net is an ONNX file and runs as it was made; give full"):
        backend.load(save(export(twin), tmp_path), "cpu", precision="half")


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_says_what_to_install(
    twin: Twin, tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = save(export(twin), tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DependencyMissing, match=rf"{package} .*: pip install .*{package}"):
        backend.load(card, "cpu")
