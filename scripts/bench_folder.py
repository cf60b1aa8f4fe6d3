"""How much quicker a folder is identified in one go than image by image, in one run, alternating.

python scripts/bench_folder.py FOLDER [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from facepipe import Gallery, Pipeline
from facepipe.sources import image_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    files = list(image_files([given.folder]))
    pipe = Pipeline()
    with tempfile.TemporaryDirectory() as scratch, Gallery.open(Path(scratch) / "people.db") as gallery:
        for number, outcome in enumerate(pipe.enroll_each((("someone", path) for path in files), gallery, pick=1)):
            if number >= 10:
                break
            outcome.unwrap()

        def one_by_one() -> None:
            for path in files:
                pipe.identify(path, gallery)

        def in_one_go() -> None:
            for outcome in pipe.identify_each(files, gallery):
                outcome.unwrap()

        pairs = [(seconds(one_by_one), seconds(in_one_go)) for _ in range(given.rounds)]
    singly, together = (statistics.median(column) / len(files) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"{len(files)} images, one by one {singly * 1e3:.1f} ms each, in one go {together * 1e3:.1f} ms: {ratio:.2f}×"
    )


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
