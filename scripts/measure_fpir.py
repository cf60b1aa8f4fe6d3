"""What a gallery says of strangers by itself, against strangers it has not seen; and tails, against scores not fitted.

    python scripts/measure_fpir.py FOLDER [--fold 0] [--backbone NAME]

FOLDER holds ``images/PERSON_0001.jpg`` … and ``pairs.csv`` with a column fold; nobody is in both folds. What a card
says of scores is fitted on the other fold. Then, DRAWS times over, half of the people are enrolled with one photo each,
and the photos of the others are the strangers: of the fold, and of everybody. Without --fold, of both folds in turn.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from facepipe import Gallery, Pipeline
from facepipe.evaluate.faces import find_faces, remembering
from facepipe.evaluate.measures.comparisons import Cosine, all_against_all
from facepipe.evaluate.measures.rates import threshold_at_fmr
from facepipe.evaluate.measures.tails import fit_tail
from facepipe.gallery import NewReference
from facepipe.records import Floats, Template
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.scoring.strangers import chance_by_curve, threshold_by_curve
from facepipe.scoring.tail import Curve, Tail

DRAWS = 50
FPIRS = (1e-1, 1e-2)
SIZES = (50, 100)  # people, and half of all
RATES = ("1e-2", "1e-3", "1e-4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", choices=("0", "1"))
    parser.add_argument("--backbone", default="sface")
    given = parser.parse_args()
    images = sorted((given.folder / "images").glob("*.jpg"))
    named = [path.name.rsplit("_", 1)[0] for path in images]
    pipe = Pipeline(given.backbone)
    with remembering(pipe, cached=True) as cache:
        faces = find_faces(pipe, images, named, cache, report=lambda *step: None)
    folds = read_folds(given.folder / "pairs.csv")
    fold = np.array([folds.get(path.name, "") for path in faces.image])
    x, who = faces.vectors, np.array(faces.names)
    for tested in given.fold or "01":
        here, there = fold == tested, (fold != tested) & (fold != "")
        print(f"\n{given.backbone}, fold {tested}: {here.sum()} faces of {len(set(who[here]))} people")
        report_tail(x[there], who[there], x[here], who[here])
        curve, evidence = fitted(x[there], who[there])
        for size in (*SIZES, len(set(who[here])) // 2):
            report_gallery(x, who, here, size, curve, evidence)
    curve, evidence = fitted(x, who)
    print("\nboth folds together, and the card of both")
    report_gallery(x, who, fold != "", len(set(who)) // 2, curve, evidence)


def read_folds(path: Path) -> dict[str, str]:
    with path.open(newline="") as stream:
        return {row[side]: row["fold"] for row in csv.DictReader(stream) for side in ("image_a", "image_b")}


def fitted(x: Floats, who: np.ndarray) -> tuple[Curve, ByReferences]:
    """What a card would say, measured on these."""
    people = np.unique(who, return_inverse=True)[1]
    compared = all_against_all(Cosine(x), people)
    table = {rate: threshold_at_fmr(compared.impostor, float(rate)) for rate in RATES}
    single = Evidence.fit(compared.genuine, compared.impostor)
    return Curve(table, fit_tail(compared, people)), ByReferences((1,), (single,))


def report_tail(x: Floats, who: np.ndarray, y: Floats, whose: np.ndarray) -> None:
    """Fitted to random halves of the people ``who``, whose pairs show 1 in 10,000 and no less; at the score that it
    gives for a lower rate, the rate among ``whose``, and among all others who were not fitted."""
    shares = (1e-2, 3e-3, 1e-3)
    ratios: dict[tuple[float, float], list[float]] = {}
    impostor = impostors(y, whose)
    for draw in range(DRAWS):
        names = np.random.default_rng(draw).permutation(np.unique(who))
        half = np.sort(impostors(*_of(x, who, names[: len(names) // 2])))[::-1]
        for share in shares:
            threshold = float(half[int(len(half) * share)])
            tail = Tail.fit(half, threshold, len(half))
            for rate in (1e-4, 1e-5):
                ratios.setdefault((share, rate), []).append(float((impostor >= tail.score(rate)).mean()) / rate)
    print(
        f"tail of about {len(half):,} pairs of the other fold: FMR here / FMR said, mean (and 5 to 95 % of the draws)"
    )
    for share in shares:
        cells = [f"{rate:.0e}: {_spread(ratios[share, rate])}" for rate in (1e-4, 1e-5)]
        print(f"  fitted to the highest {share:.1%}   " + "   ".join(cells))


def _of(x: Floats, who: np.ndarray, names: np.ndarray) -> tuple[Floats, np.ndarray]:
    some = np.isin(who, names)
    return x[some], who[some]


def impostors(x: Floats, who: np.ndarray) -> Floats:
    a, b = np.triu_indices(len(x), 1)
    return np.asarray((x @ x.T)[a, b][who[a] != who[b]], np.float32)


def report_gallery(
    x: Floats, who: np.ndarray, here: np.ndarray, size: int, curve: Curve, evidence: ByReferences
) -> None:
    """Galleries of ``size`` people of those ``here``: the FPIR that each asks for, and what strangers then show."""
    rows: dict[tuple[str, float], list[tuple[float, ...]]] = {}
    for draw in track(range(DRAWS), f"{size} people", console=Console(stderr=True), transient=True):
        rng = np.random.default_rng(draw)
        enrolled = rng.permutation(np.unique(who[here]))[:size]
        photos = [int(rng.choice(np.flatnonzero(who == name))) for name in enrolled]
        strange = ~np.isin(who, enrolled)
        scores = x @ x[photos].T
        best, right = scores.max(axis=1), enrolled[scores.argmax(axis=1)] == who
        mated = ~strange & ~np.isin(np.arange(len(x)), photos)
        with tempfile.TemporaryDirectory() as folder, Gallery.open(Path(folder) / "people.db") as gallery:
            enroll(gallery, x, enrolled.tolist(), photos)
            own = gallery.own_strangers(evidence)
        assert own is not None
        for fpir in FPIRS:
            both = {"itself": own.threshold(fpir, curve), "the card": threshold_by_curve(fpir, size, curve)}
            for label, limit in both.items():
                assert limit is not None
                truth = float((best[strange] >= limit).mean())
                stated = own.chance(limit, curve) if label == "itself" else chance_by_curve(limit, size, curve)
                within = (stated.low or 0) <= truth <= (stated.high or 1)
                lost = 1 - float((right & (best >= limit))[mated].mean())
                measured = float((best[strange & here] >= limit).mean()), truth, within, limit, lost
                rows.setdefault((label, fpir), []).append(measured)
    print(f"galleries of {size} people, one photo each; strangers named / FPIR asked for, over {DRAWS} draws")
    for (label, fpir), found in rows.items():
        own_fold, everybody = (np.array([row[side] for row in found]) / fpir for side in (0, 1))
        double = np.mean((everybody >= 0.5) & (everybody <= 2))
        inside, limits, missed = (np.array([row[column] for row in found]) for column in (2, 3, 4))
        print(
            f"  {fpir:.0e} by {label:9} fold: {_spread(own_fold)}   everybody: {_spread(everybody)}"
            f"   within a factor of 2: {double:.0%}   within the interval said: {inside.mean():.0%}"
            f"   threshold {limits.mean():.4f} ± {limits.std():.4f}   enrolled missed: {missed.mean():.1%}"
        )


def enroll(gallery: Gallery, x: Floats, names: Sequence[str], photos: Sequence[int]) -> None:
    made = [NewReference(Template(x[photo], 1.0, "measured@1"), image_sha256=f"{photo:064x}") for photo in photos]
    gallery.add_many(zip(names, made, strict=True))


def _spread(values: Sequence[float] | np.ndarray) -> str:
    low, high = np.quantile(values, [0.05, 0.95])
    return f"{np.mean(values):.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    main()
