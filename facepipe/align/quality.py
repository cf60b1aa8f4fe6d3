"""How well a face was seen: size, light, sharpness and pose, measured once, here.

Angles come from the five landmarks, seen as a weak-perspective camera sees them. Let d be the distance of the eyes and
x, y the axes along and across them. The tip of the nose stands ``NOSE_DEPTH`` d in front of the plane of eyes and
mouth, so a turn by ψ moves it by NOSE_DEPTH d sin ψ along x while d shrinks to d cos ψ: yaw = atan(shift / (NOSE_DEPTH
d)). A nod by θ moves it likewise along y, away from its place ``NOSE_PLACE`` of the way from eyes to mouth: pitch =
atan((NOSE_PLACE − place) · FACE_HEIGHT / NOSE_DEPTH). Roll is the slope of eyes and mouth. Faces differ, so that the
pitch of level faces scatters by about 10°: changes within one person are truer than the value itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from facepipe.align.cut import cut_chip
from facepipe.errors import FaceError
from facepipe.networks.cards import Input
from facepipe.records import Detection, Floats, Image, Pixels, Quality

# In distances of the eyes. The depth by structure from motion over two people who turned their heads by 50° and more
# (0.39 and 0.46), the rest as medians over LFW
NOSE_DEPTH, NOSE_PLACE, FACE_HEIGHT = 0.45, 0.53, 1.09

SIDE = 75  # px of the aligned face that light and sharpness are measured on: smaller than any face that passes
_EYES, _NOSE, _MOUTH = ((23.3, 23.7), (51.0, 23.5)), ((36.7, 40.1),), ((24.9, 54.4), (49.3, 54.4))
ALIGNED = Input(SIDE, "RGB", (0.0,), (1.0,), (*_EYES, *_NOSE, *_MOUTH))
_INNER = np.s_[18:62, 16:59]  # brows to chin, without hair and background
_BURNT = 250  # grey level
_SECOND_DIFFERENCES = np.array(  # along the four directions; half along the diagonals, whose steps are √2 px long
    [
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[0.5, 0, 0], [0, -1, 0], [0, 0, 0.5]],
        [[0, 0, 0.5], [0, -1, 0], [0.5, 0, 0]],
    ],
    np.float32,
)


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of one face.

    ``size``: the box's shorter side, image px; ``outside``: share of the box beyond the border, 0..1. On the face
    shrunk to ``SIDE`` px, so that they do not depend on its size: ``light``: mean grey, 0..255; ``contrast``: from the
    5th to the 95th percentile of grey; ``glare``: share of burnt-out pixels, 0..1; ``sharpness``: mean second
    difference over mean deviation of grey, along whichever of four directions has least (motion blurs along one).
    ``yaw``, ``pitch``, ``roll``: degrees; 0 is frontal, positive is the nose to the image's right (the person's own
    left, in a picture that is not mirrored), up, and the head tilted clockwise.
    """

    size: float
    outside: float
    light: float
    contrast: float
    glare: float
    sharpness: float
    yaw: float
    pitch: float
    roll: float


def measure(image: Image, face: Detection) -> Measures | None:
    """What there is to say of ``face``; None when its landmarks are placed like no face's."""
    try:
        chip = cut_chip(image, face.landmarks, ALIGNED).pixels
    except FaceError:
        return None
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    inner = grey[_INNER]
    low, high = np.percentile(inner, (5, 95))
    yaw, pitch, roll = pose(face.landmarks)
    return Measures(
        size=face.size,
        outside=_outside(image, face.box),
        light=float(inner.mean()),
        contrast=float(high - low),
        glare=float((inner >= _BURNT).mean()),
        sharpness=sharpness(grey),
        yaw=yaw,
        pitch=pitch,
        roll=roll,
    )


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees, as in ``Measures``, of ``landmarks`` (5, 2) in image px."""
    eye, other_eye, nose, corner, other_corner = landmarks.astype(np.float64)
    along = other_eye - eye + other_corner - corner
    along /= np.linalg.norm(along) or 1.0
    across = np.array([-along[1], along[0]])
    eyes, mouth = (eye + other_eye) / 2, (corner + other_corner) / 2
    apart, height = max((other_eye - eye) @ along, 1e-6), max((mouth - eyes) @ across, 1e-6)
    place = (nose - eyes) @ across / height
    shift = (nose - eyes - place * (mouth - eyes)) @ along
    yaw = math.atan2(shift, NOSE_DEPTH * apart)
    pitch = math.atan2((NOSE_PLACE - place) * FACE_HEIGHT, NOSE_DEPTH)
    return math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(along[1], along[0]))


def _outside(image: Image, box: Floats) -> float:
    x0, y0, x1, y1 = (float(v) for v in box)
    inside = max(min(x1, image.width) - max(x0, 0), 0) * max(min(y1, image.height) - max(y0, 0), 0)
    return 1 - inside / max((x1 - x0) * (y1 - y0), 1e-6)


def sharpness(grey: Pixels) -> float:
    """As in ``Measures``, of the grey face (SIDE, SIDE) aligned as ``ALIGNED`` has it."""
    inner = grey[_INNER].astype(np.float32)
    deviation = float(np.abs(inner - inner.mean()).mean())
    differences = (cv2.filter2D(grey, cv2.CV_32F, kernel)[_INNER] for kernel in _SECOND_DIFFERENCES)
    return min(float(np.abs(values).mean()) for values in differences) / max(deviation, 1.0)


def quality_of(face: Detection, measures: Measures | None) -> Quality:
    """What is kept of how well the face was seen; its ``measures`` are those of ``measure``."""
    sharp = None if measures is None else round(measures.sharpness, 4)
    return Quality(round(face.score, 6), round(face.size, 2), sharp)
