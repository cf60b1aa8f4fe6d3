"""What a watcher reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facepipe.records import Candidate, Detection, Floats


@dataclass(frozen=True, slots=True, eq=False)
class TrackedFace:
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


@dataclass(frozen=True, slots=True, eq=False)
class Event:
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


def _guess(name: str | None, candidates: tuple[Candidate, ...]) -> Candidate | None:
    best = candidates[0] if candidates else None
    return next((candidate for candidate in candidates if candidate.person == name), best)
