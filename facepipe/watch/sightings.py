"""What was seen of one face: its best chips, summarised."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from facepipe.align.quality import Measures, measure
from facepipe.records import Detection, Floats, Image, Template

MOST = 5  # chips kept of a track
ENOUGH = 3  # good ones, from which a decision can be made
FEW = 2  # of any kind, from which it can be made where they are clear: somebody may be in view for a second only
SOON, LATER, RARELY = 0.09, 0.7, 2.0  # seconds between chips: until there are enough, for a better one, to be sure
BETTER = 1.15  # times as much worth as the worst one kept

# What makes a good chip; looser than the gate of enrolment, as several chips are looked at together
SIZE, YAW, PITCH, ROLL, SHARPNESS, OUTSIDE, DARKEST, BRIGHTEST = 32, 50, 45, 45, 0.05, 0.3, 20, 235


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One chip's ``template``, what it is ``worth`` (0 to 1), whether it is ``good`` enough to decide on."""

    template: Template
    worth: float
    good: bool


def worth(measures: Measures, score: float) -> float:
    """How much a chip is likely to tell, 0 to 1: large, sharp, frontal, whole, and surely a face."""
    size = math.sqrt(min(measures.size / 80, 1))
    sharp = math.sqrt(min(measures.sharpness / 0.2, 1))
    frontal = max(math.cos(math.radians(measures.yaw)), 0.1) * max(math.cos(math.radians(0.7 * measures.pitch)), 0.1)
    return size * sharp * frontal * (1 - min(measures.outside, 1)) * score


def is_good(measures: Measures) -> bool:
    turned = abs(measures.yaw) > YAW or abs(measures.pitch) > PITCH or abs(measures.roll) > ROLL
    blurred = measures.sharpness < SHARPNESS or measures.size < SIZE
    badly_lit = not DARKEST <= measures.light <= BRIGHTEST
    return not (turned or blurred or badly_lit or measures.outside > OUTSIDE)


class Worths:
    """What faces are worth. Each is measured once, whoever asks; those of the newest image are remembered."""

    def __init__(self) -> None:
        self._image: Image | None = None
        self._known: dict[Detection, tuple[float, bool] | None] = {}

    def of(self, image: Image, face: Detection) -> tuple[float, bool] | None:
        """What a chip of ``face`` is worth, 0 to 1, and whether it is good enough to decide on; None where its
        landmarks are placed like no face's."""
        if image is not self._image:
            self._image, self._known = image, {}
        if face not in self._known:
            measures = measure(image, face)
            self._known[face] = None if measures is None else (worth(measures, face.score), is_good(measures))
        return self._known[face]


class Sightings:
    """The best sightings of one face.

    Against another template they are compared one by one, and the mean of the cosines counts. It is on the scale that
    thresholds were measured on, unlike the cosine of the sightings' normalised mean: averaging takes what is noise out
    of a template, which brings it nearer to everybody (cosine 0.94 for strangers in a street, where the mean was 0.92).
    """

    def __init__(self) -> None:
        self.kept: list[Sighting] = []
        self.looked = -math.inf  # seconds, the last time a chip was summarised

    @property
    def decidable(self) -> bool:
        return self._good >= ENOUGH

    @property
    def telling(self) -> bool:
        """Can a decision be made where they are clearly somebody's?"""
        return len(self.kept) >= FEW

    @property
    def full(self) -> bool:
        return len(self.kept) == MOST

    def may_want(self, time: float) -> bool:
        """Would any chip be of use at ``time``, seconds?"""
        return time - self.looked >= (LATER if self.decidable or self.full else SOON)

    def wants(self, chip_worth: float, good: bool, time: float) -> bool:
        """Would a chip worth that much be of use at ``time``, seconds?"""
        if not (self.may_want(time) and self.full):
            return self.may_want(time)
        worst = self._worst()
        return (good, chip_worth) > (worst.good, BETTER * worst.worth) or time - self.looked >= RARELY

    def add(self, sighting: Sighting, time: float) -> bool:
        """Take a sighting in if it is among the best; was it?"""
        self.looked = time
        if not self.full:
            self.kept.append(sighting)
            return True
        worst = self._worst()
        if (sighting.good, sighting.worth) <= (worst.good, worst.worth):
            return False
        self.kept[self.kept.index(worst)] = sighting
        return True

    def mean(self) -> Floats:
        """The mean (D,) of their vectors, shorter than 1: its product with a unit vector is the mean cosine."""
        return np.asarray(np.mean([sighting.template.vector for sighting in self.kept], axis=0, dtype=np.float32))

    def template(self) -> tuple[Template, float]:
        """The mean as a template to search with, and its length, which turns cosines with it into mean cosines."""
        mean = self.mean()
        return Template.from_embedding(mean, self.kept[0].template.backbone), float(np.linalg.norm(mean))

    def alike(self, template: Template) -> float:
        """The mean cosine of the sightings with ``template``."""
        return float(self.mean() @ template.vector)

    @property
    def _good(self) -> int:
        return sum(sighting.good for sighting in self.kept)

    def _worst(self) -> Sighting:
        return min(self.kept, key=lambda sighting: (sighting.good, sighting.worth))
