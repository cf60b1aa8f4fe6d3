"""People who are no faces: directions in space, and references that scatter around them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facepipe.records import Floats
from facepipe.scoring.evidence import Evidence

D = 64
EVIDENCE = Evidence(slope=40.0, offset=-20.0, lapse=0.001, most=12.0)  # strangers have cosines of about 0, 0.9 is sure
Add = Callable[..., int]


def face(person: int, shot: int, spread: float = 0.3) -> Floats:
    """A vector of ``person``: those of one have cosines of 1 / (1 + spread²), about 0.92."""
    middle = np.random.default_rng(person).normal(size=D)
    apart = np.random.default_rng([person, shot + 1]).normal(size=D)
    vector = middle / np.linalg.norm(middle) + spread * apart / np.linalg.norm(apart)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
