"""YuNet proposes faces, MTCNN's O-Net looks at each, decides and places five landmarks.

YuNet (Wu et al. 2023, "YuNet: A Tiny Millisecond-level Face Detector", doi:10.1007/s11633-023-1423-y; OpenCV's weights)
sees faces of about 10 to 300 px in one pass, so the picture is shrunk as far as the smallest face that is asked for
allows, and for faces larger than that once more. The picture is taken to go on in grey beyond its border, so that
faces which fill it are seen whole. YuNet's own landmarks lie less well than O-Net's, which templates feel, but the two
together lie best. Where O-Net does not see a face, as in profiles and bowed heads, it looks once more, closer, which
shows it about half of them; where it sees none then, YuNet's are all there is. scripts/measure_detector.py measures
what was chosen here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from facepipe.detect import yunet_net
from facepipe.detect.boxes import suppress, zoomed
from facepipe.detect.crops import cut
from facepipe.detect.onet import ONet
from facepipe.detect.yunet_net import BOX, CENTRE, FACE, LANDMARKS, STRIDES
from facepipe.errors import CardInvalid
from facepipe.machine.devices import torch_device
from facepipe.networks import weights as weight_files
from facepipe.networks.cards import Card
from facepipe.networks.runtime import CompiledGraph
from facepipe.pixels import halved
from facepipe.records import Detection, Floats, Image, Pixels

SMALLEST, LARGEST = 14, 280  # px of faces that YuNet finds well, as it is shown them
# px of the longer side, below which nothing is shrunk: of 514 faces that MTCNN sees in LFW's crops at sizes at which a
# face has 34 to 100 px, YuNet missed 324 where they were shrunk further, 16 where they were not
SMALL = 150
FACTOR = 0.25  # from one size of the picture to the next, where it takes several
MARGIN = 0.25  # of the shorter side: grey around the last, smallest size
PROPOSE = 0.5  # least score of YuNet's for O-Net to look
OVERLAP = 0.3  # intersection over union from which on two proposals are one face
AGREES = 0.9  # O-Net's probability from which on box and score are its
OWN = 0.25  # YuNet's share in the landmarks then: two networks err less than one
CLOSER = 0.8  # of YuNet's box: what O-Net is shown where it saw no face in all of it, …
LIKELY = 0.6  # … if YuNet's score is at least so high: below, the backs of heads are faces to O-Net then
ALONE = 0.9  # the most that YuNet's word alone counts
LEAST = math.log(PROPOSE**2 / (1 - PROPOSE**2))  # logit of a face, and of its centre, below which no score is PROPOSE


class Proposals(NamedTuple):
    """What YuNet saw: ``boxes`` (N, 4), ``scores`` (N,), ``landmarks`` (N, 5, 2), image px."""

    boxes: Floats
    scores: Floats
    landmarks: Floats


def load(card: Card, device: str, min_face: float, min_score: float) -> YuNet:
    """The detector with the weights the card names, verified. Whatever the device, it runs on the CPU.

    Raises CardInvalid, WeightsMissing, WeightsAltered, DeviceUnavailable.
    """
    if device != "cpu":
        torch_device(device)  # one that is not there is refused all the same
    paths = weight_files.locate(card)
    if len(paths) != 2:
        raise CardInvalid(f"{card.path}: weights: expected the files of YuNet and of O-Net, got {len(paths)}")
    return YuNet(card, yunet_net.read(paths[0]), ONet(paths[1]), min_face, min_score)


class YuNet:
    """A detector; see ``facepipe.detect.base.load_detector`` for the options."""

    def __init__(self, card: Card, yunet: CompiledGraph, onet: ONet, min_face: float, min_score: float) -> None:
        self.card, self.min_face, self.min_score = card, min_face, min_score
        self._yunet, self._onet = yunet, onet

    def detect(self, image: Image) -> list[Detection]:
        """Every face of the image, largest first; boxes and landmarks in image px.

        A score from AGREES on is O-Net's probability; a lower one YuNet's score, the root of
        its class's and its place's.
        """
        seen = self.propose(image)
        boxes, odds, landmarks = self._judge(image, seen)
        agreed = odds >= AGREES
        scores = np.where(agreed, odds, np.minimum(seen.scores, ALONE))
        boxes = np.where(agreed[:, None], boxes, seen.boxes)
        own = np.where(agreed, OWN, 1).astype(np.float32)[:, None, None]
        landmarks = own * seen.landmarks + (1 - own) * landmarks
        kept = suppress(boxes, scores, 2 * OVERLAP, over_smaller=True)
        faces = (Detection(boxes[at], float(scores[at]), landmarks[at]) for at in kept)
        found = (face for face in faces if face.size >= self.min_face and face.score >= self.min_score)
        return sorted(found, key=lambda face: -face.size)

    scan = detect

    def look(self, image: Image, boxes: Floats) -> list[Detection]:
        """What O-Net makes of each of ``boxes`` (N, 4) image px, in their order."""
        found, scores, landmarks = self._onet.guess(image, boxes)
        return [Detection(*part) for part in zip(found, scores.tolist(), landmarks, strict=True)]

    def _judge(self, image: Image, seen: Proposals) -> tuple[Floats, Floats, Floats]:
        """What O-Net makes of the proposals, at the first look or, where it sees no face, a closer one: boxes (N, 4),
        its probabilities (N,), landmarks (N, 5, 2)."""
        judged = self._onet.guess(image, seen.boxes)
        doubtful = np.flatnonzero((judged[1] < AGREES) & (seen.scores >= LIKELY))
        closer = self._onet.guess(image, zoomed(seen.boxes[doubtful], CLOSER))
        for first, second in zip(judged, closer, strict=True):
            first[doubtful] = second
        return judged

    def propose(self, image: Image) -> Proposals:
        """Where YuNet sees a face, best first."""
        parts, shown, stretch = [], image.pixels, np.ones(2, np.float32)
        for height, width, margin in sizes(image.height, image.width, self.min_face):
            shown, more = shrunk(shown, height, width)
            stretch = stretch * more
            seen = self._see(shown, margin)
            parts.append(Proposals(seen.boxes * np.tile(stretch, 2), seen.scores, seen.landmarks * stretch))
        boxes, scores, landmarks = (np.concatenate(same) for same in zip(*parts, strict=True))
        kept = suppress(boxes, scores, OVERLAP)
        return Proposals(boxes[kept], scores[kept], landmarks[kept])

    def _see(self, pixels: Pixels, margin: int) -> Proposals:
        """What YuNet sees of ``pixels`` with ``margin`` px of grey around, in px of these."""
        height, width = pixels.shape[:2]
        coarsest = STRIDES[-1]
        rows, columns = (-(-(side + 2 * margin) // coarsest) * coarsest for side in (height, width))
        framed = cut(pixels, -margin, -margin, columns - margin, rows - margin)
        says = self._yunet(picture=framed[None])
        levels = [_decoded(each[0], step) for each, step in zip(says, STRIDES, strict=True)]
        boxes, scores, landmarks = (np.concatenate(same) for same in zip(*levels, strict=True))
        return Proposals(boxes - margin, scores, landmarks - margin)


def sizes(height: int, width: int, min_face: float) -> Iterator[tuple[int, int, int]]:
    """The heights and widths at which a picture is looked at, and px of grey around each: first that at which the
    smallest face is large enough, last one at which a face that fills the picture is small enough."""
    scale = min(1.0, max(SMALLEST / min_face, SMALL / max(height, width)))
    shorter = min(height, width)
    while shorter * scale > LARGEST:
        yield max(1, round(height * scale)), max(1, round(width * scale)), 0
        scale *= FACTOR
    yield max(1, round(height * scale)), max(1, round(width * scale)), round(MARGIN * shorter * scale)


def shrunk(pixels: Pixels, height: int, width: int) -> tuple[Pixels, Floats]:
    """``pixels`` at ``height`` by ``width`` px, and how many px one of these is across and down (2,). They are halved
    first, as means over fractions take ten times as long."""
    times = max(0, int(math.log2(min(pixels.shape[0] / height, pixels.shape[1] / width))))
    smaller = halved(pixels, times)
    seen = np.array(smaller.shape[1::-1], np.float32) * 2**times
    if smaller.shape[:2] != (height, width):
        smaller = np.asarray(cv2.resize(smaller, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return smaller, seen / np.array([width, height], np.float32)


def _decoded(says: Floats, step: int) -> Proposals:
    """What YuNet says (16, rows, columns) of places ``step`` px apart, in px of what it was shown."""
    columns = says.shape[2]
    says = says.reshape(len(says), -1)
    logits = says[[FACE, CENTRE]]
    likely = np.flatnonzero((logits >= LEAST).all(axis=0))
    scores = np.sqrt((1 / (1 + np.exp(-logits[:, likely]))).prod(axis=0))
    some, scores = likely[scores >= PROPOSE], scores[scores >= PROPOSE]
    corner = np.stack([some % columns, some // columns], axis=1).astype(np.float32)
    boxes, landmarks = says[BOX, some].T, says[LANDMARKS, some].T
    centre, half = (corner + boxes[:, :2]) * step, np.exp(boxes[:, 2:]) * (step / 2)
    points = (landmarks.reshape(-1, 5, 2) + corner[:, None]) * step
    return Proposals(np.hstack([centre - half, centre + half]), scores, points)
