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

from facepipe.detect.base import CloseDetector, Detector, load_detector
from facepipe.detect.turned import WAYS, looks
from facepipe.records import Pixels

UPRIGHT = 0.97  # score from which on a face is believed to be upright


def find_lying(faces: Sequence[Pixels]) -> list[bool]:
    """Of each of ``faces``, squares of one size in which it fills the middle, whether it is seen better turned by a
    quarter or half than as it is."""
    detector = _detector()
    if not faces or not isinstance(detector, CloseDetector):
        return [False] * len(faces)
    upright = looks(detector, faces, WAYS[:1])[:, 0]
    lying = np.zeros(len(faces), bool)
    doubtful = np.flatnonzero(upright < UPRIGHT)
    if doubtful.size:
        turned = looks(detector, [faces[number] for number in doubtful.tolist()], WAYS[1:]).max(axis=1)
        lying[doubtful] = turned > upright[doubtful]
    return lying.tolist()


@cache
def _detector() -> Detector:
    return load_detector()
