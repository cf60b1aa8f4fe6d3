"""What each way to decide better from the same networks is worth, on lfw-dev: chosen on fold 0, reported on fold 1.

python scripts/measure_levers.py FOLDER [--fold 1] [--backbone NAME] [--alignment] [--tracks]

FOLDER holds ``images/PERSON_0001.jpg`` and ``pairs.csv`` with a column fold; nobody is in both folds.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from facepipe import Done, Pipeline
from facepipe.align.cut import cut_chip
from facepipe.defaults import BACKBONE
from facepipe.evaluate.embedded import central_face
from facepipe.evaluate.measures.fused_trials import by_references
from facepipe.evaluate.measures.rates import match_rate, threshold_at_fmr
from facepipe.records import Face, Floats, Image, Pixels
from facepipe.scoring.cohort import Cohort
from facepipe.scoring.evidence import ByReferences, Evidence, shares
from facepipe.scoring.fusion import fuse

RATES = (1e-2, 1e-3, 1e-4)
REFERENCES = (1, 2, 3, 5, 8)
DRAWS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", default="1")
    parser.add_argument("--backbone", default=BACKBONE)
    parser.add_argument(
        "--alignment", action="store_true", help="also what needs every face embedded anew, several times"
    )
    parser.add_argument("--tracks", action="store_true", help="also probabilities of several views of one moment")
    given = parser.parse_args()
    folds = read_folds(given.folder / "pairs.csv")
    pipe = Pipeline(given.backbone)
    found = embed(pipe, sorted((given.folder / "images").glob("*.jpg")))
    names = [name for name in found if name in folds]
    people = np.array([name.rsplit("_", 1)[0] for name in names])
    vectors = np.stack([found[name][1].template.vector for name in names])
    mine = np.array([folds[name] == given.fold for name in names])
    single = Evidence.fit(*split(vectors[~mine] @ vectors[~mine].T, people[~mine]))
    several = by_references(single, vectors[~mine], list(people[~mine]))
    print(
        f"fold {given.fold}: {mine.sum()} faces of {len(set(people[mine]))} people; all against all, TMR at FMR {RATES}"
    )
    x, who = vectors[mine], people[mine]
    report_correction(x, who, Cohort(vectors[~mine], list(people[~mine])))
    report_fusion(x, who, pipe.backbone.card.threshold("1e-3"))
    report_quality(x, who, [found[name][1] for name, m in zip(names, mine, strict=True) if m])
    report_probabilities(x, who, ByReferences((1,), (single,)), "as for one reference")
    report_probabilities(x, who, several, "by the number of references (in use)")
    report_probabilities(x, who, several, "in use, three photos looked up together", together=3)
    if given.tracks:
        moments = [found[name] for name, m in zip(names, mine, strict=True) if m]
        views = np.stack([views_of(pipe, image, face) for image, face in track(moments, "views", transient=True)])
        report_probabilities(views, who, several, "in use, five views of each photo looked up together")
    if given.alignment:
        report_alignment(pipe, [found[name] for name, m in zip(names, mine, strict=True) if m], who)


def read_folds(path: Path) -> dict[str, str]:
    with path.open(newline="") as stream:
        return {row[side]: row["fold"] for row in csv.DictReader(stream) for side in ("image_a", "image_b")}


def embed(pipe: Pipeline, files: Sequence[Path]) -> dict[str, tuple[Image, Face]]:
    """By file name, each image and its most central face, where there is one."""
    found = {}
    outcomes = track(
        pipe.faces_each(files, pictures=True), "embedding", len(files), console=Console(stderr=True), transient=True
    )
    for path, outcome in zip(files, outcomes, strict=True):
        faces = outcome.unwrap()
        if isinstance(outcome, Done) and faces:
            found[path.name] = outcome.image, central_face(faces)
    return found


def split(scores: Floats, people: np.ndarray) -> tuple[Floats, Floats]:
    """Genuine and impostor scores of all pairs."""
    a, b = np.triu_indices(len(people), 1)
    same = people[a] == people[b]
    return scores[a, b][same], scores[a, b][~same]


def tmr(genuine: Floats, impostor: Floats) -> str:
    found = [match_rate(genuine, threshold_at_fmr(impostor, rate, least=1)) for rate in RATES]
    return "  ".join(f"{value:.3f}" for value in found)


def report_correction(x: Floats, who: np.ndarray, strangers: Cohort) -> None:
    cosines = x @ x.T
    print(f"cosine                                  {tmr(*split(cosines, who))}")
    own = Cohort(x, list(who)).correct(cosines, x, x, list(who), list(who))
    print(f"corrected, cohort: the fold's others    {tmr(*split(own, who))}")
    print(f"corrected, cohort: the other fold       {tmr(*split(strangers.correct(cosines, x, x, list(who)), who))}")


Rule = Callable[[Floats, Floats], Floats]
RULES: dict[str, Rule] = {
    "best reference": lambda probes, refs: (probes @ refs.T).max(axis=1),
    "mean of the cosines": lambda probes, refs: (probes @ refs.T).mean(axis=1),
    "cosine to the mean": lambda probes, refs: probes @ unit(refs.mean(axis=0)),
    "fused (in use)": lambda probes, refs: probes @ fuse(refs, [len(refs)])[0],
}


def unit(vector: Floats) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def trials(x: Floats, who: np.ndarray, count: int, rule: Rule) -> tuple[Floats, Floats]:
    """Genuine and impostor scores of probes against people with ``count`` random references."""
    genuine, impostor = [], []
    names, sizes = np.unique(who, return_counts=True)
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        for name in names[sizes > count]:
            own = rng.permutation(np.flatnonzero(who == name))
            genuine.append(rule(x[own[count:]], x[own[:count]]))
            impostor.append(rule(x[who != name], x[own[:count]]))
    return np.concatenate(genuine), np.concatenate(impostor)


def report_fusion(x: Floats, who: np.ndarray, limit: float) -> None:
    print(f"\nseveral references: FMR / TMR at the threshold of single pairs at FMR 1e-3 ({limit:.4f})")
    print(f"{'':24}" + "".join(f"{count:>16}" for count in REFERENCES))
    for name, rule in RULES.items():
        cells = []
        for count in REFERENCES:
            genuine, impostor = trials(x, who, count, rule)
            cells.append(f"{match_rate(impostor, limit):.5f} / {match_rate(genuine, limit):.3f}")
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells))


SIGNALS: dict[str, Callable[[Face], float]] = {
    "raw norm": lambda face: face.template.norm,
    "size": lambda face: face.size,
    "log sharpness": lambda face: float(np.log(_laplacian(face.chip.pixels))),
    "detector score": lambda face: face.detection.score,
}


def _laplacian(pixels: Pixels) -> float:
    return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def report_quality(x: Floats, who: np.ndarray, faces: Sequence[Face]) -> None:
    """Does a signal say how well a photo matches its person's others? And does weighing references by it help?"""
    cosines = x @ x.T
    others = (who[:, None] == who) & ~np.eye(len(who), dtype=bool)
    some = others.any(axis=1)
    genuine = (cosines * others).sum(axis=1)[some] / others.sum(axis=1)[some]
    print("\nquality: correlation with a photo's mean genuine cosine; TMR, 2 or more references weighed by it")
    print(f"{'not weighed':16} {'':8} {tmr(*_weighed(x, who, np.ones(len(x))))}")
    for name, signal in SIGNALS.items():
        values = np.array([signal(face) for face in faces])
        correlation = float(np.corrcoef(values[some], genuine)[0, 1])
        print(f"{name:16} {correlation:+8.2f} {tmr(*_weighed(x, who, np.maximum(values, 1e-3)))}")


def _weighed(x: Floats, who: np.ndarray, weights: np.ndarray) -> tuple[Floats, Floats]:
    genuine, impostor = [], []
    names, sizes = np.unique(who, return_counts=True)
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        for name in names[sizes > 2]:
            own = rng.permutation(np.flatnonzero(who == name))
            refs = own[: min(5, len(own) - 1)]
            mean = np.average(x[refs], axis=0, weights=weights[refs])
            scaled = np.asarray(mean / np.sqrt(np.linalg.norm(mean)), np.float32)
            genuine.append(x[own[len(refs) :]] @ scaled)
            impostor.append(x[who != name] @ scaled)
    return np.concatenate(genuine), np.concatenate(impostor)


def views_of(pipe: Pipeline, image: Image, face: Face) -> Floats:
    """The template (D,) of a photo, and the mean of it and of four cut a little otherwise, as a track's: (2, D)."""
    landmarks = face.detection.landmarks
    cuts = ((0.96, 0), (1.04, 0), (1, -2), (1, 2))
    others = [unit(_raw(pipe, image, landmarks, zoom, down)) for zoom, down in cuts]
    return np.stack([face.template.vector, np.mean([face.template.vector, *others], axis=0)])


def sets_of(photos: np.ndarray, who: np.ndarray, together: int) -> list[np.ndarray]:
    """``photos`` in sets of ``together`` of one person; what is left over is left out."""
    own = [photos[who[photos] == name] for name in dict.fromkeys(who[photos])]
    return [some[i : i + together] for some in own for i in range(0, len(some) - together + 1, together)]


def report_probabilities(x: Floats, who: np.ndarray, evidence: ByReferences, label: str, *, together: int = 1) -> None:
    """Identification: is the stated share observed? Half of the probes are strangers, as it assumes.

    ``x`` (N, D), or (N, 2, D): as a reference, and as it is looked up. Probes are means over ``together`` photos.
    """
    enroll, ask = (x, x) if x.ndim == 2 else (x[:, 0], x[:, 1])
    stated, right, photo = [], [], []
    for draw in range(DRAWS):
        rng = np.random.default_rng(draw)
        names = rng.permutation(np.unique(who))
        enrolled = [name for name in names[: len(names) // 2] if (who == name).sum() > 1]
        groups = [rng.permutation(np.flatnonzero(who == name)) for name in enrolled]
        halves = [(own[: (len(own) + 1) // 2], own[(len(own) + 1) // 2 :]) for own in groups]
        gallery = np.concatenate([fuse(enroll[refs], [len(refs)]) for refs, _ in halves])
        known = sets_of(np.concatenate([probes for _, probes in halves]), who, together)
        strangers = sets_of(np.flatnonzero(np.isin(who, names[len(names) // 2 :])), who, together)
        strange = [strangers[place] for place in rng.permutation(len(strangers))[: len(known)]]
        for sets in (known, strange):
            scores = np.stack([ask[some].mean(axis=0) for some in sets]) @ gallery.T
            probes = np.array([some[0] for some in sets])
            counts = np.array([len(refs) for refs, _ in halves])
            top = np.argsort(-scores, axis=1)[:, :6]
            ratios = evidence.log_ratio(np.take_along_axis(scores, top, axis=1), counts[top])
            stated.append(shares(ratios, len(enrolled))[:, 0])
            right.append(np.array([enrolled[b] for b in top[:, 0]]) == who[probes])
            photo.append(probes)
    p, hit, seen = np.concatenate(stated), np.concatenate(right), np.concatenate(photo)
    print(f"\nidentification, {len(p)} probes, evidence {label}: share stated of the best, and how often it was right")
    off = 0.0
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.99), (0.99, 1.01)):
        within = (p >= low) & (p < high)
        if within.any():
            off += within.mean() * abs(p[within].mean() - hit[within].mean())
            photos = f"{within.sum():6} of {len(set(seen[within])):4} photos"
            shown = f"{p[within].mean():6.1%}  {hit[within].mean():6.1%}  {photos}"
            print(f"  {low:4.0%} to {min(high, 1):4.0%}: {shown}")
    print(f"  Brier score {np.mean((p - hit) ** 2):.4f}; off by {off:.2%} on average")


def report_alignment(pipe: Pipeline, found: Sequence[tuple[Image, Face]], who: np.ndarray) -> None:
    """Landmarks looked for again, or over the mirror image too; other places in the chip; embeddings averaged."""
    rows = defaultdict[str, list[Floats]](list)
    for image, face in track(found, "aligning", console=Console(stderr=True), transient=True):
        box, landmarks = face.detection.box, face.detection.landmarks
        again = pipe.detector.look(image, box[None])[0].landmarks  # type: ignore[attr-defined]
        both = (again + _mirrored(pipe, image, box)) / 2
        one = _raw(pipe, image, landmarks)
        rows["as it is"].append(one)
        rows["looked again"].append(_raw(pipe, image, again))
        rows["looked again, mirrored"].append(_raw(pipe, image, both.astype(np.float32)))
        smaller, larger = (_raw(pipe, image, landmarks, zoom) for zoom in (0.94, 1.06))
        rows["smaller, by 6 %"].append(smaller)
        rows["larger, by 6 %"].append(larger)
        rows["the three together"].append(smaller + one + larger)
        for down in (-3, 3):
            rows[f"{abs(down)} px {'lower' if down > 0 else 'higher'}"].append(_raw(pipe, image, landmarks, down=down))
    print("\nalignment: TMR, all against all")
    for name, raw in rows.items():
        x = np.stack([unit(row) for row in raw])
        print(f"{name:24} {tmr(*split(x @ x.T, who))}")


def _mirrored(pipe: Pipeline, image: Image, box: Floats) -> Floats:
    flipped = Image(np.ascontiguousarray(image.pixels[:, ::-1]), image.source)
    place = np.array([[image.width - 1 - box[2], box[1], image.width - 1 - box[0], box[3]]], np.float32)
    landmarks: Floats = pipe.detector.look(flipped, place)[0].landmarks[[1, 0, 2, 4, 3]]  # type: ignore[attr-defined]
    landmarks[:, 0] = image.width - 1 - landmarks[:, 0]
    return landmarks


def _raw(pipe: Pipeline, image: Image, landmarks: Floats, zoom: float = 1, down: float = 0) -> Floats:
    spec = pipe.backbone.card.chip
    middle = (spec.size - 1) / 2
    points = tuple((middle + zoom * (x - middle), middle + zoom * (y - middle) + down) for x, y in spec.template)
    chip = cut_chip(image, landmarks, replace(spec, template=points)).pixels
    return pipe.backbone.embed(np.stack([chip, chip[:, ::-1]])).mean(axis=0)


if __name__ == "__main__":
    main()
