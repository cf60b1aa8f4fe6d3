"""Measure what enrolment refuses: honest people, several people under one name, one person under two.

    python scripts/measure_enrolment.py LFW [--fold 0]

LFW holds ``images/Name_0001.jpg`` … and ``pairs.csv`` with a fold for each pair. The limits of facepipe/identity.py
were chosen on fold 0; fold 1 (the default) tells what they are worth. Photos are drawn by chance, with a fixed seed;
each is known by its most central face.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from facepipe import Done, Gallery, Pipeline
from facepipe.enroll.identity import Rule, expect_one_person, expect_unknown, rule_of
from facepipe.errors import EnrolledAlready, SeveralPeople
from facepipe.evaluate.embedded import central_face
from facepipe.gallery import NewReference

Photos = list[NewReference]
DRAWS = 1000
CHANCE = random.Random(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("--fold", choices=["0", "1"], default="1")
    given = parser.parse_args()
    pipe = Pipeline()
    people = list(known(pipe, given.lfw, given.fold).values())
    with tempfile.TemporaryDirectory() as folder, Gallery.open(f"{folder}/g.db", backbone=pipe.backbone) as empty:
        rule = rule_of(pipe.backbone.card, empty)
    assert rule is not None
    for count in (2, 3, 5, 8):
        one_person(people, count, rule)
    for size in (5, 50, len(people)):
        one_name(pipe, people, size)


def known(pipe: Pipeline, lfw: Path, fold: str) -> dict[str, Photos]:
    """The photos of everybody in the fold, by name."""
    with (lfw / "pairs.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["fold"] == fold]
    paths = [lfw / "images" / name for name in sorted({row[key] for row in rows for key in ("image_a", "image_b")})]
    found = defaultdict[str, Photos](list)
    for outcome in track(pipe.faces_each(paths), total=len(paths), console=Console(stderr=True), transient=True):
        if isinstance(outcome, Done) and outcome.value:
            face = central_face(outcome.value)
            found[Path(outcome.source).stem[:-5]].append(NewReference(face.template, source=outcome.source))
    return found


def one_person(people: Sequence[Photos], count: int, rule: Rule) -> None:
    """How often so many photos are refused: all of one person, one of a stranger, of two in equal shares, of many."""
    some, most = (of(people, least) for least in (count, count - count // 2))
    draws = {
        "of one person": lambda: CHANCE.sample(CHANCE.choice(some), count),
        "one a stranger's": lambda: mixed(of(people, count - 1), people, count - 1, 1),
        "of two people": lambda: mixed(most, most, count - count // 2, count // 2),
        "of as many people": lambda: [CHANCE.choice(photos) for photos in CHANCE.sample(people, count)],
    }
    shares = {kind: np.mean([refused(draw(), rule) for _ in range(DRAWS)]) for kind, draw in draws.items()}
    print(f"{count} photos, refused:", ", ".join(f"{kind} {share:.1%}" for kind, share in shares.items()))


def of(people: Sequence[Photos], least: int) -> list[Photos]:
    return [photos for photos in people if len(photos) >= least]


def mixed(people: Sequence[Photos], others: Sequence[Photos], count: int, more: int) -> Photos:
    """So many photos of one, and so many more of another."""
    first = CHANCE.choice(people)
    other = CHANCE.choice([photos for photos in others if photos is not first])
    return [*CHANCE.sample(first, count), *CHANCE.sample(other, more)]


def refused(photos: Photos, rule: Rule) -> bool:
    try:
        expect_one_person("somebody", photos, np.empty((0, len(photos[0].template.vector)), np.float32), rule)
    except SeveralPeople:
        return True
    return False


def one_name(pipe: Pipeline, people: Sequence[Photos], size: int) -> None:
    """How often newcomers are taken for somebody, and people who come again under another name are noticed."""
    some = CHANCE.sample(people, size)
    new, again = [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        Gallery.open(Path(folder) / "g.db", backbone=pipe.backbone) as gallery,
    ):
        gallery.add_many((str(number), photo) for number, photos in enumerate(some) for photo in photos[:2])
        rule = rule_of(pipe.backbone.card, gallery)
        assert rule is not None
        for number, photos in enumerate(some):
            new.append(taken(str(number), photos[:2], gallery, rule))  # beside their own name: as if not enrolled
            if photos[2:]:
                again.append(taken("another", photos[2:4], gallery, rule))
    noticed = f"{np.mean(again):.1%} of {len(again)}" if again else "nobody"
    print(f"{size} enrolled: newcomers refused {np.mean(new):.1%} of {len(new)}; who come again noticed {noticed}")


def taken(name: str, photos: Photos, gallery: Gallery, rule: Rule) -> bool:
    try:
        expect_unknown(name, photos, gallery, rule)
    except EnrolledAlready:
        return True
    return False


if __name__ == "__main__":
    main()
