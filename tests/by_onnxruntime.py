"""What onnxruntime says of a model as it is, the reference for what is made of it."""

import numpy as np
import onnx
import onnxruntime


def by_onnxruntime(model: onnx.ModelProto, **inputs: np.ndarray) -> list[np.ndarray]:
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def taken(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A copy that onnxruntime takes: a scale for all numbers at once may not be called that of a block."""
    copy = onnx.GraphProto()
    copy.CopyFrom(graph)
    extents = {tensor.name: list(tensor.dims) for tensor in copy.initializer}
    for node in copy.node:
        if node.op_type == "DequantizeLinear" and extents[node.input[1]] == [1]:
            del node.attribute[:]
    return copy
