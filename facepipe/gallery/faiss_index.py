"""The exact FAISS index: every vector is compared, no approximation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import faiss
import numpy as np

from facepipe.gallery.base import Ids
from facepipe.machine import forks
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

    def reserve(self, count: int) -> None:
        codes, size = self._flat.codes, self._flat.code_size
        codes.resize(count * size)  # a vector of C++, which keeps its memory when it is made shorter again
        codes.resize(len(self) * size)

    def add(self, vectors: Floats) -> None:
        self._flat.add(np.ascontiguousarray(vectors, np.float32))

    def remove(self, positions: Ids) -> None:
        self._flat.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(positions, np.int64)))

    def search(self, probes: Floats, k: int) -> tuple[Floats, Ids]:
        with _one_thread() if len(probes) == 1 else nullcontext():
            scores, positions = self._flat.search(np.ascontiguousarray(probes, np.float32), k)
        return scores, positions

    def vectors(self, positions: Ids) -> Floats:
        # A view, and a copy of some of it: FAISS's own reconstruct_batch wakes its threads for that
        everything = faiss.rev_swig_ptr(self._flat.get_xb(), len(self) * self.dimension)
        found: Floats = everything.reshape(-1, self.dimension)[positions]
        return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Several threads take turns at a single probe, which costs more than it brings (scripts/bench_gallery.py)."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _alone() -> None:
    faiss.omp_set_num_threads(1)


forks.in_children(_alone)  # OpenMP's threads stay in the parent, and would be waited for for ever
