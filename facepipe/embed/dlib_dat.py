"""Read the tensors of dlib's face ResNet from its serialised ``.dat`` file, without dlib.

The file is a stream of dlib's own serialisation. An integer is one byte (low four bits: how many bytes follow, high
bit: sign) and then its little-endian bytes. A layer's parameters follow its length-prefixed tag as a tensor: version 2,
four dimensions, raw little-endian float32. Layers come from input to output.
Format: dlib's ``serialize.h`` and ``dnn/tensor.h`` (Davis King, Boost licence).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facepipe.errors import WeightsAltered
from facepipe.records import Floats

_TAGS = re.compile(rb"\x01\x05con_4|\x01\x07affine_|\x01\x04fc_2")
_TENSOR_VERSION = 2


def read_tensors(path: Path) -> Iterator[tuple[str, Floats]]:
    """Each parameter tensor as (layer kind: "con_4", "affine_" or "fc_2", flat float32 values), input to output.

    Raises WeightsAltered when the file does not follow the format.
    """
    data = path.read_bytes()
    position = 0
    while tag := _TAGS.search(data, position):
        kind = tag.group()[2:].decode()
        try:
            values, position = _read_tensor(data, tag.end(), extra_integers=2 if kind == "fc_2" else 0)
        except (IndexError, ValueError) as error:
            raise WeightsAltered(f"{path}: not dlib's format at byte {tag.start()} ({kind}): {error}") from None
        yield kind, values


def _read_tensor(data: bytes, position: int, extra_integers: int) -> tuple[Floats, int]:
    for _ in range(extra_integers):  # a fully connected layer gives its number of outputs and inputs first
        _, position = _read_integer(data, position)
    version, position = _read_integer(data, position)
    if version != _TENSOR_VERSION:
        raise ValueError(f"tensor version {version}, expected {_TENSOR_VERSION}")
    count = 1
    for _ in range(4):
        extent, position = _read_integer(data, position)
        count *= extent
    end = position + 4 * count
    if count < 1 or end > len(data):
        raise ValueError(f"a tensor of {count} values does not fit in the file")
    return np.frombuffer(data, "<f4", count, position), end


def _read_integer(data: bytes, position: int) -> tuple[int, int]:
    head = data[position]
    end = position + 1 + (head & 0x0F)
    value = int.from_bytes(data[position + 1 : end], "little")
    return (-value if head & 0x80 else value), end
