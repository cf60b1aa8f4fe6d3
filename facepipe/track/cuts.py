"""Where one shot ends and the next begins."""

from __future__ import annotations

import cv2
import numpy as np

from facepipe.records import Pixels

# Mean difference of two pictures, but for the light as a whole, in mean deviations of their grey. In two clips: at the
# three cuts of the one 0.84 to 1.04, between them at most 0.33 (a fast pan); in the other, without cuts, at most 0.12
CUT = 0.6
LEAST = 4.0  # grey levels: noise in a picture that is nearly black is no cut


class Cuts:
    """Tells a cut by how much of the coarse picture changed at once."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def between(self, grey: Pixels) -> bool:
        """Is there a cut between the last picture and ``grey`` (H, W)? False for the first."""
        coarse = cv2.resize(grey, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)
        last, self._last = self._last, coarse
        if last is None:
            return False
        difference = coarse - last
        change = float(np.abs(difference - difference.mean()).mean())
        return change >= LEAST and change >= CUT * float(coarse.std() + last.std()) / 2
