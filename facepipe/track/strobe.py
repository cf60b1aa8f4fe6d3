"""Pictures of a camera whose infra-red lamp flashes: every second one, or two of three, are dark."""

from __future__ import annotations

import math

from facepipe.records import Pixels

DARKER = 0.4  # of the light of the last lit picture
BLACK = 16.0  # mean grey level of a picture in which there is nothing to find
RETURNS = 2  # of the light after dark pictures, from which the lamp is known to flash
MOST = 4  # dark pictures in a row; after more of them it is the room that is dark


class Strobe:
    """Tells the dark pictures between two flashes, given every picture in turn."""

    def __init__(self) -> None:
        self._lit, self._before = 0.0, math.inf  # mean grey levels: of the last picture that counted, and of the last
        self._dark = self._returns = 0  # pictures left out in a row; how often the light came back

    def off(self, pixels: Pixels) -> bool:
        """Is the lamp off in ``pixels`` (H, W, 3), so that they are not to be looked at?"""
        light = float(pixels[::8, ::8].mean())
        self._returns += self._before < DARKER * light
        self._before = light
        dark = light < DARKER * self._lit and (light < BLACK or self._returns >= RETURNS)
        if dark and self._dark < MOST:
            self._dark += 1
            return True
        if dark:  # and for long: no flashes any more
            self._returns = 0
        self._lit, self._dark = light, 0
        return False
