"""MTCNN: P-Net proposes, R-Net refines, O-Net decides and places five landmarks (Zhang et al. 2016, arXiv:1604.02878).

Weights and thresholds are facenet-pytorch's, and so are the box conventions and what the networks are shown. One thing
is done otherwise: the image is taken to go on in grey beyond its border. A face that fills the frame or is cut by it is
seen in true proportions instead of squeezed into what is there. On lfw-dev that left 3 of 1,493 images without a face
instead of 47.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from facepipe import weights as weight_files
from facepipe.cards import Card
from facepipe.detect._area import MIDDLE, SPREAD, AreaMeans
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
# A forward pass is kept so small that its tensors stay in the processor's cache and are not given back to the system
# in between: getting new memory takes longer than the arithmetic.
BAND = 100_000  # px of a level of the pyramid
BATCH = 64  # crops


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
        self.pnet, self.rnet, self.onet = networks
        for network in networks:
            network.eval().to(device).to(memory_format=torch.channels_last)
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
        if not len(boxes):
            return []
        squares = squared(boxes)
        # Sums over the part of the image that holds them are enough, and quicker than over all of a large frame
        left, top = np.maximum(np.floor(squares[:, :2].min(axis=0)).astype(int) - 2, 0).tolist()
        right, bottom = (np.ceil(squares[:, 2:].max(axis=0)).astype(int) + 2).tolist()
        part = image.pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
        if not part.size:  # all of them lie outside
            left, top, part = 0, 0, image.pixels
        corner = np.array([left, top], np.float32)
        found, scores, landmarks = self._guess(AreaMeans(part), squares - np.tile(corner, 2))
        parts = (found + np.tile(corner, 2), scores.tolist(), landmarks + corner)
        return [Detection(*part) for part in zip(*parts, strict=True)]

    @torch.inference_mode()
    def stages(self, image: Image, propose: float = PROPOSE) -> tuple[Candidates, Candidates, Candidates]:
        """What P-Net proposed with a probability of at least ``propose`` and R-Net refined, both squares, and what
        O-Net decided, with landmarks."""
        means = AreaMeans(image.pixels)
        proposed = Candidates("proposed", *self._propose(means, propose))
        refined = Candidates("refined", *self._refine(means, proposed.boxes))
        return proposed, refined, Candidates("decided", *self._decide(means, refined.boxes))

    def inputs(self, image: Image, face: Detection) -> Mapping[str, Pixels]:
        """What each network is shown of ``face``, uint8 RGB (H, W, 3), rounded.

        P-Net: the framed level of the pyramid at which the face comes nearest to its window; R-Net and O-Net: the
        square around the face, 24 and 48 px.
        """
        box, means = squared(face.box[None]), AreaMeans(image.pixels)
        window = WINDOW / float(box[0, 2] - box[0, 0])
        levels = pyramid(image.height, image.width, WINDOW / self.min_face)
        height, width, _ = min(levels, key=lambda level: abs(math.log(level[2] / window)))
        level = means.level(height, width, MARGIN, 0, height + 2 * MARGIN)
        return {
            "pnet": _bytes(level),
            "rnet": _bytes(crops(means, box, 24)[0]),
            "onet": _bytes(crops(means, box, 48)[0]),
        }

    def _propose(self, means: AreaMeans, least: float) -> tuple[Floats, Floats]:
        """Squares (N, 4) where P-Net sees a face at some level of the pyramid, and their scores (N,)."""
        levels = [
            self._propose_level(means, *level, least)
            for level in pyramid(means.height, means.width, WINDOW / self.min_face)
        ]
        boxes, scores, regressions = (np.concatenate(parts) for parts in zip(*levels, strict=True)) if levels else _NONE
        kept = suppress(boxes, scores, 0.7)
        return squared(shift(boxes[kept], regressions[kept], pixel=0)), scores[kept]

    def _propose_level(
        self, means: AreaMeans, height: int, width: int, scale: float, least: float
    ) -> tuple[Floats, Floats, Floats]:
        tall = height + 2 * MARGIN
        step = max(STRIDE, BAND // (width + 2 * MARGIN) // STRIDE * STRIDE)
        overlap = WINDOW - STRIDE
        bands = []
        for top in range(0, tall - overlap, step):
            band = means.level(height, width, MARGIN, top, min(top + step + overlap, tall))
            cells, moves, scores = (t.cpu().numpy() for t in self.pnet.propose(self._placed(band[None]), least))
            bands.append((STRIDE * cells[:, ::-1] + (-MARGIN, top - MARGIN), scores, moves))
        corners, chosen, regressions = (np.concatenate(parts) for parts in zip(*bands, strict=True))
        boxes = np.floor(np.hstack([corners + 1, corners + WINDOW]).astype(np.float32) / np.float32(scale))
        kept = suppress(boxes, chosen, 0.5)
        return boxes[kept], chosen[kept], regressions[kept]

    def _refine(self, means: AreaMeans, boxes: Floats) -> tuple[Floats, Floats]:
        """Squares (N, 4), scores (N,)."""
        regressions, scores = self._look(self.rnet, means, boxes, 24)
        passed = np.flatnonzero(scores > REFINE)
        kept = passed[suppress(boxes[passed], scores[passed], 0.7)]
        return squared(shift(boxes[kept], regressions[kept])), scores[kept]

    def _decide(self, means: AreaMeans, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """Boxes (N, 4), scores (N,), landmarks (N, 5, 2)."""
        boxes, scores, landmarks = self._guess(means, boxes)
        passed = np.flatnonzero(scores > DECIDE)
        kept = passed[suppress(boxes[passed], scores[passed], 0.7, over_smaller=True)]
        return boxes[kept], scores[kept], landmarks[kept]

    def _guess(self, means: AreaMeans, boxes: Floats) -> tuple[Floats, Floats, Floats]:
        """What O-Net says of each of the squares ``boxes`` (N, 4): boxes (N, 4), scores (N,), landmarks (N, 5, 2)."""
        regressions, scores, points = self._look(self.onet, means, boxes, 48)
        sides = boxes[:, 2:] - boxes[:, :2] + 1
        landmarks = points.reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[:, None, :2] - 1
        return shift(boxes, regressions), scores, landmarks

    def _look(self, network: nn.Module, means: AreaMeans, boxes: Floats, side: int) -> tuple[Floats, ...]:
        """What ``network`` says of each box, shrunk or enlarged to ``side`` px."""
        batches = [
            network(self._placed(crops(means, boxes[i : i + BATCH], side))) for i in range(0, max(len(boxes), 1), BATCH)
        ]
        return tuple(torch.cat(parts).cpu().numpy() for parts in zip(*batches, strict=True))

    def _placed(self, values: Floats) -> torch.Tensor:
        """(N, H, W, 3) float32 → (N, 3, H, W); the memory stays as it lies, channels last."""
        return torch.from_numpy(values).to(self.device).permute(0, 3, 1, 2)

    def to_tensor(self, pixels: Pixels) -> torch.Tensor:
        """(N, H, W, 3) uint8 → (N, 3, H, W) float32 in −1..1; the memory stays as it lies, channels last."""
        values = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float()
        return values.sub_(127.5).mul_(1 / 128)


_NONE = (np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 4), np.float32))


def pyramid(height: int, width: int, first: float) -> Iterator[tuple[int, int, float]]:
    """The levels at scale ``first``, ``first`` · FACTOR, … while the framed shorter side holds a window: height, width,
    scale."""
    scale = first
    while min(height, width) * scale >= WINDOW - MARGIN:
        yield int(height * scale + 1), int(width * scale + 1), scale
        scale *= FACTOR


def crops(means: AreaMeans, boxes: Floats, side: int) -> Floats:
    """The parts of the image inside ``boxes`` (N, 4), which count pixels from 1, both ends inside, at ``side`` px, as
    the networks are shown them: (N, side, side, 3)."""
    corners = boxes[:, :2].astype(np.intp) - 1
    return means.crops(corners, np.maximum(boxes[:, 2:].astype(np.intp) - corners, 1), side)


def _bytes(shown: Floats) -> Pixels:
    return (shown * SPREAD + MIDDLE).round().astype(np.uint8)
