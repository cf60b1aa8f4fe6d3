"""What a watcher reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facepipe.records import BaseRecord, Candidate, Detection, Floats
from facepipe.records.arrays import cosine, rounded
from facepipe.words import place, printable, who


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TrackedFace(BaseRecord):
    """One face in one frame. ``track`` numbers from 1 and is never used again; ``detection`` has box and landmarks in
    this frame's px and the detector's last score; ``detected``: the detector saw it in this very frame, it was not only
    followed.

    ``candidates``: who it may be, best first, with whoever is named. Their ``score``, and ``score`` of the best, is the
    mean over the best ``chips`` of the track of what each scores with the person. ``name`` is None while not
    ``decided``, and then for *unknown*. ``guess``: the candidate who is named, or else the best.
    """

    track: int
    detection: Detection
    name: str | None
    score: float | None
    threshold: float
    candidates: tuple[Candidate, ...]
    decided: bool
    chips: int
    detected: bool

    @property
    def guess(self) -> Candidate | None:
        return _guess(self.name, self.candidates)

    def to_dict(self) -> dict[str, Any]:
        return {
            "track": self.track,
            **self.detection.to_dict(),
            "name": self.name,
            "match": None if self.score is None else cosine(self.score),
            "threshold": cosine(self.threshold),
            "decided": self.decided,
            "candidates": [candidate.to_dict() for candidate in self.candidates],
        }

    def __str__(self) -> str:
        return f"{self.track}, {_said(self.decided, self.name, self.guess)}, {place(self.detection.box)}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Event(BaseRecord):
    """What happened to a track: ``kind`` is "appeared" (it is no passing error), "named" (also: named otherwise) or
    "left". ``name`` is None while not ``decided``, and then for *unknown*. ``start`` and ``end``: when it was first and
    last seen until then, seconds by ``Frame.time``, and by ``Frame.at`` where frames have one. ``box`` (4,) image px:
    where it was last. ``candidates`` and ``guess`` as of a TrackedFace.
    """

    kind: str
    track: int
    name: str | None
    score: float | None
    threshold: float
    decided: bool
    start: float
    end: float
    start_at: datetime | None
    end_at: datetime | None
    box: Floats
    candidates: tuple[Candidate, ...] = ()

    @property
    def guess(self) -> Candidate | None:
        return _guess(self.name, self.candidates)

    def to_dict(self) -> dict[str, Any]:
        return {
            "event": self.kind,
            "track": self.track,
            "name": self.name,
            "score": None if self.score is None else cosine(self.score),
            "threshold": cosine(self.threshold),
            "decided": self.decided,
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "from": round(self.start, 3),
            "to": round(self.end, 3),
            "from_at": None if self.start_at is None else self.start_at.isoformat(),
            "to_at": None if self.end_at is None else self.end_at.isoformat(),
            "box": rounded(self.box),
        }

    def __str__(self) -> str:
        return f"{self.track} {self.kind}, {_said(self.decided, self.name, self.guess)}, {place(self.box)}"


def _said(decided: bool, name: str | None, guess: Candidate | None) -> str:
    return printable(who(name, guess)) if decided or name else "undecided"


def _guess(name: str | None, candidates: tuple[Candidate, ...]) -> Candidate | None:
    best = candidates[0] if candidates else None
    return next((candidate for candidate in candidates if candidate.person == name), best)
