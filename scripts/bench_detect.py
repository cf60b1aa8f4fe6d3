"""Detection against facenet_pytorch.MTCNN and OpenCV's FaceDetectorYN in one run: how long, and is the same found.

    python scripts/bench_detect.py [PHOTOS…] [--detector NAME] [--rounds 3] [--json FILE]

PHOTOS are photos, videos (some frames are taken) or folders; without them rows of the portraits in data/samples. Each
fills a picture of 1280×720 and one of 1920×1080 px. facenet_pytorch is asked for the same faces; FaceDetectorYN, which
runs the network that yunet begins with, has the pictures at their full size, and so has yunet then. A face is *at the
border* when the square around it, which the networks look at, reaches out of the picture: there facepipe lets the
picture go on in grey, where facenet_pytorch squeezes what is left into the square, so that the two differ.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import facenet_pytorch
import numpy as np
from photos import folder_of
from stopwatch import Measure, add_json_option, medians, paired, ratio, report

from facepipe import read_image
from facepipe.defaults import DETECTOR, MIN_FACE
from facepipe.detect.base import load_detector
from facepipe.detect.yunet import SMALLEST
from facepipe.networks.cards import find_card
from facepipe.networks.weights import locate
from facepipe.records import Detection, Image, Pixels

SIZES = ((1280, 720), (1920, 1080))
MIN_FACES = (20, MIN_FACE)  # px: facenet_pytorch's default, and ours
SURE = 0.9  # faces that theirs gives this score are looked for in ours
Work = Callable[[], object]
FOUND = 0.4  # IoU from which on it is the same face
LEAST_OVERLAP, MOST_SHIFT = 0.95, 0.01  # and its box and landmarks are the same: IoU; widths of the face
BARS = {720: "≥ 8", 1080: "≥ 10"}  # of yunet, for faces from MIN_FACE on


@dataclass(frozen=True)
class Found:
    """One of their faces, and how well ours agrees: ``overlap`` IoU, ``shift`` of the landmark that is farthest off, in
    widths of the face; ``border``: the square around it reaches out of the picture."""

    overlap: float
    shift: float
    border: bool

    @property
    def same(self) -> bool:
        return self.overlap >= LEAST_OVERLAP and self.shift <= MOST_SHIFT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--detector", default=DETECTOR)
    parser.add_argument("--pictures", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    add_json_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = [read_image(path) for path in folder_of(given.photos, Path(folder), given.pictures)]
    rows: list[Measure] = []
    everything: list[Found] = []
    for smallest in MIN_FACES:
        theirs = facenet_pytorch.MTCNN(min_face_size=smallest, keep_all=True)
        ours = load_detector(given.detector, min_face=smallest)
        for size in SIZES:
            pictures = [Image(filling(image.pixels, size), image.source) for image in images]
            both = [(partial(ours.detect, one), partial(theirs.detect, one.pixels, landmarks=True)) for one in pictures]
            bar = BARS[size[1]] if given.detector == "yunet" and smallest == MIN_FACE else ""
            rows.append(timed(both, given.rounds, f"{size[1]}p, faces from {smallest} px", bar))
            for picture in pictures:
                everything += compared(ours.detect(picture), theirs, picture, smallest)
    if given.detector == "yunet":
        rows += [against_opencv(images, size, given.rounds) for size in SIZES]
    report(rows, given.json)
    tell([face for face in everything if not face.border], "faces inside")
    tell([face for face in everything if face.border], "faces at the border")


def filling(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The middle of the picture, so enlarged or shrunk that it fills ``size``."""
    scale = max(size[0] / pixels.shape[1], size[1] / pixels.shape[0])
    whole = (max(size[0], round(pixels.shape[1] * scale)), max(size[1], round(pixels.shape[0] * scale)))
    large = cv2.resize(pixels, whole, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 3
    return np.ascontiguousarray(large[top : top + size[1], left : left + size[0]])


def timed(both: Sequence[tuple[Work, Work]], rounds: int, name: str, bar: str) -> Measure:
    """Ours and theirs: the medians over the pictures, of the medians over the rounds."""
    pairs = [medians(paired(ours, theirs, rounds)) for ours, theirs in both]
    mine, other = medians(pairs)
    return Measure(f"detect, {name}", mine * 1e3, other * 1e3, ratio(pairs), bar, "ms")


def against_opencv(images: Sequence[Image], size: tuple[int, int], rounds: int) -> Measure:
    """The same network at the same size, which for yunet is followed by O-Net."""
    ours = load_detector("yunet", min_face=SMALLEST)
    theirs = cv2.FaceDetectorYN.create(str(locate(find_card("yunet", "detector"))[0]), "", size, score_threshold=0.5)
    pictures = [Image(filling(image.pixels, size), image.source) for image in images]
    both = [(partial(ours.detect, one), partial(theirs.detect, one.pixels[..., ::-1].copy())) for one in pictures]
    return timed(both, rounds, f"{size[1]}p at full size, FaceDetectorYN", "≥ 1.5")


def compared(found: Sequence[Detection], theirs: facenet_pytorch.MTCNN, picture: Image, smallest: float) -> list[Found]:
    """Each of their faces that is sure and as large as was asked for."""
    boxes, scores, landmarks = theirs.detect(picture.pixels, landmarks=True)
    agreed = []
    for box, score, points in zip(boxes, scores, landmarks, strict=True) if boxes is not None else ():
        width, height = box[2:] - box[:2]
        if score < SURE or min(width, height) < smallest:
            continue
        overlaps = [overlap(face.box, box) for face in found]
        best = int(np.argmax(overlaps)) if overlaps else None
        shift = np.inf if best is None else float(np.abs(found[best].landmarks - points).max() / width)
        middle, half = (box[:2] + box[2:]) / 2, max(width, height) / 2
        border = bool((middle - half < 0).any() or (middle + half > (picture.width, picture.height)).any())
        agreed.append(Found(0.0 if best is None else overlaps[best], shift, border))
    return agreed


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def tell(faces: Sequence[Found], name: str) -> None:
    if not faces:
        print(f"{name}: none")
        return
    overlaps, shifts = [face.overlap for face in faces], [face.shift for face in faces]
    found, same = sum(overlap >= FOUND for overlap in overlaps), sum(face.same for face in faces)
    print(
        f"{name}: {found} of {len(faces)} found, {same} the same (IoU ≥ {LEAST_OVERLAP}, landmarks within"
        f" {MOST_SHIFT:.0%}); IoU least {min(overlaps):.3f}, median {np.median(overlaps):.4f};"
        f" landmarks most {max(shifts):.2%}, median {np.median(shifts):.3%}"
    )


if __name__ == "__main__":
    main()
