"""Tensors written row by row into one file, .safetensors or .npz, in memory that does not grow with the rows.

The layout is fixed before the first row, so every row goes straight to its place: one row per face, tensors interleaved
in time but whole in the file. Neither the safetensors nor the numpy library can write so; both read the result.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol
from zipfile import ZipFile, ZipInfo

import numpy as np

from facepipe.errors import UsageError

METADATA = "metadata"  # the array of an .npz that holds the metadata as JSON
_NAMES = {"float32": "F32", "int32": "I32", "uint8": "U8"}  # dtype → safetensors' word


@dataclass(frozen=True)
class Spec:
    """A tensor to be written: ``shape`` with the number of rows first, ``dtype`` float32, int32 or uint8."""

    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


class Writer(Protocol):
    def write(self, name: str, values: np.ndarray) -> None:
        """The next rows of the tensor ``name``, one or several: their numbers in C order."""


def check_suffix(path: Path) -> None:
    """Raises UsageError for a file that ``tensor_writer`` cannot write."""
    if path.suffix not in _WRITERS:
        raise UsageError(f"{path}: expected a name that ends in {' or '.join(_WRITERS)}")


@contextmanager
def tensor_writer(
    stream: BinaryIO, suffix: str, specs: Mapping[str, Spec], metadata: Mapping[str, str]
) -> Iterator[Writer]:
    """Lay out the tensors ``specs`` on an empty stream, in their order; all rows must be written within the block."""
    writer = _WRITERS[suffix](stream, specs, metadata)
    yield writer
    writer.finish()


class _Rows:
    """Where the next row of each tensor goes."""

    def __init__(self, stream: BinaryIO, specs: Mapping[str, Spec]) -> None:
        self._stream, self._specs = stream, specs
        self._next: dict[str, int] = {}
        self._ends: dict[str, int] = {}

    def write(self, name: str, values: np.ndarray) -> None:
        data = np.ascontiguousarray(values, self._specs[name].dtype).reshape(-1).view(np.uint8).data
        self._stream.seek(self._next[name])
        self._stream.write(data)
        self._next[name] += len(data)
        self._wrote(name, data)

    def finish(self) -> None:
        if self._next != self._ends:
            raise ValueError(
                f"not as many rows as announced: {[n for n, at in self._next.items() if at != self._ends[n]]}"
            )

    def _place(self, name: str, start: int) -> int:
        self._next[name], self._ends[name] = start, start + self._specs[name].bytes
        return self._ends[name]

    def _wrote(self, name: str, data: memoryview) -> None:
        """For formats that keep account of what was written."""


class _Safetensors(_Rows):
    """Eight bytes (the header's length, little-endian), the header (JSON, padded to a multiple of 8), the tensors.

    Format: https://huggingface.co/docs/safetensors
    """

    def __init__(self, stream: BinaryIO, specs: Mapping[str, Spec], metadata: Mapping[str, str]) -> None:
        super().__init__(stream, specs)
        header: dict[str, object] = {"__metadata__": dict(metadata)}
        end = 0
        for name, spec in specs.items():
            start, end = end, end + spec.bytes
            header[name] = {"dtype": _NAMES[spec.dtype], "shape": spec.shape, "data_offsets": (start, end)}
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        stream.write(len(text).to_bytes(8, "little") + text)
        end = 8 + len(text)
        for name in specs:
            end = self._place(name, end)


class _Npz(_Rows):
    """A zip of .npy files, stored, not compressed; their checksums grow with the rows and are put in at the end."""

    def __init__(self, stream: BinaryIO, specs: Mapping[str, Spec], metadata: Mapping[str, str]) -> None:
        text = np.array(json.dumps(dict(metadata), ensure_ascii=False).encode())
        super().__init__(stream, {**specs, METADATA: Spec((), text.dtype.str)})
        self._members: dict[str, ZipInfo] = {}
        end = 0
        for name, spec in self._specs.items():
            end = self._begin(name, spec, end)
        self._end = end
        self.write(METADATA, text)

    def _begin(self, name: str, spec: Spec, offset: int) -> int:
        """Write a member's .npy header where its zip header, written at the end, leaves off; where the member ends."""
        npy = BytesIO()
        described = {"descr": np.dtype(spec.dtype).str, "fortran_order": False, "shape": spec.shape}
        np.lib.format.write_array_header_1_0(npy, described)
        info = self._members[name] = ZipInfo(f"{name}.npy")
        info.header_offset, info.CRC = offset, zlib.crc32(npy.getvalue())
        info.file_size = info.compress_size = len(npy.getvalue()) + spec.bytes
        self._stream.seek(offset + len(info.FileHeader(zip64=True)))
        self._stream.write(npy.getvalue())
        return self._place(name, self._stream.tell())

    def _wrote(self, name: str, data: memoryview) -> None:
        self._members[name].CRC = zlib.crc32(data, self._members[name].CRC)

    def finish(self) -> None:
        super().finish()
        for info in self._members.values():
            self._stream.seek(info.header_offset)
            self._stream.write(info.FileHeader(zip64=True))
        self._stream.seek(self._end)
        with ZipFile(self._stream, "w") as archive:
            archive.filelist += self._members.values()  # closing writes the directory


_WRITERS: dict[str, type[_Safetensors] | type[_Npz]] = {".safetensors": _Safetensors, ".npz": _Npz}
