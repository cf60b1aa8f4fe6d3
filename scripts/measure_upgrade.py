"""Measure what it costs to make templates anew from the faces that are kept, instead of from the photos.

    python scripts/measure_upgrade.py LFW [--fold 1 | both] [--to sface dlib_resnet] [--sizes] [--every 1]

LFW holds ``images/Name_0001.jpg`` … and ``pairs.csv`` with a column fold. Of each picture the central face is kept in
several ways: as now, and as older facepipes kept it, cut for one network and without the places of the landmarks. From
what was kept the chip of each network is cut, and its template compared with that of the photo: their cosine, and how
well the templates made anew (the references) match those of the other photos (the probes), all against all.
``--sizes`` tries sizes of what is kept and qualities of its JPEG: they were chosen on fold 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from measure_doctor import folds_of, person, read_folds
from rich.console import Console
from rich.progress import track

from facepipe import Done, Pipeline, read_image
from facepipe.align.cut import cut_chip
from facepipe.align.kept import keep, recut
from facepipe.align.transform import ARCFACE, ARCFACE_SIZE
from facepipe.embed.base import load_backbone, templates
from facepipe.evaluate import match_rate, threshold_at_fmr
from facepipe.networks.cards import Input, find_card
from facepipe.records import Chip, Detection, Floats, Image, StoredChip

NETWORKS = ("sface", "dlib_resnet")
RATES = (1e-3, 1e-4, 1e-5)
SIZES = [(160, 112, 92), (192, 160, 92), (224, 192, 85), (224, 192, 92), (224, 192, 97), (224, 160, 92), (288, 246, 92)]
Keep = Callable[[Image, Floats], StoredChip]
Face = tuple[Image, Floats]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", default="1", choices=["0", "1", "both"])
    parser.add_argument("--to", nargs="+", default=NETWORKS)
    parser.add_argument("--sizes", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="only every so manyth picture")
    given = parser.parse_args()
    folds = read_folds(given.folder)
    files = sorted(folds if given.fold == "both" else folds_of(folds, given.fold))[:: given.every]
    faces = dict(found(given.folder, files))
    people = np.unique([person(file) for file in faces], return_inverse=True)[1]
    print(f"fold {given.fold}: {len(faces)} faces of {people.max() + 1} people")
    for name in given.to:
        measure(name, list(faces.values()), people, given.sizes)


def found(folder: Path, files: list[str]) -> Iterator[tuple[str, Face]]:
    """The central face of each picture, by file."""
    pipe = Pipeline()
    outcomes = pipe.detect_each([folder / "images" / file for file in files])
    for file, outcome in track(zip(files, outcomes, strict=True), "looking", len(files), console=Console(stderr=True)):
        if isinstance(outcome, Done) and outcome.value:
            image = read_image(folder / "images" / file)
            yield file, (image, min(outcome.value, key=partial(from_middle, image)).landmarks)


def from_middle(image: Image, face: Detection) -> float:
    return float(np.linalg.norm(face.box.reshape(2, 2).mean(axis=0) - (image.width / 2, image.height / 2)))


def measure(name: str, faces: list[Face], people: np.ndarray, sizes: bool) -> None:
    backbone = load_backbone(name)
    spec = backbone.card.chip

    def summarised(chips: list[Chip]) -> Floats:
        return np.stack([template.vector for template in templates(backbone, chips)])

    photos = summarised([cut_chip(image, landmarks, spec) for image, landmarks in faces])
    print(f"{name}, from the photos: TMR {told(photos, photos, people)}")
    ways: dict[str, tuple[Keep, Input | None]] = {"as now": (keep, None)}
    for other in () if sizes else NETWORKS:
        ways[f"as cut for {other} once"] = (_cut_for(find_card(other).chip), find_card(other).chip)
    for side, inner, quality in SIZES if sizes else ():
        ways[f"{side} px, {inner} for ArcFace, quality {quality}"] = (_wide(side, inner, quality), None)
    for way, (kept, of) in ways.items():
        stored = [kept(image, landmarks) for image, landmarks in faces]
        chips = [recut(one, spec, of) for one in stored]
        anew = summarised([chip for chip in chips if chip is not None])
        cosines = np.einsum("nd,nd->n", anew, photos)
        low, median = np.quantile(cosines, [0.01, 0.5])
        size = np.mean([len(one.image) for one in stored]) / 1000
        print(f"  {way}: {size:.1f} kB; cosine {median:.4f}, of 1 in 100 {low:.4f}; TMR {told(anew, photos, people)}")


def told(references: Floats, probes: Floats, people: np.ndarray) -> str:
    """The true match rates of all references against the probes of other pictures."""
    scores = references @ probes.T
    same, itself = people[:, None] == people[None], np.eye(len(people), dtype=bool)
    genuine, impostor = scores[same & ~itself], scores[~same]
    return " / ".join(f"{match_rate(genuine, threshold_at_fmr(impostor, rate, 1)):.4f}" for rate in RATES)


def _cut_for(spec: Input) -> Keep:
    """As older facepipes kept it: the network's own chip, and nothing that says where the landmarks are in it."""
    return lambda image, landmarks: StoredChip(_jpeg(cut_chip(image, landmarks, spec), 90))


def _wide(side: int, inner: int, quality: int) -> Keep:
    scale, start = inner / ARCFACE_SIZE, (side - inner) / 2
    points = tuple((start + (x + 0.5) * scale - 0.5, start + (y + 0.5) * scale - 0.5) for x, y in ARCFACE)
    spec = Input(side, "RGB", (0.0,), (1.0,), points)

    def kept(image: Image, landmarks: Floats) -> StoredChip:
        chip = cut_chip(image, landmarks, spec)
        places = landmarks @ chip.to_chip[:, :2].T + chip.to_chip[:, 2]
        return StoredChip(_jpeg(chip, quality), places.astype(np.float32))

    return kept


def _jpeg(chip: Chip, quality: int) -> bytes:
    bgr = cv2.cvtColor(chip.pixels, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


if __name__ == "__main__":
    main()
