"""SFace as OpenCV's model zoo has it, for other runtimes: the original graph, not ours."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

IMAGE = "data"  # the graph's one true input, (1, 3, 112, 112) RGB, 0 to 255


def original(path: Path) -> onnx.ModelProto:
    """The file without the inputs that nobody feeds: 29 weights' names of before they were put in 8 bits, and those
    that have a value."""
    model = onnx.load_model(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    stale = [value for value in model.graph.input if value.name not in {*stored, IMAGE}]
    assert len(stale) == 29
    image = [value for value in model.graph.input if value.name == IMAGE]
    del model.graph.input[:]
    model.graph.input.extend(image)
    return model


def dequantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same in float32, put back on their scale by onnxruntime itself, under the names of the zoo's float32 file."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    scaled = [node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"]
    values = dict(zip(scaled, run(exposing(model, scaled), np.zeros((1, 3, 112, 112))), strict=True))
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[0] in values:
            values[node.output[0]] = values.pop(node.input[0]).reshape(stored[node.input[1]])
    nodes = []
    for node in model.graph.node:
        if not {*node.output} & {*scaled, *values}:
            nodes.append(onnx.NodeProto())
            nodes[-1].CopyFrom(node)
            nodes[-1].input[:] = [_plain_name(name) for name in node.input]
    weights = {_plain_name(name): value for name, value in values.items()}
    weights |= {name: value for name, value in stored.items() if any(name in node.input for node in nodes)}
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = onnx.helper.make_graph(nodes, "sface", model.graph.input, model.graph.output, tensors)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


def _plain_name(name: str) -> str:
    return name.removesuffix("_dequantized").removesuffix("_reshaped")


def exposing(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """The model with the tensors ``names`` as its outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return copy


def run(model: onnx.ModelProto, images: np.ndarray) -> list[np.ndarray]:
    return session(model).run(None, {IMAGE: images.astype(np.float32)})


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
