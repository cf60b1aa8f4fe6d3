"""References whose picture lies on its side or stands on its head.

A facepipe that did not turn pictures read such a face upside down, mouth for eyes. What is stored of it is no face, and
is like what is stored of others: two people with such references look like one.

The limit was chosen with MTCNN on fold 0 of lfw-dev, on the chips that the detector alone cuts from pictures that are
turned, and on those of the same pictures as they are (scripts/measure_lying.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from facepipe.detect.base import CloseDetector, Detector, load_detector
from facepipe.detect.turned import SEEN, SURE, looks
from facepipe.records import Floats, Pixels

UPRIGHT = 0.97  # score of a closer look from which on a face is believed to be upright


def may_lie(scores: Floats) -> npt.NDArray[np.bool_]:
    """Which of faces found with ``scores`` (N,) are worth a look, NaN: not known: (N,)."""
    return ~(scores >= SURE)


def find_lying(faces: Sequence[Pixels], scores: Floats) -> npt.NDArray[np.bool_]:
    """Of each of ``faces``, squares of one size in which it fills the middle, whether it is surely seen, and better,
    turned by a quarter or half than as it is: (N,). ``scores`` (N,): how surely it was found once, NaN: not known."""
    lying = np.zeros(len(faces), bool)
    doubtful = np.flatnonzero(may_lie(scores))
    detector = _detector()
    if doubtful.size and isinstance(detector, CloseDetector):
        seen = looks(detector, [faces[number] for number in doubtful.tolist()])
        upright, turned = seen[:, 0], seen[:, 1:].max(axis=1)
        lying[doubtful] = (upright < UPRIGHT) & (turned >= SEEN) & (turned > upright)
    return lying


@cache
def _detector() -> Detector:
    return load_detector()
