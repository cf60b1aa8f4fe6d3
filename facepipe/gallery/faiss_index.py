"""The exact FAISS index: every vector is compared, no approximation."""

from __future__ import annotations

import faiss
import numpy as np

from facepipe.gallery.base import Ids
from facepipe.records import Floats


class FaissIndex:
    """``faiss.IndexFlatIP`` as an ``Index`` (see base.py)."""

    def __init__(self, dimension: int) -> None:
        self._flat = faiss.IndexFlatIP(dimension)

    @property
    def dimension(self) -> int:
        return int(self._flat.d)

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    def add(self, vectors: Floats) -> None:
        self._flat.add(np.ascontiguousarray(vectors, np.float32))

    def remove(self, positions: Ids) -> None:
        self._flat.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(positions, np.int64)))

    def search(self, probes: Floats, k: int) -> tuple[Floats, Ids]:
        scores, positions = self._flat.search(np.ascontiguousarray(probes, np.float32), k)
        return scores, positions

    def vectors(self) -> Floats:
        flat = faiss.rev_swig_ptr(self._flat.get_xb(), len(self) * self.dimension)
        return np.array(flat, np.float32).reshape(len(self), self.dimension)  # a copy: the next add moves the memory

    def to_bytes(self) -> bytes:
        return bytes(faiss.serialize_index(self._flat).data)

    @classmethod
    def from_bytes(cls, data: bytes) -> FaissIndex:
        try:
            flat = faiss.deserialize_index(np.frombuffer(data, np.uint8))
        except RuntimeError as error:
            raise ValueError(f"faiss: {str(error).splitlines()[0]}") from None
        if not isinstance(flat, faiss.IndexFlatIP):
            raise ValueError(f"expected an IndexFlatIP, got {type(flat).__name__}")
        made = cls.__new__(cls)
        made._flat = flat
        return made
