"""The decision: from scores to match or no match, to a name or *unknown*. All that decide ask here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Scored(Protocol):
    """As much of a candidate as a decision needs."""

    @property
    def person(self) -> str: ...

    @property
    def score(self) -> float: ...


def reaches(score: float, threshold: float) -> bool:
    """Is it a match? Just at the threshold it is, as the shares of strangers were counted."""
    return score >= threshold


def decide(
    candidates: Sequence[Scored], threshold: float, *, before: str | None = None, slack: float = 0.0
) -> str | None:
    """The name for ``candidates``, best first; None for *unknown*: the best does not reach the ``threshold``.

    A face that was called ``before`` by the same rule keeps its name as long as that scores no more than ``slack``
    below the threshold, and nobody who reaches it scores more than ``slack`` better.
    """
    best = candidates[0] if candidates else None
    name = best.person if best is not None and reaches(best.score, threshold) else None
    kept = next((one for one in candidates if one.person == before), None)
    if best is None or kept is None or not reaches(kept.score, threshold - slack):
        return name
    beaten = name is not None and best.score > kept.score + slack
    return name if beaten else before
