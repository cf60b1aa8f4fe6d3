"""How long the gallery takes, next to a bare faiss.IndexFlatIP with the same vectors.

python scripts/bench_gallery.py [--references 100000] [--dimension 128] [--per-person 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import faiss
import numpy as np

from facepipe.gallery import Gallery, NewReference
from facepipe.records import Template


def seconds(call: Callable[[], object], times: int = 1) -> float:
    """The median of ``times`` runs."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--per-person", type=int, default=5)
    given = parser.parse_args()
    raw = np.random.default_rng(1).normal(size=(given.references, given.dimension)).astype(np.float32)
    templates = [Template.from_embedding(row, "bench@1") for row in raw]
    items = [
        (f"person {i // given.per_person}", NewReference(template, image_sha256=f"{i:064x}"))
        for i, template in enumerate(templates)
    ]
    bare = faiss.IndexFlatIP(given.dimension)
    vectors = np.stack([template.vector for template in templates])
    bare.add(vectors)
    one, many = vectors[:1], vectors[:64]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        gallery = Gallery.open(path)
        enrolling = seconds(lambda: gallery.add_many(items))
        print(f"bulk enrolment    {given.references / enrolling:10,.0f} references/s, durable")
        print(f"index from record {seconds(lambda: gallery.search(templates[0])) * 1e3:10.1f} ms")
        for name, probes, matrix in (("1 probe", templates[:1], one), ("64 probes", templates[:64], many)):
            ours = seconds(partial(gallery.search, probes), 9)
            theirs = seconds(partial(bare.search, matrix, 5), 9)
            print(f"search, {name:9} {ours * 1e3:10.1f} ms; bare faiss {theirs * 1e3:.1f} ms")
        print(f"close, index file {seconds(gallery.close) * 1e3:10.1f} ms")
        with Gallery.open(path) as again:
            print(f"open, 1st search  {seconds(lambda: again.search(templates[0])) * 1e3:10.1f} ms")
            extra = [NewReference(Template.from_embedding(-raw[0] + i, "bench@1")) for i in range(20)]
            singly = seconds(lambda: again.add("somebody", [extra.pop()]), 9)
            print(f"enrol one         {singly * 1e3:10.1f} ms, durable")
            print(f"search after it   {seconds(lambda: again.search(templates[0])) * 1e3:10.1f} ms")
            print(f"check             {seconds(again.check) * 1e3:10.1f} ms")


if __name__ == "__main__":
    main()
