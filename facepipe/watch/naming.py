"""What scores mean where a face is seen again and again: by how much a name has to be clearer to be given, or taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from facepipe.errors import UsageError


@dataclass(frozen=True, slots=True)
class Levels:
    """Cosines: ``limit`` for a name; ``loose`` and ``strict``: for one person, where much and where nothing else says
    that it is the same; ``slack``: by how much evidence must be clearer to overturn a name; ``clear``: for a name
    by two chips, or where no chip is good, as in profile, in which strangers look more alike."""

    limit: float
    loose: float
    strict: float
    slack: float

    @property
    def clear(self) -> float:
        return max(self.limit, self.strict) + self.slack


def levels(by_fmr: Callable[[str], float], limit: float) -> Levels:
    """By a card's ``threshold``: loose is a false match rate of 1e-2, strict 1e-4, slack the step from 1e-3 to 1e-2.
    Around ``limit`` where the card has not measured them."""
    try:
        loose, usual, strict = (by_fmr(fmr) for fmr in ("1e-2", "1e-3", "1e-4"))
    except UsageError:
        slack = 0.1 * (1 - limit)
        return Levels(limit, limit - slack, limit + slack, slack)
    return Levels(limit, loose, strict, usual - loose)
