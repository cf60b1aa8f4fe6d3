"""References whose picture shows too little of the face.

Measured on lfw-dev, fold 0, on crops as they are and blurred, moved, shrunk and darkened (scripts/measure_doctor.py):
of what is known of a reference, only the sharpness of its aligned face and the size of the face it was cut from tell
how well it will match. Above the limits 87 % of a person's other photos match (false match rate 1e-3), below them 26 to
73 %. The detector's score, the norm of the raw embedding, the variance of the Laplacian and the light say next to
nothing.
"""

from __future__ import annotations

import numpy as np

from facepipe.doctor.enrolled import Enrolled
from facepipe.records import Floats

SHARPNESS = 0.09  # as in gate.Measures
SIZE = 24.0  # px, the box's shorter side


def find_weak(enrolled: Enrolled, sharpness: Floats) -> dict[int, tuple[str, ...]]:
    """References that had better be taken anew, and why: "small", "blurred". ``sharpness`` (R,) of their faces."""
    small, blurred = enrolled.sizes < SIZE, sharpness < SHARPNESS
    return {
        row: tuple(name for name, so in (("small", small[row]), ("blurred", blurred[row])) if so)
        for row in np.flatnonzero(small | blurred).tolist()
    }
