"""People: what they agreed to, what is stored of them, and who a face may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facepipe import words
from facepipe.records.arrays import cosine, share
from facepipe.records.faces import Quality, Template
from facepipe.records.record import BaseRecord

MOST_WORDING = 10_000  # characters of a consent


@dataclass(frozen=True, slots=True, repr=False)
class Consent(BaseRecord):
    """What a person agreed to when they were enrolled: the ``wording`` they were shown, ``given_at`` (UTC)."""

    wording: str
    given_at: datetime

    def __post_init__(self) -> None:
        if not isinstance(self.wording, str) or not 0 < len(self.wording.strip()) <= len(self.wording) <= MOST_WORDING:
            raise ValueError(f"Consent.wording: expected 1 to {MOST_WORDING} characters, not only spaces")
        if any(0xD800 <= ord(character) < 0xE000 for character in self.wording):
            raise ValueError("Consent.wording: expected text that can be written as UTF-8")
        if self.given_at.tzinfo is None:
            raise ValueError("Consent.given_at: expected a time with its offset from UTC")

    def to_dict(self) -> dict[str, Any]:
        return {"wording": self.wording, "given_at": self.given_at.isoformat()}

    def __str__(self) -> str:
        return f"{self.given_at.isoformat()}: {words.printable(self.wording)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Reference(BaseRecord):
    """A template stored under a person. ``id`` grows with every enrolment and is never used again;
    ``image_sha256`` is ``Image.sha256`` of the picture it came from; ``enrolled_at`` is UTC; ``consent`` is None when
    none was recorded."""

    id: int
    person: str
    template: Template
    quality: Quality | None
    source: str
    image_sha256: str
    enrolled_at: datetime
    consent: Consent | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "person": self.person,
            "source": self.source,
            "enrolled_at": self.enrolled_at.isoformat(),
            "quality": None if self.quality is None else self.quality.to_dict(),
            "consent": None if self.consent is None else self.consent.to_dict(),
        }

    def __str__(self) -> str:
        return f"{self.id}, {words.printable(self.person)}, {words.printable(self.source)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Candidate(BaseRecord):
    """A person the probe may be; ``rank`` from 1.

    ``score`` (−1..1): the cosine to the person's reference, or to all of them as one (facepipe.scoring.fusion),
    corrected where the gallery is calibrated with a cohort. ``reference_id`` is their nearest. ``probability`` that it
    is this person, where that was measured: for half of the probes nobody enrolled, for the rest everybody as likely.
    """

    person: str
    score: float
    rank: int
    reference_id: int
    probability: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "person": self.person,
            "score": cosine(self.score),
            "rank": self.rank,
            "reference": self.reference_id,
            "probability": share(self.probability),
        }

    def __str__(self) -> str:
        return f"{self.rank}, {words.printable(words.who(self.person, self))}, score {self.score:.3f}"
