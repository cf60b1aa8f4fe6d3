"""Measure a backbone on LFW crops: accuracy of the listed pairs, and the thresholds by false match rate for its card.

    python scripts/measure_lfw.py FOLDER [--backbone NAME]

FOLDER holds ``images/Name_0001.jpg`` … and ``pairs.csv`` (image_a, image_b, same_person, fold). The thresholds come
from *all* pairs of images of different people; the listed pairs only serve the accuracy. Of several faces in a crop the
most central one is LFW's. Images without a face found are counted apart (failure to acquire), and so are their pairs.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from facepipe import Pipeline
from facepipe.evaluate import best_accuracy, match_rate, threshold_at_fmr
from facepipe.records import Face, Floats, Image

RATES = ("1e-2", "1e-3", "1e-4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="dlib_resnet")
    given = parser.parse_args()
    files = sorted((given.folder / "images").glob("*.jpg"))
    vectors = dict(embed(Pipeline(given.backbone), files))
    print(f"images {len(files)}, no face found in {len(files) - len(vectors)} ({1 - len(vectors) / len(files):.2%})")
    report_listed(vectors, given.folder / "pairs.csv")
    report_all(vectors)


def embed(pipe: Pipeline, files: list[Path]) -> Iterator[tuple[str, Floats]]:
    """(file name, vector) of every image in which a face is found."""
    outcomes = track(pipe.faces_each(files), "embedding", len(files), console=Console(stderr=True), transient=True)
    for path, outcome in zip(files, outcomes, strict=True):
        if faces := outcome.unwrap():
            assert outcome.image is not None
            yield path.name, central(faces, outcome.image).template.vector


def central(faces: list[Face], image: Image) -> Face:
    """The face whose box is centred nearest to the image's centre."""
    middle = np.array([image.width, image.height]) / 2
    return min(faces, key=lambda face: float(np.linalg.norm(face.detection.box.reshape(2, 2).mean(axis=0) - middle)))


def report_listed(vectors: dict[str, Floats], pairs: Path) -> None:
    """Accuracy at the best threshold and TMR at FMR 1e-2, per fold and over both; then fold 0's threshold on fold 1."""
    with pairs.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    usable = [row for row in rows if row["image_a"] in vectors and row["image_b"] in vectors]
    print(f"listed pairs {len(rows)}, without a face in one of them {len(rows) - len(usable)}")
    by_fold = {name: split(vectors, [r for r in usable if r["fold"] in name]) for name in ("0", "1", "01")}
    for name, (genuine, impostor) in by_fold.items():
        accuracy, threshold = best_accuracy(genuine, impostor)
        limit = threshold_at_fmr(impostor, 1e-2, least=1)
        label = f"fold {name}" if len(name) == 1 else "both folds"
        rate = match_rate(genuine, limit)
        print(f"  {label:10} accuracy {accuracy:.2%} at {threshold:.4f}   TMR at FMR 1e-2 {rate:.2%}")
    chosen = best_accuracy(*by_fold["0"])[1]
    genuine, impostor = by_fold["1"]
    right = match_rate(genuine, chosen) * len(genuine) + (1 - match_rate(impostor, chosen)) * len(impostor)
    print(f"  fold 1 at fold 0's threshold: accuracy {right / (len(genuine) + len(impostor)):.2%}")


def split(vectors: dict[str, Floats], rows: list[dict[str, str]]) -> tuple[Floats, Floats]:
    """The cosine scores of the genuine and of the impostor pairs."""
    scores = np.array([vectors[row["image_a"]] @ vectors[row["image_b"]] for row in rows], np.float32)
    same = np.array([row["same_person"] == "1" for row in rows])
    return scores[same], scores[~same]


def report_all(vectors: dict[str, Floats]) -> None:
    """The card's [thresholds] from all pairs, with the TMR each one leaves."""
    people = np.array([name.rsplit("_", 1)[0] for name in vectors])
    stacked = np.stack(list(vectors.values()))
    a, b = np.triu_indices(len(people), 1)
    scores, same = (stacked @ stacked.T)[a, b], people[a] == people[b]
    print(f"all pairs: {same.sum():,} of one person, {(~same).sum():,} of two")
    for rate in RATES:
        limit = threshold_at_fmr(scores[~same], float(rate))
        print(f'  "{rate}" = {limit:.4f}   # TMR {match_rate(scores[same], limit):.3f}')


if __name__ == "__main__":
    main()
