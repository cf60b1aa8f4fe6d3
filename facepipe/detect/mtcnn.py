"""MTCNN: P-Net proposes, R-Net refines, O-Net decides and places five landmarks (Zhang et al. 2016, arXiv:1604.02878).

Weights and thresholds are facenet-pytorch's, and so are the box conventions and what the networks are shown. One thing
is done otherwise: the image is taken to go on in grey beyond its border. A face that fills the frame or is cut by it is
seen in true proportions instead of squeezed into what is there. On lfw-dev that left 5 of 1,493 images without a face
instead of 47.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import nn

from facepipe.detect.area import MIDDLE, SPREAD, AreaMeans
from facepipe.detect.base import Candidates
from facepipe.detect.boxes import placed, shift, squared, suppress
from facepipe.detect.crops import around, crops
from facepipe.detect.mtcnn_nets import ONet, PNet, RNet
from facepipe.errors import CardInvalid, WeightsAltered
from facepipe.machine.devices import in_passes, side_by_side, torch_device, workers
from facepipe.machine.forks import PerProcess
from facepipe.networks import weights as weight_files
from facepipe.networks.cards import Card
from facepipe.networks.tensors import read_state_dict
from facepipe.records import Detection, Floats, Image, Pixels

T = TypeVar("T")
R = TypeVar("R")

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
        self._workers = PerProcess(partial(workers, "facepipe-detect"))
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
        squares = squared(boxes)
        (x0, y0), (x1, y1) = around(squares, image.width, image.height)
        moved = np.array([x0, y0, x0, y0], np.float32)
        found, scores, landmarks = self._guess(AreaMeans(image.pixels[y0:y1, x0:x1]), squares - moved)
        parts = (found + moved, scores.tolist(), landmarks + moved[:2])
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
        nearest = min(levels, key=lambda level: abs(math.log(level.scale / window)))
        level = means.level(nearest.height, nearest.width, MARGIN, 0, nearest.height + 2 * MARGIN)
        return {
            "pnet": _bytes(level),
            "rnet": _bytes(crops(means, box, 24)[0]),
            "onet": _bytes(crops(means, box, 48)[0]),
        }

    def _propose(self, means: AreaMeans, least: float) -> tuple[Floats, Floats]:
        """Squares (N, 4) where P-Net sees a face at some level of the pyramid, and their scores (N,).

        What it sees in windows that reach into the frame stands aside from what it sees within the image, so that faces
        within are found as without a frame, and counts only where it is drawn beyond the border too.
        """
        levels = [
            (level, bands(level.height, level.width))
            for level in pyramid(means.height, means.width, WINDOW / self.min_face)
        ]
        if not levels:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32)
        work = [(level, *band) for level, parts in levels for band in parts]
        seen = iter(self._spread(partial(self._windows, means, least), work))
        found = []
        for _, parts in levels:
            boxes, scores, regressions, framed = _joined(islice(seen, len(parts)))
            kept = suppress(boxes, scores, 0.5, apart=framed)
            found.append((boxes[kept], scores[kept], regressions[kept], framed[kept]))
        boxes, scores, regressions, framed = _joined(found)
        kept = suppress(boxes, scores, 0.7, apart=framed)
        squares = squared(shift(boxes[kept], regressions[kept], pixel=0))
        beyond = np.any((squares[:, :2] < 1) | (squares[:, 2:] >= [means.width + 1, means.height + 1]), axis=1)
        wanted = beyond | ~framed[kept]
        return squares[wanted], scores[kept][wanted]

    @torch.inference_mode()
    def _windows(self, means: AreaMeans, least: float, band: tuple[Level, int, int]) -> tuple[np.ndarray, ...]:
        """Where P-Net sees a face in one band: windows (N, 4) in image px counted from 1, scores (N,), regressions
        (N, 4), whether they reach into the frame (N,)."""
        level, top, bottom = band
        shown = means.level(level.height, level.width, MARGIN, top, bottom)
        cells, regressions, scores = (t.cpu().numpy() for t in self.pnet.propose(self._placed(shown[None]), least))
        corners = STRIDE * cells[:, ::-1] + (0, top) - MARGIN
        # the last window of an odd side ends beyond it, here as in facenet-pytorch
        last = np.array([level.width + level.width % 2, level.height + level.height % 2]) - WINDOW
        framed = np.any((corners < 0) | (corners > last), axis=1)
        ends = np.hstack([corners + 1, corners + WINDOW]).astype(np.float32)
        return np.floor(ends / np.float32(level.scale)), scores, regressions, framed

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
        found, landmarks = placed(boxes, regressions, points)
        return found, scores, landmarks

    def _look(self, network: nn.Module, means: AreaMeans, boxes: Floats, side: int) -> tuple[np.ndarray, ...]:
        """What ``network`` says of each box, shrunk or enlarged to ``side`` px."""
        return _joined(self._spread(partial(self._answers, network, means, side), in_passes(boxes, BATCH)))

    @torch.inference_mode()
    def _answers(self, network: nn.Module, means: AreaMeans, side: int, boxes: Floats) -> tuple[Floats, ...]:
        return tuple(answer.cpu().numpy() for answer in network(self._placed(crops(means, boxes, side))))

    def _spread(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """``work`` of each; on the CPU side by side."""
        alone = self.device.type != "cpu"
        return [work(item) for item in items] if alone else side_by_side(self._workers, work, items)

    def _placed(self, values: Floats) -> torch.Tensor:
        """(N, H, W, 3) float32 → (N, 3, H, W); the memory stays as it lies, channels last."""
        return torch.from_numpy(values).to(self.device).permute(0, 3, 1, 2)

    def to_tensor(self, pixels: Pixels) -> torch.Tensor:
        """(N, H, W, 3) uint8 → (N, 3, H, W) float32 in −1..1; the memory stays as it lies, channels last."""
        values = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float()
        return values.sub_(127.5).mul_(1 / 128)


class Level(NamedTuple):
    """One size at which an image is searched, px, and its ``scale``."""

    height: int
    width: int
    scale: float


def pyramid(height: int, width: int, first: float) -> Iterator[Level]:
    """The levels at scale ``first``, ``first`` · FACTOR, … while the framed shorter side holds a window."""
    scale = first
    while min(height, width) * scale >= WINDOW - MARGIN:
        yield Level(int(height * scale + 1), int(width * scale + 1), scale)
        scale *= FACTOR


def bands(height: int, width: int) -> list[tuple[int, int]]:
    """First and last row (not in it) of the parts of a framed level that P-Net is shown one by one: each window is in
    one of them."""
    bottom, overlap = height + 2 * MARGIN, WINDOW - STRIDE
    step = max(1, BAND // (width + 2 * MARGIN) // STRIDE) * STRIDE
    return [(top, min(top + step + overlap, bottom)) for top in range(0, bottom - overlap - 1, step)]


def _joined(parts: Iterable[Sequence[np.ndarray]]) -> tuple[np.ndarray, ...]:
    """First all first arrays in one, then all second ones, …"""
    return tuple(np.concatenate(same) for same in zip(*parts, strict=True))


def _bytes(shown: Floats) -> Pixels:
    return (shown * SPREAD + MIDDLE).round().astype(np.uint8)
