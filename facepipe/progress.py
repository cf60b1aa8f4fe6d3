"""How far long work has come."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with what is being done (a step, a view, a file), how much of it is done, and how much there is (0: nobody
knows)."""


def quiet(step: str, done: int, total: int) -> None:
    """Tells nobody."""
