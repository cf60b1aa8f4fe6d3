"""What may be wrong in a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from facepipe.doctor.remedy import Step


class Kind(str, Enum):
    """The kinds of finding, the most important first."""

    LYING = "lying"
    MISLABELLED = "mislabelled"
    SAME_PICTURE = "same-picture"
    TWO_NAMES = "two-names"
    STRAY = "stray"
    WEAK = "weak"
    FEW = "few"
    SAME_SHOT = "same-shot"

    @property
    def advice(self) -> bool:
        """Whether it is only something that would do the gallery good, not something that looks wrong."""
        return self in (Kind.FEW, Kind.SAME_SHOT)


@dataclass(frozen=True, slots=True)
class Pictured:
    """A reference that a finding is about: its ``id``, whose it is, and where it came from."""

    id: int
    person: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that looks wrong, or would be better otherwise.

    ``references`` are those it is about; ``beside`` some to compare them with, of their person, then of the ``other``.
    ``sure``: the probability that it is so, where it can be said. ``score``: likeness to the ``other``; ``own``:
    likeness to the rest of the person. Both are fused cosines, from 200 people on corrected for how near others
    come. ``reasons`` why a picture is poor: "small", "blurred"; ``remedy``: the commands that mend it.
    """

    kind: Kind
    person: str
    references: tuple[Pictured, ...]
    beside: tuple[Pictured, ...] = ()
    other: str | None = None
    sure: float | None = None
    score: float | None = None
    own: float | None = None
    reasons: tuple[str, ...] = ()
    remedy: tuple[Step, ...] = ()

    @property
    def names(self) -> frozenset[str | None]:
        """The person and the ``other``."""
        return frozenset((self.person, self.other))
