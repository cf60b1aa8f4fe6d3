"""What this tree takes beside another commit of the project: identify, enroll and watch, as a user types them.

    python scripts/bench_commit.py COMMIT [--photos PATH …] [--people FOLDER] [--video FILE] [--rounds 7] [--json FILE]

COMMIT is unpacked into a temporary folder and runs in this environment. Each round runs a command once with either
code, in turn; every run is a process of its own, with a gallery made by the same code. A ratio is how many times as
long the other takes. Without ``--photos`` (pictures, folders or videos, made into 40 JPEGs)
and ``--people`` (one sub-folder a person) those of data/samples are taken; ``watch`` is left out without ``--video``.
Rows are the wall clock's seconds, then the processor's, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from photos import folder_of
from stopwatch import Measure, add_json_option, report

from facepipe import folders

TREE = Path(__file__).resolve().parents[1]
PHOTOS = 40
SAMPLES = {"Barack Obama": ("obama.jpg", "obama2.jpg", "obama3.jpg"), "Joe Biden": ("biden.jpg",)}
UNCOUNTED = 1  # rounds before those that count: files come into the system's cache, Python compiles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--photos", nargs="+", type=Path, default=[], metavar="PATH")
    parser.add_argument("--people", type=Path, metavar="FOLDER")
    parser.add_argument("--video", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=7)
    add_json_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        other = unpacked(given.commit, Path(scratch, "other"))
        homes = {tree: Path(scratch, f"home of {tree.name}") for tree in (TREE, other)}
        people = given.people.resolve() if given.people else samples(Path(scratch, "people"))
        enroll = ["enroll", "--folders", str(people), "--pick", "1"]
        for tree, home in homes.items():
            run(tree, enroll, home)
        pictures = Path(scratch, "photos")
        pictures.mkdir()
        one, *_ = folder_of(given.photos, pictures, PHOTOS)
        commands = {
            "identify one photo": ["identify", str(one)],
            f"identify {PHOTOS} photos": ["identify", str(pictures)],
            "enroll a folder of people": [*enroll, "--gallery", str(Path(scratch, "new.db"))],
        }
        if given.video is not None:
            commands["watch a video"] = ["watch", str(given.video.resolve())]
        measures = [row for name, words in commands.items() for row in compare(name, words, homes, given.rounds)]
    report(measures, given.json)


def compare(name: str, words: Sequence[str], homes: Mapping[Path, Path], rounds: int) -> list[Measure]:
    """Wall clock and processor of one command with both codes; the ratios are medians over the rounds."""
    pairs = [[run(tree, words, home) for tree, home in homes.items()] for _ in range(UNCOUNTED + rounds)][UNCOUNTED:]
    rows = []
    for clock, what in enumerate(("", ", processor")):
        ours, theirs = ([side[clock] for side in column] for column in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
        rows.append(Measure(name + what, statistics.median(ours), statistics.median(theirs), ratio))
    return rows


def run(tree: Path, words: Sequence[str], home: Path) -> tuple[float, float]:
    """Seconds of the wall clock, and of the processors. What it writes is let go, a new gallery too."""
    environment = os.environ | {"PYTHONPATH": str(tree), "FACEPIPE_HOME": str(home)}
    environment.pop("FACEPIPE_GALLERY", None)
    began = time.perf_counter()
    command = [sys.executable, "-m", "facepipe", *words]
    process = subprocess.Popen(command, env=environment, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")
    _, status, spent = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{tree}: facepipe {' '.join(words)} ended with {process.returncode}:\n{said}")
    if "--gallery" in words:
        gallery = Path(words[-1])
        for file in gallery.parent.glob(f"{gallery.name}*"):
            file.unlink()
    return time.perf_counter() - began, spent.ru_utime + spent.ru_stime


def unpacked(commit: str, folder: Path) -> Path:
    """The project's files of ``commit`` in ``folder``."""
    packed = subprocess.run(["git", "archive", commit], cwd=TREE, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def samples(folder: Path) -> Path:
    """The portraits of data/samples, one sub-folder a person."""
    for name, portraits in SAMPLES.items():
        (folder / name).mkdir(parents=True)
        for portrait in portraits:
            shutil.copy(folders.samples() / portrait, folder / name)
    return folder


if __name__ == "__main__":
    main()
