"""Measure `facepipe gallery doctor`: what it finds of the faults put into a gallery, and what it tells wrongly.

    python scripts/measure_doctor.py LFW [--fold 1] [--rounds 10] [--singles] [--own-evidence]

LFW holds ``images/Name_0001.jpg`` … and ``pairs.csv`` with a column fold. The gallery of a round has the people of the
fold with two images or more (``--singles``: all), and in it, at random: 5 % of the references moved to another person;
8 people of whom half of the references have a second name; 5 pictures copied to another person; 10 references replaced
by a spoilt picture. What a score means is measured on fold 0 (``--own-evidence``: by the doctor, on the gallery that it
looks at). Limits were chosen on fold 0; fold 1 is reported. Label errors of LFW itself count as told wrongly: the names
of those told most often are printed.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from measure_gate import blurred, moved, shrunk
from rich.console import Console
from rich.progress import track

from facepipe import Done, Gallery, Pipeline, read_image
from facepipe.doctor import Finding, Kind, examine
from facepipe.enroll.enrolment import new_reference
from facepipe.gallery import NewReference
from facepipe.records import Face, Image, Pixels
from facepipe.scoring.evidence import Evidence

MOVED, TWICE, COPIED, SPOILT = 0.05, 8, 5, 10
WAYS: dict[str, Callable[[Pixels, float], np.ndarray]] = {
    "blurred 0.07": blurred(0.07),
    "blurred 0.10": blurred(0.10),
    "moved 0.3": moved(0.3),
    "shrunk 25 px": shrunk(25),
    "shrunk 20 px": shrunk(20),
}
Wrongs = dict[str, list[tuple[str, NewReference]]]  # by file, the spoilt versions of a crop: (way, reference)


@dataclass
class Made:
    """The faults of one round: by file name of the picture, or by the two names."""

    moved: dict[str, str] = field(default_factory=dict)  # file -> whose it is
    twice: set[frozenset[str]] = field(default_factory=set)
    copied: set[str] = field(default_factory=set)
    spoilt: dict[str, str] = field(default_factory=dict)  # file -> way


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fold", default="1", choices=["0", "1"])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--singles", action="store_true")
    parser.add_argument("--own-evidence", action="store_true")
    given = parser.parse_args()
    folds = read_folds(given.folder)
    crops = dict(embed(given.folder, folds if not given.own_evidence else folds_of(folds, given.fold)))
    evidence = None if given.own_evidence else fit({f: new for f, new in crops.items() if folds[f] == "0"})
    mine = {file: new for file, new in crops.items() if folds[file] == given.fold}
    if not given.singles:
        count = Counter(map(person, mine))
        mine = {file: new for file, new in mine.items() if count[person(file)] > 1}
    poor = spoil(given.folder, sorted(mine)[::5])
    score = Score()
    for seed in track(range(given.rounds), "rounds", console=Console(stderr=True), transient=True):
        entries, made = corrupt(mine, poor, np.random.default_rng(seed))
        score.add(findings(entries, evidence), made, entries)
    print(f"fold {given.fold}: {len(set(map(person, mine)))} people, {len(mine)} references, {given.rounds} rounds")
    score.report()
    entries = [(person(file), new) for file, new in mine.items()]
    print("\nas it is, nothing put in:")
    for finding in findings(entries, evidence):
        if finding.kind not in (Kind.FEW, Kind.SAME_SHOT):
            print(f"  {finding.kind.value:12} {finding.person} {[r.source for r in finding.references]}")


# Pictures ------------------------------------------------------------------------------------------------------------


def read_folds(folder: Path) -> dict[str, str]:
    with (folder / "pairs.csv").open(newline="") as stream:
        return {row[key]: row["fold"] for row in csv.DictReader(stream) for key in ("image_a", "image_b")}


def folds_of(folds: dict[str, str], fold: str) -> dict[str, str]:
    return {file: value for file, value in folds.items() if value == fold}


def person(file: str) -> str:
    return file.rpartition("_")[0].replace("_", " ")


def embed(folder: Path, files: dict[str, str]) -> Iterator[tuple[str, NewReference]]:
    """(file, reference) of every crop in which a face is found: the most central one, as LFW's are."""
    paths = [folder / "images" / file for file in sorted(files)]
    outcomes = Pipeline().faces_each(paths, pictures=True)
    for path, outcome in zip(
        paths, track(outcomes, "embedding", len(paths), console=Console(stderr=True)), strict=True
    ):
        if isinstance(outcome, Done) and outcome.value:
            yield path.name, reference(outcome.image, outcome.value, path.name)


def reference(image: Image, faces: list[Face], source: str) -> NewReference:
    middle = np.array([image.width, image.height]) / 2
    nearest = min(faces, key=lambda f: float(np.linalg.norm(f.detection.box.reshape(2, 2).mean(axis=0) - middle)))
    return replace(new_reference(image, [nearest]), source=source)


def spoil(folder: Path, files: list[str]) -> Wrongs:
    """Each crop in one of the ways, found with a detector that looks for small faces."""
    pipe, found = Pipeline(min_face=14, min_score=0.6), Wrongs()
    for number, file in enumerate(track(files, "spoiling", console=Console(stderr=True), transient=True)):
        image = read_image(folder / "images" / file)
        way = list(WAYS)[number % len(WAYS)]
        if not (faces := pipe.detect(image)):
            continue
        eyes = float(np.linalg.norm(faces[0].landmarks[1] - faces[0].landmarks[0]))
        worse = Image(np.ascontiguousarray(np.clip(WAYS[way](image.pixels, eyes), 0, 255).astype(np.uint8)), file)
        if again := pipe.faces(worse):
            found[file] = [(way, reference(worse, again, file))]
    return found


def fit(crops: dict[str, NewReference]) -> Evidence:
    vectors = np.stack([new.template.vector for new in crops.values()])
    people = np.array([person(file) for file in crops])
    a, b = np.triu_indices(len(people), 1)
    scores, same = (vectors @ vectors.T)[a, b], people[a] == people[b]
    return Evidence.fit(scores[same], scores[~same])


# Faults --------------------------------------------------------------------------------------------------------------


def corrupt(
    crops: dict[str, NewReference], poor: Wrongs, rng: np.random.Generator
) -> tuple[list[tuple[str, NewReference]], Made]:
    """(name, reference) of a gallery with faults, and which they are. No reference has two."""
    made, label = Made(), {file: person(file) for file in crops}
    files, people = sorted(crops), sorted(set(map(person, crops)))
    of: dict[str, list[str]] = defaultdict(list)
    for file in files:
        of[person(file)].append(file)
    several = [name for name in people if len(of[name]) > 1]
    for name in rng.choice(several, TWICE, replace=False):
        made.twice.add(frozenset((name, f"{name} again")))
        for file in rng.permutation(of[name])[: len(of[name]) // 2]:
            label[str(file)] = f"{name} again"
    for file in rng.choice([f for f in poor if label[f] == person(f)], SPOILT, replace=False):
        ((made.spoilt[str(file)], _),) = poor[str(file)]
    clean = [f for f in files if f not in made.spoilt]
    for file in rng.choice(clean, round(MOVED * len(files)), replace=False):
        made.moved[str(file)] = label[str(file)]
        label[str(file)] = str(rng.choice([name for name in people if name != person(file)]))
    entries = [(label[f], poor[f][0][1] if f in made.spoilt else crops[f]) for f in files]
    for file in rng.choice([f for f in clean if f not in made.moved], COPIED, replace=False):
        made.copied.add(str(file))
        entries.append((str(rng.choice([name for name in people if name != person(file)])), crops[str(file)]))
    return entries, made


def findings(entries: list[tuple[str, NewReference]], evidence: Evidence | None) -> tuple[Finding, ...]:
    with tempfile.TemporaryDirectory() as folder, Gallery.open(Path(folder) / "people.db") as gallery:
        gallery.add_many(entries)
        return examine(gallery, evidence=evidence).findings


class Score:
    """What was made, what was told, and what of it was right, over all rounds."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.wrongly: dict[str, Counter[str]] = defaultdict(Counter)
        self.sure: list[tuple[float, bool]] = []

    def add(self, told: tuple[Finding, ...], made: Made, entries: list[tuple[str, NewReference]]) -> None:
        company = Counter(name for name, _ in entries)
        name_of = {new.source: name for name, new in entries}
        moved = {file for file in made.moved if company[name_of[file]] > 1}  # alone, a reference cannot be seen through
        spoken: dict[Kind, set[str]] = defaultdict(set)
        for finding in told:
            files = {reference.source for reference in finding.references}
            spoken[finding.kind] |= files
            right = {
                Kind.MISLABELLED: bool(files & (made.moved.keys() | made.copied)),
                Kind.STRAY: bool(files & made.moved.keys()),
                Kind.TWO_NAMES: frozenset((finding.person, finding.other)) in made.twice,
                Kind.SAME_PICTURE: bool(files & made.copied),
                Kind.WEAK: bool(files & made.spoilt.keys()),
            }.get(finding.kind)
            if right is None:
                continue
            kind = finding.kind.value
            self.told[kind] += 1
            self.right[kind] += right
            if finding.kind is Kind.MISLABELLED and finding.sure is not None:
                self.sure.append((finding.sure, right))
            if not right:
                self.wrongly[kind]["two" if finding.kind is Kind.TWO_NAMES else min(files)] += 1
        wrong = spoken[Kind.MISLABELLED] | spoken[Kind.STRAY]
        poor = spoken[Kind.WEAK] | {s.source for f in told if f.reasons for s in f.references}
        pairs = {frozenset((f.person, f.other or "")) for f in told if f.kind is Kind.TWO_NAMES}
        self._count("moved, told at all", moved, wrong)
        self._count("moved, told as another's", moved, spoken[Kind.MISLABELLED])
        self._count("two names", made.twice, pairs)
        self._count("copied pictures", made.copied, spoken[Kind.SAME_PICTURE])
        for way in WAYS:
            self._count(f"poor: {way}", {file for file, how in made.spoilt.items() if how == way}, poor)

    def _count(self, name: str, made: set[str] | set[frozenset[str]], told: set[str] | set[frozenset[str]]) -> None:
        self.made[name] += len(made)
        self.found[name] += len(made & told)

    def report(self) -> None:
        print(f"{'put in':26} {'made':>5} {'told':>5}  recall")
        for name, made in self.made.items():
            print(f"{name:26} {made:5} {self.found[name]:5}  {self.found[name] / max(made, 1):.2f}")
        print(f"\n{'finding':26} {'told':>5} {'right':>5}  precision; told wrongly, times")
        for name, told in self.told.items():
            often = ", ".join(f"{file} {times}" for file, times in self.wrongly[name].most_common(5))
            print(f"{name:26} {told:5} {self.right[name]:5}  {self.right[name] / told:.2f}       {often}")
        for low, high in ((0.7, 0.9), (0.9, 1.01)):
            rows = [right for sure, right in self.sure if low <= sure < high]
            if rows:
                print(
                    f"mislabelled, stated {low:.0%} to {min(high, 1):.0%} sure: {len(rows)}, right {np.mean(rows):.0%}"
                )


if __name__ == "__main__":
    main()
