"""How long a folder of photos takes to identify, decoding included, beside `face_recognition` with HOG; its memory.

    python scripts/bench_folder.py [PHOTOS …] [--photos 100] [--rounds 3] [--large 100] [--json FILE]

The folder is made at run time: 640 to 1920 px, from PHOTOS (folders, pictures, videos) or from rows of one to three of
the portraits in data/samples. Both know the same people, one photo each, and are measured in turn: `face_recognition`
as its examples use it, on the one core that it takes. Memory is the peak of a fresh process that identifies ``--large``
photos of 4000×3000 px (0: leave it out).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the shell does

from photos import folder_of, large_ones, portraits
from stopwatch import Measure, add_json_option, medians, paired, peak_rss_mb, ratio, report

from facepipe import Gallery, Pipeline, read_image

MOST_KNOWN = 10
TOLD = (100, 300, 1000)  # photos after which the memory is said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", type=Path, metavar="PHOTOS")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, default=100)
    parser.add_argument("--peak", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)  # what the fresh process does
    add_json_option(parser)
    given = parser.parse_args()
    if given.peak:
        tell_memory(sorted(given.peak.glob("*.jpg")), given.sources)
        return
    with tempfile.TemporaryDirectory() as scratch:
        measures = times(given.sources, Path(scratch), given.photos, given.rounds) if given.rounds else []
    with tempfile.TemporaryDirectory() as scratch:
        if given.large:
            measures.append(memory(given.sources, Path(scratch), given.large))
    report(measures, given.json)


def times(sources: Sequence[Path], scratch: Path, count: int, rounds: int) -> list[Measure]:
    files, pipe = folder_of(sources, scratch, count), Pipeline()
    sizes = sorted(max(read_image(path).pixels.shape) for path in files)
    theirs = Theirs()
    with Gallery.open(scratch / "people.db") as gallery:
        for path in portraits(sources):
            name = f"{path.parent.name} {path.stem}"
            if len(gallery) < MOST_KNOWN and len(pipe.detect(path)) == 1 and theirs.learn(name, path):
                pipe.enroll(name, path, gallery, anyway=True)  # of some people there are two portraits
        names: Counter[str] = Counter()

        def singly() -> None:
            for path in files:
                pipe.identify(path, gallery)

        def together() -> None:
            names["facepipe found"] = names["facepipe named"] = 0
            for outcome in pipe.identify_each(files, gallery):
                names["facepipe found"] += len(outcome.unwrap())
                names["facepipe named"] += sum(face.name is not None for face in outcome.unwrap())

        def peer() -> None:
            rows = [theirs.identify(path) for path in files]
            names["face_recognition found"] = sum(map(len, rows))
            names["face_recognition named"] = sum(name is not None for row in rows for name in row)

        alone = paired(together, singly, rounds)
        pairs = paired(together, peer, rounds, warm_up=0)
        print(f"{count} photos, longer side {sizes[0]} to {sizes[-1]} px; {len(gallery)} people known")
        print(", ".join(f"{what} {number}" for what, number in names.items()))
    return [
        Measure(f"{count} photos, face_recognition (HOG)", *medians(pairs), ratio(pairs), "≥ 14"),
        Measure(f"{count} photos, one by one", *medians(alone), ratio(alone)),
    ]


class Theirs:
    """`face_recognition` as its examples use it."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pkg_resources, which its weights need
            try:
                import face_recognition
            except (ImportError, SystemExit) as error:  # 1.3.0 calls quit() where its weights cannot be imported
                why = "pip install --no-deps face_recognition==1.3.0 dlib-bin 'setuptools<81'"
                raise SystemExit(f"face_recognition, or its weights, cannot be imported: {why}") from error

        self.library: Any = face_recognition
        self.known: list[Any] = []
        self.names: list[str] = []

    def learn(self, name: str, path: Path) -> bool:
        """Remember the only face of a photo; False when there is none, or several."""
        found = self.library.face_encodings(self.library.load_image_file(path))
        if len(found) == 1:
            self.known.append(found[0])
            self.names.append(name)
        return len(found) == 1

    def identify(self, path: Path) -> list[str | None]:
        image = self.library.load_image_file(path)
        found: list[str | None] = []
        for encoding in self.library.face_encodings(image, self.library.face_locations(image, model="hog")):
            matches = self.library.compare_faces(self.known, encoding)
            best = self.library.face_distance(self.known, encoding).argmin()
            found.append(self.names[best] if matches[best] else None)
        return found


def memory(sources: Sequence[Path], scratch: Path, count: int) -> Measure:
    large_ones(sources, scratch, count)
    command = [sys.executable, __file__, *map(str, sources), "--peak", str(scratch)]
    peak = float("nan")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            peak = float(line.split()[-2])
    if process.returncode:
        raise SystemExit(process.returncode)
    return Measure(f"peak memory, {count} photos of 12 MP", peak, bar="≤ 1200", unit="MB")


def tell_memory(files: Sequence[Path], sources: Sequence[Path]) -> None:
    """Identify ``files``; one line of peak memory now and then, the last at the end."""
    pipe = Pipeline()
    with tempfile.TemporaryDirectory() as scratch, Gallery.open(Path(scratch) / "people.db") as gallery:
        pipe.enroll("somebody", portraits(sources)[0], gallery, pick=1)
        for number, outcome in enumerate(pipe.identify_each(files, gallery), 1):
            outcome.unwrap()
            if number in TOLD or number == len(files):
                print(f"after {number} photos of 12 MP: peak {peak_rss_mb():.0f} MB", flush=True)


if __name__ == "__main__":
    main()
