"""How fast faces are recognised over time, decoding included, and whether memory grows.

    python scripts/bench_watch.py VIDEO … [--rounds 3] [--every 5] [--enroll PHOTO …] [--memory FRAMES]

Each round watches every video once without a gallery and once with the people of ``--enroll`` enrolled. ``--memory``
watches the first video again and again for so many frames and says how the resident set grew after the first tenth.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the shell does

from stopwatch import rss_mb

from facepipe import Gallery, Pipeline
from facepipe.sources import open_source
from facepipe.watch import Watcher


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--enroll", nargs="*", type=Path, default=[])
    parser.add_argument("--memory", type=int, metavar="FRAMES")
    given = parser.parse_args()
    pipe = Pipeline()
    with tempfile.TemporaryDirectory() as scratch, Gallery.open(Path(scratch) / "people.db") as gallery:
        for photo in given.enroll:
            pipe.enroll(f"{photo.parent.name} {photo.stem}", photo, gallery, pick=1)
        for video in given.videos:
            for round in range(given.rounds):
                for label, people in (("no gallery", None), (f"{len(gallery)} enrolled", gallery)):
                    print(
                        f"{video.name}, round {round + 1}, {label}: {watch(pipe, people, video, given.every)}",
                        flush=True,
                    )
        if given.memory:
            print(f"{given.videos[0].name}: {grow(pipe, gallery, given.videos[0], given.every, given.memory)}")


def watch(pipe: Pipeline, gallery: Gallery | None, video: Path, every: int) -> str:
    """One line: frames per second, and how long single frames took."""
    watcher, took, faces = Watcher(pipe, gallery, every=every), [], 0
    start, busy = time.perf_counter(), time.process_time()
    with open_source(video) as source:
        for frame in source:
            begun = time.perf_counter()
            faces += len(watcher.see(frame))
            took.append(time.perf_counter() - begun)
        stated = source.fps
    watcher.finish()
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    took.sort()
    shares = [took[min(len(took) - 1, int(len(took) * share))] * 1e3 for share in (0.5, 0.9)]
    return (
        f"{len(took) / seconds:.1f} frames/s (its own: {stated or 0:.1f}), {busy / len(took) * 1e3:.0f} ms of processor"
        f" time each; ms a frame: {shares[0]:.0f} (median), {shares[1]:.0f} (90 %), {took[-1] * 1e3:.0f} (most);"
        f" {faces / len(took):.1f} faces a frame; load {os.getloadavg()[0]:.1f}"
    )


def grow(pipe: Pipeline, gallery: Gallery, video: Path, every: int, frames: int) -> str:
    """How much the resident set grew from the first tenth of ``frames`` to the last."""
    watcher, sizes = Watcher(pipe, gallery, every=every), []
    with open_source(video, loop=True) as source:
        for number, frame in enumerate(source, 1):
            watcher.see(frame)
            watcher.take_events()
            sizes.append(rss_mb())
            if number == frames:
                break
    tenth = frames // 10
    first, last = (statistics.median(part) for part in (sizes[tenth : 2 * tenth], sizes[-tenth:]))
    grown = f"{first:.0f} MB after a tenth, {last:.0f} MB at the end ({last - first:+.1f})"
    return f"{frames} frames: {grown}; at most {max(sizes):.0f} MB"


if __name__ == "__main__":
    main()
