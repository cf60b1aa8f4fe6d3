"""Measure pictures that lie on their side or stand on their head: what is enrolled from them, and what looking costs.

    python scripts/measure_turned.py LFW [PHOTO|FOLDER ...] [--half tuned]

LFW holds ``images/Name_0001.jpg`` … The people are split in two halves by the order of their names: ``--half tuned``
(every other person from the first: what the limits of facepipe/detect/turned.py were chosen with, and the photos of
data/samples) and ``--half other`` (the default). The portraits are those photos that show one face, then the first
picture of each person of that half that does, ``--count`` in all. Each is turned by 90, 180 and 270°, alone and within
a larger picture. An enrolment is wrong when its template does not match that of the upright portrait (false match rate
1e-3); "before": what the detector alone makes of the same picture. Upright, all photos and all pictures of that half
must give what they gave before, to the last bit.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from stopwatch import Pairs, medians, paired, ratio

from facepipe import Pipeline, read_image
from facepipe.records import Detection, Image, Template
from facepipe.sources import image_files

TURNS = {"90°": 1, "180°": 2, "270°": 3}
ROUNDS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lfw", type=Path)
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--half", choices=["tuned", "other"], default="other")
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    pipe = Pipeline()
    photos = [read_image(path) for path in (image_files(given.photos) if given.photos else [])]
    people = half(sorted((given.lfw / "images").glob("*.jpg")), given.half)
    chosen = list(islice(portraits(pipe, photos, people), given.count))
    print(
        f"{len(chosen)} portraits, {sum(image in photos for image in chosen)} of them photos; {given.half} half of LFW"
    )
    print(f"{'':14} {'right':>6} {'wrong':>6} {'none':>6} {'several':>8}   before: right wrong none several")
    for name, within in (("alone", alone), ("within a room", room)):
        for turn, quarters in TURNS.items():
            turned = [Image(np.ascontiguousarray(np.rot90(within(image).pixels, quarters)), turn) for image in chosen]
            row(f"{name} {turn}", pipe, chosen, turned)
    everybody = [*photos, *(read_image(path) for rows in people for path in rows)]
    changed = [image.source for image in shown(everybody) if not same(pipe.detect(image), pipe.detector.detect(image))]
    print(f"{len(everybody)} upright pictures: {len(changed)} changed {' '.join(changed)}")
    for name, images in (
        ("upright", chosen),
        ("on their side", turned),
        ("nobody", [nobody(image) for image in chosen]),
    ):
        cost(name, pipe, images)


def half(files: Sequence[Path], which: str) -> list[list[Path]]:
    people = [list(rows) for _, rows in groupby(files, key=lambda path: path.stem.rpartition("_")[0])]
    return people[which != "tuned" :: 2]


def portraits(pipe: Pipeline, photos: Sequence[Image], people: Sequence[Sequence[Path]]) -> Iterator[Image]:
    """Of the photos all, of each person the first picture, that shows one face."""
    yield from (image for image in photos if len(pipe.detect(image)) == 1)
    for rows in people:
        yield from islice((image for image in map(read_image, rows) if len(pipe.detect(image)) == 1), 1)


def alone(image: Image) -> Image:
    return image


def room(image: Image) -> Image:
    """The picture with as much around it, in which its border goes on, dimmed."""
    height, width = image.height // 2, image.width // 2
    pixels = np.pad(image.pixels // 2, ((height, height), (width, width), (0, 0)), mode="edge")
    pixels[height : height + image.height, width : width + image.width] = image.pixels
    return Image(pixels, image.source)


def nobody(image: Image) -> Image:
    """As large, and nobody in it: the picture in strips, out of order."""
    order = np.random.default_rng(0).permutation(image.height // 8)
    strips = image.pixels[: len(order) * 8].reshape(len(order), 8, image.width, 3)[order]
    return Image(strips.reshape(-1, image.width, 3), image.source)


def row(name: str, pipe: Pipeline, upright: Sequence[Image], turned: Sequence[Image]) -> None:
    limit, now, before = pipe.threshold(), Counter[str](), Counter[str]()
    for image, other in zip(shown(upright), turned, strict=True):
        ((_, template),) = pipe.templates(image)
        now[judged(pipe, other, pipe.detect(other), template, limit)] += 1
        before[judged(pipe, other, pipe.detector.detect(other), template, limit)] += 1
    kinds = ("right", "wrong", "none", "several")
    print(name.ljust(20), *(f"{now[kind]:6}" for kind in kinds), "   ", *(f"{before[kind]:6}" for kind in kinds))


def judged(pipe: Pipeline, image: Image, faces: Sequence[Detection], template: Template, limit: float) -> str:
    if len(faces) != 1:
        return "several" if faces else "none"
    return "right" if pipe.describe(image, faces)[0].template.cosine(template) >= limit else "wrong"


def same(faces: Sequence[Detection], others: Sequence[Detection]) -> bool:
    return len(faces) == len(others) and all(
        a.score == b.score and np.array_equal(a.box, b.box) and np.array_equal(a.landmarks, b.landmarks)
        for a, b in zip(faces, others, strict=True)
    )


def cost(name: str, pipe: Pipeline, images: Sequence[Image]) -> None:
    """How long looking takes, and how many times as long as by the detector alone; in turn, picture by picture."""
    pairs: Pairs = []
    for image in shown(images):
        pairs += paired(partial(pipe.detector.detect, image), partial(pipe.detect, image), ROUNDS)
    alone, turned = medians(pairs)
    print(f"{name}: {1000 * alone:.1f} ms by the detector alone, {1000 * turned:.1f} ms; ratio {ratio(pairs):.3f},"
          f" of the sums {sum(b for _, b in pairs) / sum(a for a, _ in pairs):.3f}")  # fmt: skip


def shown(images: Sequence[Image]) -> Iterator[Image]:
    return iter(track(images, "looking", console=Console(stderr=True), transient=True))


if __name__ == "__main__":
    main()
