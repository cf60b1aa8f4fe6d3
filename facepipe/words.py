"""How an answer is said, alike in shell, Python, pictures and reports: who it is, how sure that is, and where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from facepipe.scoring.decide import reaches

_JOINERS = "\u200c\u200d"  # invisible, harmless, and part of emoji and of Persian: they survive being copied
WORTH_SAYING = 0.05  # the least probability with which a stranger's nearest is named; any stranger may have 1 %


class Guess(Protocol):
    """As much of a candidate as is said."""

    @property
    def person(self) -> str: ...
    @property
    def probability(self) -> float | None: ...


def is_harmless(character: str) -> bool:
    """Whether a terminal shows it, or is not changed by it."""
    return character.isprintable() or character in _JOINERS


def printable(text: str) -> str:
    """The text on one line, control and direction-changing characters as escapes: names cannot repaint a terminal."""
    return "".join(c if is_harmless(c) else c.encode("unicode_escape").decode() for c in text)


def count(number: int, thing: str, things: str | None = None) -> str:
    """ "1 face", "2 faces" """
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def percent(probability: float) -> str:
    """ "98 %", and nearer to the ends "0.4 %" and "99.6 %": nothing is said to be wholly certain or impossible."""
    if probability < 0.0005:
        return "under 0.1 %"
    value = min(100 * probability, 99.9)
    return f"{value:.{0 if 1 <= value <= 99 else 1}f}".removesuffix(".0") + " %"


def who(name: str | None, guess: Guess | None, joint: str = ", ") -> str:
    """ "Ada, 98 %"; "unknown; nearest Ada, 7 %"; "unknown" where the nearest is none worth naming. ``guess``: who is
    named, or else comes nearest. Without a probability only the name."""
    odds = None if guess is None else guess.probability
    if name is not None:
        return name if odds is None else f"{name}{joint}{percent(odds)}"
    if guess is None or odds is None or odds < WORTH_SAYING:
        return "unknown"
    return f"unknown; nearest {guess.person}, {percent(odds)}"


def against(score: float, threshold: float) -> str:
    """ "0.798 ≥ 0.335" """
    return f"{score:.3f} {'≥' if reaches(score, threshold) else '<'} {threshold:.3f}"


def place(box: Iterable[float]) -> str:
    """ "222×324 px at (386, 94)": of x0, y0, x1, y1 in image px."""
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return f"{x1 - x0}×{y1 - y0} px at ({x0}, {y0})"


def match(matches: bool, score: float, threshold: float, probability: float | None) -> str:
    """ "match, 99 % likely to be one person  (0.798 ≥ 0.335)" """
    verdict, why = "match" if matches else "no match", against(score, threshold)
    if probability is None:
        return f"{verdict}, {why}"
    return f"{verdict}, {percent(probability)} likely to be one person  ({why})"
