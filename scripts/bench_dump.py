"""What dumping costs beside the same forward passes and the same bytes written, and what memory it takes; in one run.

python scripts/bench_dump.py IMAGE [--faces 200] [--rounds 7] [--backbone NAME]

Time: rows of all convolutions of the backbone, against the bare forward pass of the same chips and one write of as
many bytes; both to a new file, flushed to the disk and renamed. What a dump does once (trace, dry pass) is told apart.
Memory: the peak of Python and numpy (tracemalloc) while a folder is dumped, and while its images are only surveyed,
for 1 and for many faces.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from stopwatch import medians, paired, ratio, seconds

from facepipe import Pipeline, read_image
from facepipe.defaults import BACKBONE
from facepipe.files import replacing
from facepipe.inspect.dump import Tap, dump
from facepipe.inspect.graphs.network import Network
from facepipe.inspect.networks_of import networks_of
from facepipe.inspect.survey import Survey
from facepipe.inspect.writers import tensor_writer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path)
    parser.add_argument("--faces", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--backbone", default=BACKBONE)
    given = parser.parse_args()
    torch.set_num_threads(1)
    pipe = Pipeline(given.backbone)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".safetensors", ".npz"):
            compare_times(pipe, given.image, Path(folder) / f"dump{suffix}", given.rounds)
            compare_memory(pipe, given.image, Path(folder) / f"dump{suffix}", given.faces)


def compare_times(pipe: Pipeline, source: Path, path: Path, rounds: int, faces: int = 60) -> None:
    image = read_image(source)
    network = networks_of(pipe, image, pipe.faces(image)[0])[pipe.backbone.card.name]
    tap = Tap(network, {name: name for name in network.convolutions})
    specs = tap.specs(faces)
    payload = sum(spec.bytes for spec in specs.values())
    blank = np.zeros(payload // faces, np.uint8).data

    def prepared() -> None:
        fresh = Network(network.name, network.module, network.pixels, network.x)
        Tap(fresh, tap.tensors).specs(1)

    def dumped() -> None:
        with replacing(path) as stream, tensor_writer(stream, path.suffix, specs, {}) as writer:
            write = tap.into(writer)
            for _ in range(faces):
                write(network.x)

    def bare() -> None:
        with replacing(path) as stream, torch.inference_mode():
            for _ in range(faces):
                network.module(network.x)
                stream.write(blank)

    pairs = paired(bare, dumped, rounds)
    theirs, ours = (median / faces * 1e3 for median in medians(pairs))
    size = path.stat().st_size / payload
    once = statistics.median(seconds(prepared) for _ in range(rounds))
    print(f"{path.suffix}: {len(network.convolutions)} convolutions, {payload // faces:,} bytes a face")
    print(
        f"  time  {ours:.1f} ms a face, forward + write {theirs:.1f} ms: {ratio(pairs):.2f}×; "
        f"once a dump {once * 1e3:.0f} ms"
    )
    print(f"  size  {size:.4f}× payload")


def compare_memory(pipe: Pipeline, source: Path, path: Path, faces: int) -> None:
    image = read_image(source)
    network = networks_of(pipe, image, pipe.faces(image)[0])[pipe.backbone.card.name]
    convolutions = network.convolutions

    def dumped(number: int) -> int:
        return peak(lambda: dump(pipe, [source] * number, path, convolutions, pick=1))

    def surveyed(number: int) -> int:
        with tempfile.TemporaryFile() as spool:
            return peak(lambda: Survey(pipe.detector, pipe.backbone.card.chip, [source] * number, spool, 1))

    dumped(1)
    one, many = (dumped(number) for number in (1, faces))
    detecting = surveyed(1)
    largest = 4 * max(math.prod(network.layers[name].shape) for name in convolutions)  # bytes
    print(f"  memory  one face {one:,} bytes, {faces} faces {many:,} bytes; the detector alone {detecting:,}")
    beyond = [(used - detecting) / largest for used in (one, many)]
    print(f"  beyond the detector's: {beyond[0]:.2f}× and {beyond[1]:.2f}× the largest map")


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
