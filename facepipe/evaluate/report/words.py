"""How figures of an evaluation are said: shares, intervals, rates, and which are unsteady; English and Chinese."""

from __future__ import annotations

import math

from facepipe.evaluate.measures.bootstrap import Estimate
from facepipe.evaluate.measuring import COSINE
from facepipe.page.view import Text

STEADY = 30  # errors: fewer make a figure that another sample would change a lot (Doddington's rule)


def kind_of(score: str) -> Text:
    """What a kind of score is called."""
    return Text("cosine", "余弦") if score == COSINE else Text("corrected", "校正后")


def percent(share: float) -> str:
    """Three digits that matter, about: 97.6%, 99.50%, 0.10%, 0.0012%."""
    if share in (0, 1):
        return f"{share:.0%}"
    if 0.1 <= share < 0.995:
        return f"{share:.1%}"
    digits = 2 if share >= 0.0005 else 1 - math.floor(math.log10(100 * share))
    return f"{100 * share:.{digits}f}%"


def interval(rate: Estimate | None) -> str:
    if rate is None or rate.low is None or rate.high is None:
        return ""
    return f"{percent(rate.low).rstrip('%')}–{percent(rate.high)}"


def exponent(rate: float) -> str:
    """1e-3."""
    return f"{rate:.0e}".replace("e-0", "e-")


def one_in(rate: float) -> str:
    return f"1 in {round(1 / rate):,}"


def several(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def of_both(genuine: int, impostor: int) -> Text:
    """The pairs that a figure is of."""
    return Text(f"{genuine:,} of one person, {impostor:,} of two", f"同一人 {genuine:,} 对，不同人 {impostor:,} 对")


def unsteady(number: int, thing: str, zh: str) -> Text:
    """Added to a figure that rests on too few; empty for one that does not. ``zh``: the thing with its counter."""
    if number >= STEADY:
        return Text("", "")
    return Text(f"; unsteady, it rests on {several(number, thing)}", f"；仅依据 {number} {zh}，不稳定")
