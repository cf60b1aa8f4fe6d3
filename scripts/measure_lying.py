"""Measure how `facepipe gallery doctor` finds references that lie on their side or stand on their head.

    python scripts/measure_lying.py LFW [--fold 1] [--every 2]

LFW holds ``images/Name_0001.jpg`` … and ``pairs.csv`` with a column fold. Enrolled are the fold's pictures as they are,
blurred and shrunk, and what the detector alone makes of them turned by 90, 180 and 270°, at two sizes: where it finds
one face, and its template does not match that of the picture as it is (false match rate 1e-3). The limit was chosen on
fold 0; fold 1 is reported.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from measure_doctor import folds_of, read_folds
from measure_gate import blurred, shrunk
from rich.console import Console
from rich.progress import track

from facepipe import Gallery, Pipeline, read_image
from facepipe.doctor import Kind, examine
from facepipe.enroll.enrolment import new_reference
from facepipe.gallery import NewReference
from facepipe.records import Face, Image

SIZES = (1.0, 1.6)
WORSE = {"blurred 0.07": blurred(0.07), "blurred 0.10": blurred(0.10), "shrunk 40 px": shrunk(40)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", default="1", choices=["0", "1"])
    parser.add_argument("--every", type=int, default=1, help="only every so manyth picture")
    given = parser.parse_args()
    pipe = Pipeline()
    files = sorted(folds_of(read_folds(given.folder), given.fold))[:: given.every]
    enrolled, told = Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, Gallery.open(Path(folder) / "people.db") as gallery:
        for file in track(files, "enrolling", console=Console(stderr=True), transient=True):
            for kind, new in references(pipe, read_image(given.folder / "images" / file)):
                enrolled[kind] += 1
                gallery.add(f"{file} {enrolled.total()}", [new])
                told[kind] += 0
        whose = {reference.id: reference.source for reference in gallery.references()}
        lying = [finding for finding in examine(gallery).findings if finding.kind is Kind.LYING]
        told.update(whose[finding.references[0].id] for finding in lying)
    for kind, count in enrolled.items():
        print(f"fold {given.fold}: {kind}: {told[kind]} of {count} told as lying")


def references(pipe: Pipeline, image: Image) -> Iterator[tuple[str, NewReference]]:
    """(kind, reference) of each that is enrolled of the picture."""
    face = middle(image, pipe.faces(image))
    if face is None:
        return
    yield reference("as it is", image, face)
    eyes = float(np.linalg.norm(face.detection.landmarks[1] - face.detection.landmarks[0]))
    for name, worse in WORSE.items():
        spoilt = Image(np.asarray(worse(image.pixels, eyes), np.uint8), name)
        found = middle(spoilt, pipe.faces(spoilt))
        if found is not None:
            yield reference(name, spoilt, found)
    for quarters in (1, 2, 3):
        for size in SIZES:
            pixels = cv2.resize(np.rot90(image.pixels, quarters), None, fx=size, fy=size, interpolation=cv2.INTER_CUBIC)
            turned = Image(np.asarray(pixels, np.uint8), "lying")
            alone = pipe.detector.detect(turned)
            if len(alone) == 1:
                (found,) = pipe.describe(turned, alone)
                if found.template.cosine(face.template) < pipe.threshold():
                    yield reference("lying", turned, found)


def middle(image: Image, faces: list[Face]) -> Face | None:
    centre = np.array([image.width, image.height]) / 2
    return min(
        faces,
        key=lambda face: float(np.hypot(*(face.detection.box.reshape(2, 2).mean(axis=0) - centre))),
        default=None,
    )


def reference(kind: str, image: Image, face: Face) -> tuple[str, NewReference]:
    return kind, new_reference(Image(image.pixels, kind), [face])


if __name__ == "__main__":
    main()
