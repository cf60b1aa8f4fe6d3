"""Measure the gate: how much of what is good it lets through, how much of what is spoilt, and what that costs a match.

    python scripts/measure_gate.py LFW [--half tuned] [--every 4]

LFW holds ``images/Name_0001.jpg`` … The people are split in two halves by the order of their names: ``--half tuned``
(every other person from the first: what the default limits were set with) and ``--half other`` (the default). The
samples of data/samples are measured beside it. The crops of LFW hold little but the face, so what only says how it lies
in its picture (cut-off, too-near, two-faces) is counted apart. Cosine: median with the template of the same image
unspoilt.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from facepipe import Pipeline, folders, read_image
from facepipe.enroll.gate import Problem, assess
from facepipe.records import Image, Pixels, Template

FRAMING = {Problem.CUT_OFF, Problem.TOO_NEAR, Problem.TWO_FACES}
NOISE = np.random.default_rng(0)
Spoil = Callable[[Pixels, float], np.ndarray]  # pixels, distance of the eyes in px


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=["tuned", "other"], default="other")
    parser.add_argument("--every", type=int, default=1, help="only every so manyth picture of LFW")
    given = parser.parse_args()
    pipe = Pipeline()
    sets = {
        "lfw": half(sorted((given.folder / "images").glob("*.jpg")), given.half)[:: given.every],
        "samples": sorted(path for path in folders.samples().iterdir() if path.suffix in (".jpg", ".png")),
    }
    for name, files in sets.items():
        print(f"\n{name}: {len(files)} images ({given.half} half)" if name == "lfw" else f"\n{name}")
        print(f"{'':14} {'found':>6} {'passed':>6} {'cosine':>6}  problems, % of the images")
        report(pipe, files)


def half(files: list[Path], which: str) -> list[Path]:
    people = [list(rows) for _, rows in groupby(files, key=lambda path: path.stem.rpartition("_")[0])]
    return [path for rows in people[which != "tuned" :: 2] for path in rows]


def report(pipe: Pipeline, files: list[Path]) -> None:
    whole: dict[Path, tuple[Image, float, Template]] = {}
    for path in files:
        image = sized(read_image(path))
        if faces := pipe.faces(image):
            eye, other = faces[0].detection.landmarks[:2]
            whole[path] = image, float(np.linalg.norm(other - eye)), faces[0].template
    for name, spoil in SPOILT.items():
        row(name, pipe, track(whole.values(), name, console=Console(stderr=True), transient=True), spoil)


def sized(image: Image, longest: int = 700) -> Image:
    scale = min(1, longest / max(image.width, image.height))
    return Image(cv2.resize(image.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), image.source)


def row(name: str, pipe: Pipeline, images: Iterable[tuple[Image, float, Template]], spoil: Spoil) -> None:
    """One line of the table: the images, each spoilt in one way."""
    problems: Counter[str] = Counter()
    cosines, found, passed, total = [], 0, 0, 0
    for image, eyes, template in images:
        spoilt = Image(np.clip(spoil(image.pixels, eyes), 0, 255).astype(np.uint8), name)
        detections, total = pipe.detect(spoilt), total + 1
        reasons = set(assess(spoilt, detections).problems)
        passed += not reasons - FRAMING
        problems.update(problem.value for problem in reasons)
        if detections:
            found += 1
            cosines.append(template.cosine(pipe.describe(spoilt, detections[:1])[0].template))
    shares = ", ".join(f"{code} {count / total:.0%}" for code, count in problems.most_common())
    print(f"{name:14} {found / total:6.1%} {passed / total:6.1%} {np.median(cosines or [np.nan]):6.3f}  {shares}")


def moved(share: float) -> Spoil:
    """Blurred by a sideways motion of ``share`` distances of the eyes."""
    return lambda pixels, eyes: cv2.blur(pixels, (max(1, round(share * eyes)), 1))


def shrunk(size: float) -> Spoil:
    """As small as a face whose box is ``size`` px wide: 2.6 distances of the eyes."""

    def spoil(pixels: Pixels, eyes: float) -> np.ndarray:
        scale = size / (2.6 * eyes)
        return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)

    return spoil


def turned(angle: float) -> Spoil:
    """The picture turned about its centre."""

    def spoil(pixels: Pixels, eyes: float) -> np.ndarray:
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
        return cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)

    return spoil


def blurred(share: float) -> Spoil:
    return lambda pixels, eyes: cv2.GaussianBlur(pixels, (0, 0), share * eyes)


def scaled(gain: float, offset: float = 0) -> Spoil:
    """Grey levels times ``gain`` plus ``offset``, with a camera's noise."""
    return lambda pixels, eyes: pixels * gain + offset + NOISE.normal(0, 2, pixels.shape)


SPOILT: dict[str, Spoil] = {
    "as it is": lambda pixels, eyes: pixels,
    **{f"blurred {share}": blurred(share) for share in (0.02, 0.04, 0.06, 0.08)},
    **{f"moved {share}": moved(share) for share in (0.1, 0.2, 0.3, 0.4)},
    **{f"shrunk {size} px": shrunk(size) for size in (96, 48, 32)},
    **{f"dark {gain}": scaled(gain) for gain in (0.5, 0.3, 0.2)},
    **{f"burnt {gain}": scaled(gain) for gain in (1.5, 2.0, 2.5)},
    **{f"flat {gain}": scaled(gain, 128 * (1 - gain)) for gain in (0.5, 0.25, 0.15)},
    **{f"turned {angle}°": turned(angle) for angle in (10, 20, 35, 45)},
}

if __name__ == "__main__":
    main()
