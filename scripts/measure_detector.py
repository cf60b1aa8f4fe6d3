"""Measure detector yunet: what it misses, what it finds that MTCNN does not, and how well its landmarks lie.

    python scripts/measure_detector.py LFW [PHOTO|VIDEO|FOLDER ...] [--fold 0] [--every 1] [--sheet FOLDER]

LFW holds ``images/Name_0001.jpg`` … and ``pairs.csv`` with a fold for each pair; fold 0 was chosen on, fold 1 (the
default) is reported. Of its crops: in how many no face is found, as they are and spoilt in ways that are hard on a
detector, and in how many one is where nobody is; then what templates are worth with the landmarks of both networks,
and with YuNet's own. Of photos and videos: the faces that both detectors find or only one of them, by score;
``--sheet`` writes those of one as pictures, to be looked at. And how small faces may be: the same pictures shrunk.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from measure_turned import nobody
from rich.console import Console
from rich.progress import track

from facepipe import Pipeline, read_image
from facepipe.detect.base import Detector, load_detector
from facepipe.detect.yunet import AGREES, YuNet
from facepipe.evaluate.measures.rates import match_rate, threshold_at_fmr
from facepipe.records import Detection, Floats, Image, Pixels
from facepipe.sources import image_files, open_source
from facepipe.track.matching import overlaps

RATES = (1e-3, 1e-4, 1e-5)
SURE = 0.9  # MTCNN's least score
LEAST = 0.5  # of detector yunet, to be told
CERTAIN = 0.99  # score of the faces that are looked for in smaller pictures
SIZES = (10, 12, 14, 16, 20, 24, 32)  # px
SAME = 0.3  # overlap
BINS = (0.5, 0.75, 0.9, 1.01)
VIDEOS = (".mp4", ".avi", ".mkv", ".mov", ".webm")
CELL, COLUMNS, MOST = 150, 10, 120  # px; cells
Spoil = Callable[[Pixels], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("pictures", nargs="*", type=Path)
    parser.add_argument("--fold", default="1", choices=["0", "1"])
    parser.add_argument("--every", type=int, default=1, help="only every so manyth crop and frame")
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    names = sorted(of_fold(given.lfw, given.fold))
    crops = [read_image(given.lfw / "images" / name) for name in names]
    print(f"fold {given.fold}: {len(crops)} crops")
    report_landmarks(crops, [name.rpartition("_")[0] for name in names])
    report_spoilt(crops[:: given.every])
    if given.pictures:
        report_pictures(given.pictures, given.every, given.sheet)


def of_fold(folder: Path, fold: str) -> set[str]:
    with (folder / "pairs.csv").open(newline="") as stream:
        return {row[key] for row in csv.DictReader(stream) if row["fold"] == fold for key in ("image_a", "image_b")}


# Crops ---------------------------------------------------------------------------------------------------------------


def report_landmarks(crops: Sequence[Image], people: Sequence[str]) -> None:
    """Faces found, and TMR all against all with the landmarks of both networks and with YuNet's own."""
    pipe = Pipeline()
    detector = pipe.detector
    assert isinstance(detector, YuNet)
    found = [detector.detect(image) for image in shown(crops, "detecting")]
    print(f"without a face {sum(not faces for faces in found)}, several {sum(len(faces) > 1 for faces in found)}")
    sure = sum(bool(faces) and faces[0].score >= AGREES for faces in found)
    print(f"seen by O-Net {sure}, by YuNet alone {sum(map(bool, found)) - sure}")
    some = [number for number, faces in enumerate(found) if faces]
    rows = {"landmarks in use": [], "YuNet's own": []}  # type: dict[str, list[Floats]]
    for number in track(some, "embedding", console=Console(stderr=True), transient=True):
        image, face = crops[number], found[number][0]
        seen = detector.propose(image)
        nearest = int(overlaps(face.box[None], seen.boxes)[0].argmax())
        for name, marks in zip(rows, (face.landmarks, seen.landmarks[nearest]), strict=True):
            ((one),) = pipe.describe(image, [replace(face, landmarks=marks)])
            rows[name].append(one.template.vector)
    for name, vectors in rows.items():
        print(f"TMR at {RATES}, {name}: {tmr(np.stack(vectors), np.array(people)[some])}")


def tmr(vectors: Floats, people: np.ndarray) -> str:
    a, b = np.triu_indices(len(people), 1)
    scores, same = (vectors @ vectors.T)[a, b], people[a] == people[b]
    limits = [threshold_at_fmr(scores[~same], rate, least=1) for rate in RATES]
    return "  ".join(f"{match_rate(scores[same], limit):.3f}" for limit in limits)


def resized(side: int) -> Spoil:
    return lambda pixels: cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)


def cut(left: float, top: float) -> Spoil:
    """Without so much of the left (or, negative, the right) and of the top (the bottom)."""

    def spoil(pixels: Pixels) -> np.ndarray:
        height, width = pixels.shape[:2]
        x, y = round(left * width), round(top * height)
        return np.ascontiguousarray(pixels[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)])

    return spoil


SPOILT: dict[str, Spoil] = {
    **{f"{side} px, all of the picture": resized(side) for side in (64, 128, 500, 2000)},
    "without the left third": cut(1 / 3, 0),
    "without the right third": cut(-1 / 3, 0),
    "without the top third": cut(0, 1 / 3),
    "without the bottom third": cut(0, -1 / 3),
}


def report_spoilt(crops: Sequence[Image]) -> None:
    """A face is right where it lies on the middle of what is left of the crop."""
    detectors = {"yunet": load_detector("yunet"), "mtcnn": load_detector("mtcnn")}
    print(f"of {len(crops)} crops without a face: " + ", ".join(detectors))
    for name, spoil in SPOILT.items():
        pictures = [Image(np.ascontiguousarray(spoil(crop.pixels)), name) for crop in shown(crops, name)]
        missed = [sum(not finder.detect(picture) for picture in pictures) for finder in detectors.values()]
        print(f"  {name:32} " + "  ".join(f"{count:4}" for count in missed), flush=True)
    empty = [nobody(crop) for crop in crops]
    taken = [sum(bool(finder.detect(picture)) for picture in empty) for finder in detectors.values()]
    print(f"  {'taken for one in mere strips':32} " + "  ".join(f"{count:4}" for count in taken))


def shown(crops: Sequence[Image], name: str) -> Iterator[Image]:
    return iter(track(crops, name, console=Console(stderr=True), transient=True))


# Pictures and videos -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Lone:
    """A face that one detector found, and how it looks."""

    score: float
    picture: Pixels


def report_pictures(paths: Sequence[Path], every: int, folder: Path | None) -> None:
    yunet, mtcnn = load_detector("yunet", min_score=LEAST), load_detector("mtcnn", min_score=SURE)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    alone: dict[str, list[Lone]] = defaultdict(list)
    small = {"yunet": load_detector("yunet", min_face=12), "mtcnn": load_detector("mtcnn", min_face=12)}
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for group, image in pictures(paths, every):
        compare(image, yunet, mtcnn, counts[group], alone)
        shrink(image, [face for face in yunet.detect(image) if face.score >= CERTAIN], small, found)
    print("faces that are surely there, in the same pictures made smaller: their size, how many, found by each")
    for size, count in found.items():
        print(f"  {size:2} px {count['faces']:5}  " + "  ".join(f"{name} {count[name]:5}" for name in small))
    for group, count in counts.items():
        print(group)
        for name, number in sorted(count.items()):
            print(f"  {name:32} {number:5}")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, faces in alone.items():
            cv2.imwrite(str(folder / f"{name}.png"), sheet(faces))


def pictures(paths: Sequence[Path], every: int) -> Iterator[tuple[str, Image]]:
    videos = [path for path in paths if path.suffix in VIDEOS]
    if photos := [path for path in paths if path not in videos]:
        yield from (("photos", read_image(path)) for path in image_files(photos))
    for video in videos:
        with open_source(video) as source:
            frames = track(source, video.name, console=Console(stderr=True), transient=True)
            yield from ((video.name, frame.image) for frame in frames if frame.index % every == 0)


def compare(image: Image, yunet: Detector, mtcnn: Detector, count: Counter[str], alone: dict[str, list[Lone]]) -> None:
    own, others = yunet.detect(image), mtcnn.detect(image)
    own_boxes, other_boxes = (np.array([f.box for f in faces]).reshape(-1, 4) for faces in (own, others))
    same = overlaps(own_boxes, other_boxes) >= SAME
    for face, both in zip(own, map(any, same), strict=True):
        low = max(least for least in BINS if least <= face.score)
        name = f"yunet from {low:g}, " + ("mtcnn too" if both else "alone")
        count[name] += 1
        if not both:
            alone[name].append(lone(image, face))
    reported = np.array([face.score for face in own]) >= yunet.card.min_score
    for face, both in zip(others, map(any, same[reported].T), strict=True):
        count["mtcnn from 0.9, " + ("yunet too" if both else "alone")] += 1
        if not both:
            alone["mtcnn from 0.9, alone"].append(lone(image, face))


def shrink(
    image: Image, faces: Sequence[Detection], small: dict[str, Detector], found: dict[int, Counter[str]]
) -> None:
    """Look for ``faces`` where the picture is so small that their median has each of SIZES."""
    if not faces:
        return
    median = float(np.median([face.size for face in faces]))
    for size in (size for size in SIZES if size < median):
        scale = size / median
        extent = [max(round(side * scale), 13) for side in (image.width, image.height)]
        shrunk = Image(cv2.resize(image.pixels, extent, interpolation=cv2.INTER_AREA), image.source)
        there = np.array([face.box * scale for face in faces])
        found[size]["faces"] += len(faces)
        for name, detector in small.items():
            boxes = np.array([face.box for face in detector.detect(shrunk)]).reshape(-1, 4)
            found[size][name] += int((overlaps(there, boxes) >= SAME).any(axis=1).sum())


def lone(image: Image, face: Detection) -> Lone:
    """A face as wide again on each side, lighter where it is dark."""
    (x, y), side = face.box.reshape(2, 2).mean(axis=0), 2 * float((face.box[2:] - face.box[:2]).max())
    scale = CELL / side
    to_cell = np.array([[scale, 0, CELL / 2 - scale * x], [0, scale, CELL / 2 - scale * y]])
    cell = cv2.warpAffine(image.pixels, to_cell, (CELL, CELL), flags=cv2.INTER_AREA)
    cell = np.clip(cell * max(1.0, 90 / max(float(cell.mean()), 15)), 0, 255).astype(np.uint8)
    cv2.putText(cell, f"{face.score:.2f}", (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 0))
    return Lone(face.score, cell)


def sheet(faces: Sequence[Lone]) -> np.ndarray:
    """At most MOST of them, the surest first, BGR."""
    ordered = sorted(faces, key=lambda face: -face.score)
    chosen = [ordered[int(place)].picture for place in np.linspace(0, len(faces) - 1, min(len(faces), MOST))]
    chosen += [np.zeros((CELL, CELL, 3), np.uint8)] * (-len(chosen) % COLUMNS)
    return np.vstack([np.hstack(chosen[at : at + COLUMNS]) for at in range(0, len(chosen), COLUMNS)])[..., ::-1]


if __name__ == "__main__":
    main()
