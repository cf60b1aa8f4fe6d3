"""How long the gallery takes, next to a bare faiss.IndexFlatIP with the same vectors, and how much memory.

    python scripts/bench_gallery.py [--references 100000] [--dimension 128] [--per-person 5] [--rounds 31] [--json FILE]

Opening runs in processes of their own, up to the first answer; the memory is by how much it raised the peak of a
process that had a gallery of one reference open before, so that code and libraries do not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import faiss
import numpy as np
from stopwatch import Measure, add_json_option, medians, paired, peak_rss_mb, ratio, report, seconds

from facepipe.gallery import Gallery, NewReference
from facepipe.records import Floats, Quality, Template

OPENINGS = 5
THUMBNAIL = 5000  # bytes, about what a chip takes as JPEG


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--per-person", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    add_json_option(parser)
    given = parser.parse_args()
    if given.open is None:
        report(measure(given.references, given.dimension, given.per_person, given.rounds), given.json)
    else:
        opening(given.open, given.dimension)


def measure(references: int, dimension: int, per_person: int, rounds: int) -> list[Measure]:
    vectors = unit(np.random.default_rng(1).normal(size=(references, dimension)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.db"
        measures = enrolling(Path(folder), vectors, per_person)
        with Gallery.open(path) as gallery:
            measures += searching(gallery, vectors, rounds)
        measures += openings(path, dimension, vectors.nbytes / 1e6)
        return measures + upkeep(path, vectors[0])


def unit(raw: np.ndarray) -> Floats:
    return np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True), np.float32)


def entries(vectors: Floats, per_person: int, thumbnail: int = 0) -> list[tuple[str, NewReference]]:
    """Every vector as one of somebody's references, from an image of its own."""
    rng = np.random.default_rng(2)
    return [
        (
            f"person {i // per_person}",
            NewReference(
                Template(vector, 1.0, "bench@1"),
                Quality(0.99, 100.0, float(i)),
                f"photos/{i}.jpg",
                rng.bytes(32).hex(),
                b"\xff\xd8\xff" + rng.bytes(thumbnail) if thumbnail else None,
            ),
        )
        for i, vector in enumerate(vectors)
    ]


def enrolling(folder: Path, vectors: Floats, per_person: int) -> list[Measure]:
    """In bulk into ``people.db``, and a part of it with thumbnails into another gallery."""

    def rate(name: str, items: list[tuple[str, NewReference]]) -> float:
        with Gallery.open(folder / name) as gallery:
            return len(items) / seconds(lambda: gallery.add_many(items))

    bare, pictured = entries(vectors, per_person), entries(vectors[: len(vectors) // 5], per_person, THUMBNAIL)
    return [
        Measure("enrol in bulk, durable", rate("people.db", bare), bar="≥ 20000", unit="refs/s"),
        Measure("… with thumbnails of 5 kB", rate("other.db", pictured), unit="refs/s"),
    ]


def searching(gallery: Gallery, vectors: Floats, rounds: int) -> list[Measure]:
    """Probes are noisy copies of what is enrolled. The same search by FAISS itself is the other's."""
    rng = np.random.default_rng(3)
    picked = vectors[rng.integers(0, len(vectors), 64)]
    probes = [Template(row, 1.0, "bench@1") for row in unit(picked + 0.05 * rng.normal(size=picked.shape))]
    bare = faiss.IndexFlatIP(vectors.shape[1])
    bare.add(vectors)
    measures = []
    for count in (1, 64):
        matrix = np.stack([probe.vector for probe in probes[:count]])
        pairs = paired(lambda m=matrix: bare.search(m, 5), lambda n=count: gallery.search(probes[:n], 5), rounds)  # type: ignore[misc]
        theirs, ours = medians(pairs)
        name = f"search {count} probe{'s' * (count > 1)}, bare FAISS"
        measures.append(Measure(name, 1e3 * ours, 1e3 * theirs, ratio(pairs), "≤ 1.25", "ms"))
    return measures


def openings(path: Path, dimension: int, vectors_mb: float) -> list[Measure]:
    command = [sys.executable, __file__, "--open", str(path), "--dimension", str(dimension)]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(OPENINGS)]
    taken, grown = (statistics.median(values) for values in zip(*runs, strict=True))
    return [
        Measure("open, until the first answer", taken, bar="≤ 1.5"),
        Measure("… its memory, the vectors alone", grown, vectors_mb, grown / vectors_mb, "≤ 1.3", "MB"),
    ]


def opening(path: Path, dimension: int) -> None:
    """Prints how many seconds it took and by how many MB the peak rose."""
    probe = Template(unit(np.ones((1, dimension)))[0], 1.0, "bench@1")
    with tempfile.TemporaryDirectory() as folder, Gallery.open(Path(folder) / "small.db") as small:
        small.add("somebody", [NewReference(probe)])
        small.search(probe)
        before = peak_rss_mb()

        def work() -> None:
            with Gallery.open(path, read_only=True) as gallery:
                gallery.search(probe)

        taken = seconds(work)
        print(json.dumps([taken, peak_rss_mb() - before]))


def upkeep(path: Path, vector: Floats) -> list[Measure]:
    archive = path.with_name("people.zip")
    with Gallery.open(path) as gallery, Gallery.open(path.with_name("imported.db")) as other:
        probe = Template(vector, 1.0, "bench@1")
        gallery.search(probe)
        work = {
            "enrol one": lambda: gallery.add("somebody", [NewReference(probe)]),
            "search after it": lambda: gallery.search(probe),
            "check": gallery.check,
            "rebuild the index": gallery.rebuild,
            "export": lambda: gallery.export(archive),
            "import": lambda: other.import_(archive),
        }
        return [Measure(name, seconds(call)) for name, call in work.items()]


if __name__ == "__main__":
    main()
