"""Measure at which depth of a backbone identity appears, on LFW crops: AUC and EER by depth against three baselines.

    python scripts/measure_identity.py FOLDER [--backbone NAME]

FOLDER holds ``images/Name_0001.jpg`` … and ``pairs.csv`` (image_a, image_b, same_person, fold). The means and the PCA
come from the images of fold 0, the figures from the pairs of fold 1, of other people. Of several faces in a crop the
most central one is LFW's. Exits with 1 when the last depth is not above pixels, first layer and random weights.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from facepipe import Pipeline
from facepipe.defaults import BACKBONE
from facepipe.embed.base import normalise
from facepipe.evaluate.embedded import central_face
from facepipe.inspect.networks_of import backbone_network
from facepipe.inspect.views.identity import Identity, measure_identity
from facepipe.inspect.views.identity_view import show_identity
from facepipe.records import Pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default=BACKBONE)
    given = parser.parse_args()
    pipe = Pipeline(given.backbone)
    folds = read_folds(given.folder / "pairs.csv")
    chips = [
        dict(cut(pipe, given.folder / "images", sorted({name for pair in fold for name in pair}))) for fold in folds
    ]
    identity = measure(pipe, chips[0], chips[1], folds[1])
    report(identity)
    (check,) = show_identity(identity=identity).checks
    print(f"{'holds' if check.passed else 'DOES NOT HOLD'}: {check.what.en}: {check.value:.3f}, {check.bound:.3f}")
    sys.exit(not check.passed)


def read_folds(path: Path) -> list[list[tuple[str, str]]]:
    """The pairs of image names of each fold."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [[(row["image_a"], row["image_b"]) for row in rows if row["fold"] == fold] for fold in "01"]


def cut(pipe: Pipeline, folder: Path, names: list[str]) -> Iterator[tuple[str, Pixels]]:
    """(name, chip) of every image in which a face is found."""
    outcomes = pipe.faces_each([folder / name for name in names])
    progress = track(outcomes, "cutting", len(names), console=Console(stderr=True), transient=True)
    for name, outcome in zip(names, progress, strict=True):
        if faces := outcome.unwrap():
            yield name, central_face(faces).chip.pixels


def measure(
    pipe: Pipeline, references: dict[str, Pixels], chips: dict[str, Pixels], pairs: list[tuple[str, str]]
) -> Identity:
    def prepare(pixels: Pixels) -> Tensor:
        return torch.from_numpy(normalise(pixels, pipe.backbone.card))

    number = {name: i for i, name in enumerate(chips)}
    usable = np.array([(number[a], number[b]) for a, b in pairs if a in number and b in number])
    print(f"pairs of fold 1: {len(pairs)}, without a face in one of them {len(pairs) - len(usable)}")
    stacked = np.stack(list(chips.values()))
    network = backbone_network(pipe.backbone, stacked[0])
    assert network is not None
    people = [name.rsplit("_", 1)[0] for name in chips]
    return measure_identity(network, stacked, people, usable, np.stack(list(references.values())), prepare)


def report(identity: Identity) -> None:
    print(
        f"{identity.same} pairs of one person, {identity.different} of two, {identity.people} people; 95 % over people"
    )
    print(f"{'depth':24} {'AUC pooled':22} {'EER pooled':22} {'AUC random weights':22} AUC with layout, PCA")
    print(f"{'pixels':24} {identity.pixels.auc!s:22} {identity.pixels.eer!s:22}")
    print(f"{'pixels, PCA':24} {identity.eigenfaces.auc!s:22} {identity.eigenfaces.eer!s:22}")
    for i, layer in enumerate(identity.layers):
        row = identity.pooled[i]
        random = str(identity.untrained[i].auc) if identity.untrained else ""
        layout = str(identity.flattened[layer].auc) if layer in identity.flattened else ""
        print(f"{i + 1:2} {layer:21} {row.auc!s:22} {row.eer!s:22} {random:22} {layout}".rstrip())
    print(f"Spearman's correlation of the pooled AUC with depth: {identity.trend:.3f}")


if __name__ == "__main__":
    main()
