"""From candidates to a name that does not flicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facepipe.cards import Card
from facepipe.errors import UsageError
from facepipe.records import Candidate


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


def levels(card: Card, limit: float) -> Levels:
    """From the card: loose is a false match rate of 1e-2, strict 1e-4, slack the step from 1e-3 to 1e-2. Around
    ``limit`` where the card has not measured them."""
    try:
        loose, usual, strict = (card.threshold(fmr) for fmr in ("1e-2", "1e-3", "1e-4"))
    except UsageError:
        slack = 0.1 * (1 - limit)
        return Levels(limit, limit - slack, limit + slack, slack)
    return Levels(limit, loose, strict, usual - loose)


def decide(before: str | None, candidates: Sequence[Candidate], levels: Levels) -> str | None:
    """The name for ``candidates``, best first, of a face that was called ``before``.

    A name stays until its score falls clearly below the limit, or somebody else's is clearly better and over it.
    """
    best = candidates[0] if candidates else None
    named = next((candidate for candidate in candidates if candidate.person == before), None)
    wins = best is not None and best.score >= levels.limit
    if named is not None and best is not None and named.score >= levels.limit - levels.slack:
        beaten = wins and best.score > named.score + levels.slack
        if not beaten:
            return before
    return best.person if best is not None and wins else None
