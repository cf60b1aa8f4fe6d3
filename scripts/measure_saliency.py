"""Measure on LFW pairs whether a saliency map orders a face's squares better than chance and than a centred Gaussian.

    python scripts/measure_saliency.py FOLDER [--pairs 50] [--fold 1] [--rounds 2] [--backbone NAME]

FOLDER is as for ``measure_lfw.py``. Taken are the first genuine pairs of the fold in which both faces are found. For
each, the first face is hidden square by square; the deletion areas (lower is better) are compared by a paired Wilcoxon
test, one-sided. Grid and fill were chosen on fold 0, so fold 1 is the one to report.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.stats import wilcoxon

from facepipe import Pipeline
from facepipe.defaults import BACKBONE
from facepipe.evaluate.embedded import central_face
from facepipe.inspect.views.deletion import FILLS, ORDERS, curves
from facepipe.inspect.views.masks import MaskScorer
from facepipe.inspect.views.saliency import saliency_map
from facepipe.records import Floats, Pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--fold", default="1")
    parser.add_argument("--rounds", type=int, default=2, help="balanced sets of masks a pair, an even number")
    parser.add_argument("--backbone", default=BACKBONE)
    given = parser.parse_args()
    pipe = Pipeline(given.backbone)
    pairs = list(islice(genuine(pipe, given.folder, given.fold), given.pairs))
    scorer = MaskScorer(pipe.backbone.embed, pipe.backbone.card.mirror)
    areas, halves = [], []
    for index, (a, b) in enumerate(track(pairs, "measuring", console=Console(stderr=True), transient=True)):
        found = saliency_map(scorer, a, b, rounds=given.rounds, seed=index)
        areas.append(curves(scorer, a, b, found.values, seed=index).deletion_area)
        halves.append(found.halves)
    grid = len(found.values)
    print(f"{len(pairs)} genuine pairs of fold {given.fold}, {found.masks} masks of {grid} × {grid} squares a pair")
    print(f"halves against each other: rank correlation, median {np.median(halves):.2f}, least {min(halves):.2f}")
    report(np.array(areas))


def genuine(pipe: Pipeline, folder: Path, fold: str) -> Iterator[tuple[Pixels, Pixels]]:
    """The chips of the fold's pairs of one person."""
    with (folder / "pairs.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["fold"] == fold and row["same_person"] == "1"]
    for row in rows:
        faces = [pipe.faces(folder / "images" / row[name]) for name in ("image_a", "image_b")]
        if all(faces):
            a, b = (central_face(found).chip.pixels for found in faces)
            yield a, b


def report(areas: Floats) -> None:
    """``areas`` (pairs, fills, orders): deletion areas, and the map's against the two other orders'."""
    for fill, each in zip(FILLS, areas.transpose(1, 2, 0), strict=True):
        print(
            f"deletion area, {fill} fill: "
            + ", ".join(f"{o} {v.mean():.4f}" for o, v in zip(ORDERS, each, strict=True))
        )
        for order, other in zip(ORDERS[1:], each[1:], strict=True):
            p = wilcoxon(each[0], other, alternative="less").pvalue
            print(f"  lower than {order} in {np.mean(each[0] < other):.0%} of the pairs, p = {p:.1e}")


if __name__ == "__main__":
    main()
