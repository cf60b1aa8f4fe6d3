"""How an answer is said, alike in shell, pictures and reports: who it is, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facepipe.records import Candidate

WORTH_SAYING = 0.05  # the least probability with which a stranger's nearest is named; any stranger may have 1 %


def percent(probability: float) -> str:
    """ "98 %", and nearer to the ends "0.4 %" and "99.6 %": nothing is said to be wholly certain or impossible."""
    if probability < 0.0005:
        return "under 0.1 %"
    value = min(100 * probability, 99.9)
    return f"{value:.{0 if 1 <= value <= 99 else 1}f}".removesuffix(".0") + " %"


def who(name: str | None, guess: Candidate | None, joint: str = ", ") -> str:
    """ "Ada, 98 %"; "unknown; nearest Ada, 7 %"; "unknown" where the nearest is none worth naming. ``guess``: who is
    named, or else comes nearest. Without a probability only the name."""
    odds = None if guess is None else guess.probability
    if name is not None:
        return name if odds is None else f"{name}{joint}{percent(odds)}"
    if guess is None or odds is None or odds < WORTH_SAYING:
        return "unknown"
    return f"unknown; nearest {guess.person}, {percent(odds)}"
