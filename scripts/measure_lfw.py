"""Measure a backbone on LFW crops, which lie in one folder: what ``facepipe evaluate`` says, of pairs and of all.

    python scripts/measure_lfw.py FOLDER [--fold NAME] [--backbone NAME] [--detector NAME] [--html FOLDER]

FOLDER holds ``images/Name_0001.jpg`` … and ``pairs.csv`` (image_a, image_b, same_person, fold). First the listed pairs,
by folds; then all images against all, from which the card's thresholds and evidence are. With ``--fold`` only that
fold's pairs, and their images: what was tuned on one fold is reported on the other.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

from rich.progress import Progress

from facepipe import Pipeline
from facepipe.defaults import BACKBONE, DETECTOR
from facepipe.evaluate import Evaluation, evaluate_pairs, evaluate_people
from facepipe.evaluate.faces import find_faces, remembering
from facepipe.evaluate.measures.comparisons import Cosine, all_against_all
from facepipe.evaluate.measures.fused_trials import by_references
from facepipe.evaluate.measures.tails import fit_tail
from facepipe.evaluate.report.page import page
from facepipe.evaluate.report.summary import summarise
from facepipe.scoring.evidence import Evidence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold")
    parser.add_argument("--backbone", default=BACKBONE)
    parser.add_argument("--detector", default=DETECTOR)
    parser.add_argument("--html", type=Path, help="a folder for listed.html and all.html")
    given = parser.parse_args()
    pipe, images = Pipeline(given.backbone, detector=given.detector), given.folder / "images"
    with Progress(transient=True) as bar, tempfile.TemporaryDirectory() as temporary:
        pairs, names = chosen(given.folder / "pairs.csv", given.fold, Path(temporary))
        labelled = [(path.name.rsplit("_", 1)[0], path) for path in sorted(images.glob("*.jpg")) if path.name in names]
        task = bar.add_task("")

        def report(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        listed = evaluate_pairs(pipe, pairs, images=images, progress=report)
        everybody = evaluate_people(pipe, labelled, progress=report)
    for name, found in (("listed", listed), ("all", everybody)):
        show(found)
        if given.html:
            given.html.mkdir(parents=True, exist_ok=True)
            (given.html / f"{name}.html").write_text(page(found), "utf-8")
    print_card(everybody, pipe, labelled)


def print_card(everybody: Evaluation, pipe: Pipeline, labelled: list[tuple[str, Path]]) -> None:
    """What stands in the backbone's card: thresholds by false match rate, their tail, and what a score says."""
    print("[thresholds]")
    for at in everybody.measured[0].verification.at:
        rate = f"{at.fmr:.0e}".replace("e-0", "e-")
        print(f'"{rate}" = {at.threshold:.4f}' if at.threshold else f'"{rate}": too few pairs')
    names, files = zip(*labelled, strict=True)
    with remembering(pipe, cached=True) as cache:
        faces = find_faces(pipe, files, names, cache, report=lambda *step: None)
    compared = all_against_all(Cosine(faces.vectors), faces.people)
    tail = fit_tail(compared, faces.people)
    print(f"\n[tail]\nthreshold = {tail.threshold:.4f}\nshare = {tail.share:.6f}")
    print(f"scale = {tail.scale:.5f}\nshape = {tail.shape:.4f}")
    for rate, (low, high) in tail.interval.items():
        print(f'"{rate}" = [{low:.2g}, {high:.2g}]')
    says = by_references(Evidence.fit(compared.genuine, compared.impostor), faces.vectors, faces.names)
    for count, fit in zip(says.counts, says.fits, strict=True):
        print(f"\n[[evidence]]\nreferences = {count}\nslope = {fit.slope:.2f}\noffset = {fit.offset:.3f}")
        print(f"lapse = {fit.lapse:.6f}\nmost = {fit.most:.2f}")


def chosen(path: Path, fold: str | None, temporary: Path) -> tuple[Path, set[str]]:
    """A list with the pairs of ``fold``, or of all, and the names of their images."""
    with path.open(newline="") as stream:
        head, *rows = csv.reader(stream)
    column = head.index("fold")
    rows = [row for row in rows if fold in (None, row[column])]
    kept = temporary / path.name
    with kept.open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return kept, {row[head.index(side)] for row in rows for side in ("image_a", "image_b")}


def show(found: Evaluation) -> None:
    for section in summarise(found):
        print(f"{section.title.en}")
        for line in section.lines:
            print(f"  {line.name.en:28} {line.value:16} {line.interval:16} {line.meaning.en}")
    accuracy = found.measured[0].accuracy
    for fold in accuracy.folds if accuracy else ():
        print(f"  fold {fold.name}: {fold.pairs} pairs, {fold.accuracy:.2%} right at {fold.threshold:.4f}")


if __name__ == "__main__":
    main()
