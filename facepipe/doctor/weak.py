"""References whose picture shows too little of the face.

Measured on lfw-dev, fold 0, on crops as they are and blurred, moved, shrunk and darkened, with sface: above the limit
of the aligned face's sharpness 96 % of a person's other photos match (false match rate 1e-3), below it 49 to 91 %.
Small faces match nearly as well as others (93 % below the limit); with dlib_resnet they did not (37 to 73 %, against
87 %). The detector's score, the variance of the Laplacian and the light say next to nothing.
"""

from __future__ import annotations

import numpy as np

from facepipe.doctor.enrolled import Enrolled
from facepipe.records import Floats

SHARPNESS = 0.09  # as in quality.Measures
SIZE = 24.0  # px, the box's shorter side


def find_weak(enrolled: Enrolled, sharpness: Floats) -> dict[int, tuple[str, ...]]:
    """References that had better be taken anew, and why: "small", "blurred". ``sharpness`` (R,) of their faces."""
    small, blurred = enrolled.sizes < SIZE, sharpness < SHARPNESS
    return {
        row: tuple(name for name, so in (("small", small[row]), ("blurred", blurred[row])) if so)
        for row in np.flatnonzero(small | blurred).tolist()
    }
