"""What an ONNX file holds, read without running it: its image input, its vector output, its layers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facepipe.errors import CardInvalid
from facepipe.networks.runtime import load_onnx, read_model

# These hand on what they were given, in another shape or not at all
_REARRANGING = {"Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
_SHAPE = {"Shape", "Size"}  # what is computed from these is arithmetic on extents


@dataclass(frozen=True)
class Signature:
    """One image in, one vector out. None stands for an extent that the file leaves open.

    ``channels_last``: the input is (N, size, size, 3) instead of (N, 3, size, size).
    """

    input: str
    output: str
    channels_last: bool
    batch: int | None
    size: int | None
    dimension: int | None


def parse(data: bytes, path: Path) -> Any:
    """``read_model`` of ``data``, the content of ``path``. Raises CardInvalid, DependencyMissing."""
    try:
        return read_model(data)
    except ValueError as error:
        raise CardInvalid(f"{path}: {error}") from None


def signature(model: Any, path: Path) -> Signature:
    """The one image input and the one vector output. Raises CardInvalid with what was found instead."""
    weights = {tensor.name for tensor in model.graph.initializer}  # old files list them among the inputs
    inputs = [value for value in model.graph.input if value.name not in weights]
    outputs = list(model.graph.output)
    found = f"{', '.join(map(_describe, inputs)) or 'nothing'} → {', '.join(map(_describe, outputs)) or 'nothing'}"
    problem = CardInvalid(f"{path}: expected one float image in and one float vector out, found {found}")
    if len(inputs) != 1 or len(outputs) != 1 or not (_is_float(inputs[0]) and _is_float(outputs[0])):
        raise problem
    image, vector = _extents(inputs[0]), _extents(outputs[0])
    if image is None or len(image) != 4 or 3 not in (image[1], image[3]) or len(vector or (1, 1)) != 2:
        raise problem
    channels_last = image[1] != 3
    height, width = image[1:3] if channels_last else image[2:4]
    if None not in (height, width) and height != width:
        raise CardInvalid(f"{path}: expected a square image, found {found}")
    if image[0] not in (None, 1):
        raise CardInvalid(f"{path}: expected batches of one or of any size, found {found}")
    dimension = vector[1] if vector else None
    return Signature(inputs[0].name, outputs[0].name, channels_last, image[0], height or width, dimension)


def computed(model: Any, image: str) -> dict[str, str]:
    """Layer name → tensor name for what is computed from the input called ``image``, in the order it runs.

    A layer is called as its node, or as the tensor where nodes have no names. Not among them: constants, arithmetic on
    shapes, nodes that only rearrange.
    """
    from_image, layers = {image}, dict[str, str]()
    for node in model.graph.node:
        if from_image.isdisjoint(node.input) or node.op_type in _SHAPE:
            continue
        from_image.update(node.output)
        if node.op_type in _REARRANGING:
            continue
        for index, tensor in enumerate(node.output):
            if tensor:
                layers[node.name if node.name and index == 0 else tensor] = tensor
    return layers


def exposed(model: Any, tensors: list[str]) -> bytes:
    """The model with the inner ``tensors`` as further outputs, serialised."""
    onnx = load_onnx()
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    known = {value.name for value in copy.graph.output}
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in known)
    data: bytes = copy.SerializeToString()
    return data


def _is_float(value: Any) -> bool:
    return bool(value.type.tensor_type.elem_type == load_onnx().TensorProto.FLOAT)


def _extents(value: Any) -> tuple[int | None, ...] | None:
    """The extents of a tensor, None for open ones; None when not even their number is known."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.dim_value > 0 else None for dim in value.type.tensor_type.shape.dim)


def _describe(value: Any) -> str:
    kind = load_onnx().TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    extents = _extents(value)
    shape = "?" if extents is None else "×".join("?" if n is None else str(n) for n in extents)
    return f"{value.name} {kind} {shape}"
