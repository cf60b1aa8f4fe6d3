"""onnxruntime, which runs networks without torch: on the CPU in sessions of one thread each, side by side on the cores.

A core each for several pictures or chips is quicker than all cores on one, where they wait for each other at every
layer; and a session without threads of its own leaves none behind when the process forks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facepipe.errors import DeviceUnavailable, WeightsAltered
from facepipe.machine.dependencies import explained
from facepipe.machine.devices import cores
from facepipe.machine.forks import PerProcess
from facepipe.records import Floats

Constants = dict[str, np.ndarray]
OPSET, IR_VERSION = 17, 8  # old enough for every onnxruntime that is allowed


class CompiledGraph:
    """An ONNX graph, as bytes, ready to run on the CPU: arrays by name in, arrays in the order of its outputs out.

    A ``wide`` one, of few weights, takes all cores that the calling thread may take.
    """

    def __init__(self, model: bytes, wide: bool = False) -> None:
        self._wide = wide
        self._alone = PerProcess(partial(session, model, 1))
        self._together = PerProcess(lambda: session(model, cores()))

    def __call__(self, **inputs: np.ndarray) -> list[np.ndarray]:
        session = self._together() if self._wide and cores() > 1 else self._alone()
        found: list[np.ndarray] = session.run(None, inputs)
        return found


def load_onnxruntime() -> Any:
    """The package, kept from telling Microsoft what is run, and from the number for this machine that it would keep in
    the home folder for that. It listens only before it is imported. Raises DependencyMissing."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    with explained():
        import onnxruntime
    return onnxruntime


def load_onnx() -> Any:
    """The package. Raises DependencyMissing."""
    with explained():
        import onnx
    return onnx


def session(model: bytes, threads: int, device: str = "cpu", optimise: bool = True) -> Any:
    """An ``onnxruntime.InferenceSession`` that computes with so many threads on the CPU, 0 for all cores.

    Raises DeviceUnavailable, DependencyMissing, and of a model that it cannot run what onnxruntime does: its exceptions
    have no common base.
    """
    onnxruntime = load_onnxruntime()
    provider, options = _provider(device, onnxruntime.get_available_providers())
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")  # who waits leaves its core to others
    settings.log_severity_level = 4  # what goes wrong is raised, not printed
    if not optimise:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    made = onnxruntime.InferenceSession(model, settings, providers=[(provider, options)])
    if provider not in made.get_providers():  # onnxruntime itself falls back to the CPU with a warning
        raise DeviceUnavailable(f"device {device}: onnxruntime could not use its {provider}")
    return made


def _provider(device: str, available: Sequence[str]) -> tuple[str, dict[str, str]]:
    kind, _, index = device.partition(":")
    if device == "cpu":
        return "CPUExecutionProvider", {}
    if kind == "cuda" and "CUDAExecutionProvider" in available and (index.isdecimal() or device == "cuda"):
        return "CUDAExecutionProvider", {"device_id": index or "0"}
    here = "cpu, cuda" if "CUDAExecutionProvider" in available else "cpu"
    raise DeviceUnavailable(f"device {device}: not usable by the installed onnxruntime; there is {here}")


def read_model(data: bytes) -> Any:
    """The ``onnx.ModelProto`` in ``data``.

    Raises DependencyMissing, and ValueError when it is none, or when its weights lie in other files: the sha256 would
    not cover them, and the paths in the model could point anywhere.
    """
    onnx = load_onnx()
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError; onnx has raised others
        raise ValueError(f"not an ONNX model: {first_line(error)}") from None
    graphs = [model.graph, *model.functions]
    if any(tensor.external_data or tensor.data_location for graph in graphs for tensor in _tensors(graph)):
        raise ValueError("its weights lie in other files; save it as one file (onnx.save does) and try again")
    return model


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor stored in a graph or function: initializers and attributes, those of inner graphs included."""
    yield from getattr(graph, "initializer", ())
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def first_line(error: Exception) -> str:
    """What went wrong, where a package says it in many lines or in none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def read_graph(path: Path) -> Any:
    """The graph of the ONNX file ``path``. Raises WeightsAltered, DependencyMissing."""
    try:
        return read_model(path.read_bytes()).graph
    except ValueError as error:
        raise WeightsAltered(f"{path}: {error}") from None


def read_weights(graph: Any) -> Constants:
    """Every constant that the nodes of ``graph`` take, by name. Those stored in 8 bits are put back on their scale:
    value = (q − zero point) × scale, in blocks along an axis (ONNX's DequantizeLinear, opset 21).

    Raises KeyError, ValueError where they are on another scale."""
    from onnx import numpy_helper

    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = dict(stored)
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            options = {option.name: option.i for option in node.attribute}
            values, scale, zero = (stored[name] for name in node.input)
            found[node.output[0]] = _dequantised(values, scale, zero, options["axis"], options["block_size"])
        elif node.op_type == "Reshape" and {*node.input} <= {*found}:
            found[node.output[0]] = found[node.input[0]].reshape(found[node.input[1]])
    return found


def _dequantised(values: np.ndarray, scale: np.ndarray, zero: np.ndarray, axis: int, block: int) -> Floats:
    if scale.ndim != values.ndim or block < 1:
        raise ValueError("its weights in 8 bits are not in blocks")
    extent = np.arange(values.shape[axis]) // block
    scale, zero = scale.take(extent, axis), zero.take(extent, axis)
    return np.asarray((values.astype(np.float32) - zero.astype(np.float32)) * scale, np.float32)


class Graph:
    """An ONNX graph in the making, of maps (N, C, H, W) float32; each method adds a step and names its result.

    The ``input`` is float32, or ``pixels``: uint8.
    """

    def __init__(self, input: str, shape: tuple[str | int, ...], pixels: bool = False) -> None:
        self._inputs: list[Any] = []
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.take(input, shape, pixels)

    def take(self, input: str, shape: tuple[str | int, ...], pixels: bool = False) -> str:
        """One more input."""
        from onnx import TensorProto, helper

        kind = TensorProto.UINT8 if pixels else TensorProto.FLOAT
        self._inputs.append(helper.make_tensor_value_info(input, kind, shape))
        return input

    def conv(self, x: str, weight: Floats, bias: Floats | None, stride: int = 1, padding: int = 0) -> str:
        """``weight`` (O, I, h, w); one of (C, 1, h, w) sees each map by itself."""
        groups = len(weight) if weight.shape[1] == 1 else 1
        given = [x, self._constant(weight), *([] if bias is None else [self._constant(bias)])]
        return self.step("Conv", *given, strides=[stride] * 2, pads=[padding] * 4, group=groups)

    def prelu(self, x: str, slope: Floats) -> str:
        """x + (1 − slope)·relu(−x), ``slope`` (C,). Convolutions of 1×1 px do it in the order of memory that those
        around it compute in, for which there is no PRelu: SFace takes 2.5 times less than by changing to and fro."""
        ones = np.ones((len(slope), 1, 1, 1), np.float32)
        below = self.step("Relu", self.conv(x, -ones, None))
        return self.step("Add", self.conv(below, ones - slope.reshape(ones.shape), None), x)

    def maps(self, pixels: str) -> str:
        """(N, H, W, C) uint8 as maps."""
        from onnx import TensorProto

        return self.step("Transpose", self.step("Cast", pixels, to=TensorProto.FLOAT), perm=[0, 3, 1, 2])

    def dense(self, x: str, weight: Floats, bias: Floats) -> str:
        """``weight`` (O, I) times x (N, I)."""
        return self.step("Gemm", x, self._constant(weight), self._constant(bias), transB=1)

    def step(self, kind: str, *given: str | np.ndarray, **options: object) -> str:
        """Any operator of ONNX, with one result."""
        from onnx import helper

        names = [each if isinstance(each, str) else self._constant(each) for each in given]
        name = f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, names, [name], **options))
        return name

    def network(self, *outputs: str, wide: bool = False) -> CompiledGraph:
        """The whole, ready to run."""
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self._nodes, "facepipe", self._inputs, ends, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return CompiledGraph(model.SerializeToString(), wide)

    def _constant(self, values: np.ndarray) -> str:
        from onnx import numpy_helper

        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name
