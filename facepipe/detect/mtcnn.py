"""MTCNN: P-Net proposes, R-Net refines, O-Net decides and places five landmarks (Zhang et al. 2016, arXiv:1604.02878).

Weights and thresholds are facenet-pytorch's, and so are the box conventions. Two things are done otherwise. Pyramid and
crops are resized with OpenCV's area averaging on bytes, which is faster. And the image is taken to go on in grey beyond
its border: a face that fills the frame or is cut by it is seen in true proportions instead of squeezed into what is
there. On lfw-dev that left 3 of 1,493 images without a face instead of 47.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import cv2
import numpy as np
import torch
from torch import nn

from facepipe import weights as weight_files
from facepipe.cards import Card
from facepipe.detect._boxes import shift, squared, suppress
from facepipe.detect._mtcnn_nets import ONet, PNet, RNet
from facepipe.detect.base import Candidates
from facepipe.devices import torch_device
from facepipe.errors import CardInvalid, WeightsAltered
from facepipe.records import Detection, Floats, Image, Pixels
from facepipe.tensors import read_state_dict

WINDOW = 12  # px, the side P-Net looks at
STRIDE = 2  # px, between neighbouring windows
FACTOR = 0.709  # from one level of the pyramid to the next: half the area
PROPOSE, REFINE, DECIDE = 0.6, 0.7, 0.7  # least probabilities of the three stages
# PROPOSE of a scan. It saves a quarter of the time; of 1,113 faces (LFW, LFW shrunk to 45 px, frames of two clips) it
# missed 8, none of the 161 in the clips with a score of at least 0.98
SCAN_PROPOSE = 0.8
MARGIN = 4  # px of grey around each level of the pyramid
GREY = (127, 127, 127)  # about nought to the networks
BATCH = 512  # crops a forward pass


def load(card: Card, device: str, min_face: float, min_score: float) -> Mtcnn:
    """The detector with the weights the card names, verified. Raises CardInvalid, WeightsAltered, DeviceUnavailable."""
    networks, paths = (PNet(), RNet(), ONet()), weight_files.locate(card)
    if len(paths) != len(networks):
        raise CardInvalid(f"{card.path}: weights: expected the files of P-, R- and O-Net, got {len(paths)}")
    for network, path in zip(networks, paths, strict=True):
        try:
            network.load_state_dict(read_state_dict(path))
        except RuntimeError:
            raise WeightsAltered(f"{path}: not the weights of MTCNN's {type(network).__name__}") from None
    return Mtcnn(card, networks, torch_device(device), min_face, min_score)


class Mtcnn:
    """A detector; see ``facepipe.detect.base.load_detector`` for the options. ``networks`` are its three, in order."""

    def __init__(
        self, card: Card, networks: tuple[PNet, RNet, ONet], device: torch.device, min_face: float, min_score: float
    ) -> None:
        self.card = card
        self.device = device
        self.min_face = min_face
        self.min_score = min_score
        self.pnet, self.rnet, self.onet = (
            network.eval().to(device).to(memory_format=torch.channels_last) for network in networks
        )
        self.networks: Mapping[str, nn.Module] = {"pnet": self.pnet, "rnet": self.rnet, "onet": self.onet}

    def detect(self, image: Image) -> list[Detection]:
        """Every face of the image, largest first; boxes and landmarks in image px."""
        return self.report(self.stages(image)[-1])

    def scan(self, image: Image) -> list[Detection]:
        """The faces of a frame, largest first, in three quarters of the time."""
        return self.report(self.stages(image, SCAN_PROPOSE)[-1])

    def report(self, decided: Candidates) -> list[Detection]:
        """The faces among what O-Net let through: those large and sure enough, largest first."""
        assert decided.landmarks is not None
        parts = zip(decided.boxes, decided.scores.tolist(), decided.landmarks, strict=True)
        faces = (Detection(*part) for part in parts)
        # P-Net also sees faces well below its window's size
        found = (face for face in faces if face.size >= self.min_face and face.score >= self.min_score)
        return sorted(found, key=lambda face: -face.size)

    @torch.inference_mode()
    def look(self, image: Image, boxes: Floats) -> list[Detection]:
        """What O-Net makes of each of ``boxes`` (N, 4) image px, in their order."""
        found, scores, landmarks = self._guess(image.pixels, squared(boxes))
        parts = (found, scores.tolist(), landmarks)
        return [Detection(*part) for part in zip(*parts, strict=True)]

    @torch.inference_mode()
    def stages(self, image: Image, propose: float = PROPOSE) -> tuple[Candidates, Candidates, Candidates]:
        """What P-Net proposed with a probability of at least ``propose`` and R-Net refined, both squares, and what
        O-Net decided, with landmarks."""
        proposed = Candidates("proposed", *self._propose(image.pixels, propose))
        refined = Candidates("refined", *self._refine(image.pixels, proposed.boxes))
        return proposed, refined, Candidates("decided", *self._decide(image.pixels, refined.boxes))

    def inputs(self, image: Image, face: Detection) -> Mapping[str, Pixels]:
        """What each network is shown of ``face``, uint8 RGB (H, W, 3).

        P-Net: the framed level of the pyramid at which the face comes nearest to its window; R-Net and O-Net: the
        square around the face, 24 and 48 px.
        """
        box = squared(face.box[None])[0]
        window = WINDOW / float(box[2] - box[0])
        levels = pyramid(image.pixels, WINDOW / self.min_face)
        level = min(levels, key=lambda level: abs(math.log(level[1] / window)))[0]
        return {"pnet": framed(level), "rnet": crop(image.pixels, box, 24), "onet": crop(image.pixels, box, 48)}

    def _propose(self, pixels: Pixels, least: float) -> tuple[Floats, Floats]:
        """Squares (N, 4) where P-Net sees a face at some level of the pyramid, and their scores (N,)."""
        scales = pyramid(pixels, WINDOW / self.min_face)
        levels = [self._propose_level(level, scale, least) for level, scale in scales]
        boxes, scores, regressions = (np.concatenate(parts) for parts in zip(*levels, strict=True)) if levels else _NONE
        kept = suppress(boxes, scores, 0.7)
        return squared(shift(boxes[kept], regressions[kept], pixel=0)), scores[kept]

    def _propose_level(self, level: Pixels, scale: float, least: float) -> tuple[Floats, Floats, Floats]:
        regressions, scores = (t[0].cpu().numpy() for t in self.pnet(self.to_tensor(framed(level)[None])))
        rows, columns = np.nonzero(scores >= least)
        corner = STRIDE * np.stack([columns, rows], axis=1) - MARGIN
        boxes = np.floor(np.hstack([corner + 1, corner + WINDOW]) / scale).astype(np.float32)
        chosen = scores[rows, columns]
        kept = suppress(boxes, chosen, 0.5)
        return boxes[kept], chosen[kept], regressions[:, rows, columns].T[kept]

    def _refine(self, pixels: Pixels, boxes: Floats) -> tuple[Floats, Floats]:
        """Squares (N, 4), scores (N,)."""
        regressions, scores = self._look(self.rnet, pixels, boxes, 24)
        passed = np.flatnonzero(scores > REFINE)
        kept = passed[suppress(boxes[passed], scores[passed], 0.7)]
        return squared(shift(boxes[kept], regressions[kept])), scores[kept]

    def _decide(self, pixels: Pixels, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """Boxes (N, 4), scores (N,), landmarks (N, 5, 2)."""
        boxes, scores, landmarks = self._guess(pixels, boxes)
        passed = np.flatnonzero(scores > DECIDE)
        kept = passed[suppress(boxes[passed], scores[passed], 0.7, over_smaller=True)]
        return boxes[kept], scores[kept], landmarks[kept]

    def _guess(self, pixels: Pixels, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """What O-Net says of each of the squares ``boxes`` (N, 4): boxes (N, 4), scores (N,), landmarks (N, 5, 2)."""
        regressions, scores, points = self._look(self.onet, pixels, boxes, 48)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[:, None, :2] - 1
        return shift(boxes, regressions), scores, landmarks

    def _look(self, network: nn.Module, pixels: Pixels, boxes: Floats, side: int) -> tuple[Floats, ...]:
        """What ``network`` says of each box, shrunk or enlarged to ``side`` px."""
        crops = np.empty((len(boxes), side, side, 3), np.uint8)
        for index, box in enumerate(boxes):
            crops[index] = crop(pixels, box, side)
        batches = [network(self.to_tensor(crops[i : i + BATCH])) for i in range(0, max(len(crops), 1), BATCH)]
        return tuple(torch.cat(parts).cpu().numpy() for parts in zip(*batches, strict=True))

    def to_tensor(self, pixels: Pixels) -> torch.Tensor:
        """(N, H, W, 3) uint8 → (N, 3, H, W) float32 in −1..1; the memory stays as it lies, channels last."""
        values = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float()
        return values.sub_(127.5).mul_(1 / 128)


_NONE = (np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 4), np.float32))


def pyramid(pixels: Pixels, first: float) -> Iterator[tuple[Pixels, float]]:
    """The image at scale ``first``, ``first`` · FACTOR, … while the framed shorter side holds a window: (level, scale).

    Each level is averaged from the smallest whole halving that is still larger: cheaper than from the image itself.
    """
    height, width = pixels.shape[:2]
    base, scale = pixels, first
    while min(height, width) * scale >= WINDOW - MARGIN:
        size = (int(width * scale + 1), int(height * scale + 1))
        while base.shape[1] >= 2 * size[0] and base.shape[0] >= 2 * size[1]:
            base = cv2.resize(base, (base.shape[1] // 2, base.shape[0] // 2), interpolation=cv2.INTER_AREA)
        yield cv2.resize(base, size, interpolation=cv2.INTER_AREA), scale
        scale *= FACTOR


def framed(level: Pixels) -> Pixels:
    """A level of the pyramid with grey around it, as P-Net is shown it."""
    return np.asarray(cv2.copyMakeBorder(level, *(MARGIN,) * 4, cv2.BORDER_CONSTANT, value=GREY))


def crop(pixels: Pixels, box: Floats, side: int) -> Pixels:
    """The part of the image inside ``box``, shrunk or enlarged to ``side`` px."""
    return np.asarray(cv2.resize(cut(pixels, box), (side, side), interpolation=cv2.INTER_AREA))


def cut(pixels: Pixels, box: Floats) -> Pixels:
    """The part of the image inside ``box``, which counts pixels from 1, both ends inside; grey beyond the border."""
    x0, y0, x1, y1 = (int(v) for v in box)
    x0, y0 = x0 - 1, y0 - 1
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    height, width = pixels.shape[:2]
    inside = pixels[max(y0, 0) : max(min(y1, height), 0), max(x0, 0) : max(min(x1, width), 0)]
    if inside.shape[:2] == (y1 - y0, x1 - x0):
        return inside
    if inside.size == 0:
        return np.full((1, 1, 3), GREY, np.uint8)
    edges = (max(-y0, 0), max(y1 - height, 0), max(-x0, 0), max(x1 - width, 0))
    return np.asarray(cv2.copyMakeBorder(inside, *edges, cv2.BORDER_CONSTANT, value=GREY))
