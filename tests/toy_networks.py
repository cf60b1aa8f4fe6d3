"""A network small enough for tests that sees something of a face: its means over a grid of places."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facepipe.add_model import add_onnx
from facepipe.networks.cards import Card

SIZE = 112


def write_grid(path: Path, factor: float = 1.0, cells: int = 8) -> Path:
    """An ONNX network: (n, 3, 112, 112) → (n, 3 cells²), the means over cells of each channel, times ``factor``."""
    cell = SIZE // cells
    nodes = [
        helper.make_node("AveragePool", ["image"], ["means"], "pool", kernel_shape=[cell] * 2, strides=[cell] * 2),
        helper.make_node("Flatten", ["means"], ["flat"], "flatten"),
        helper.make_node("Mul", ["flat", "factor"], ["vector"], "times"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 3 * cells**2])
    stored = [numpy_helper.from_array(np.array([factor], np.float32), "factor")]
    graph = helper.make_graph(nodes, "grid", [image], [vector], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def add_grid(folder: Path, name: str = "grid", factor: float = 1.0, cells: int = 8) -> Card:
    """That network as one of the user's models."""
    return add_onnx(write_grid(folder / f"{name}.onnx", factor, cells), name=name, replace=True)
