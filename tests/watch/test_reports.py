"""What a watcher's reports say and tell."""

import json
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from facepipe.records import BaseRecord, Candidate, Detection
from facepipe.watch import Event, TrackedFace

BOX = np.array([10, 20, 40, 80], np.float32)
FOUND = Detection(BOX, 0.9, np.zeros((5, 2), np.float32))
ADA = (Candidate("Ada", 0.8, 1, 3, 0.98),)
WHEN = datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc)


def face(name: str | None, decided: bool) -> TrackedFace:
    return TrackedFace(4, FOUND, name, 0.80004, 0.33564, ADA, decided, 2, True)


def event(name: str | None, decided: bool, at: datetime | None = None) -> Event:
    return Event("left", 4, name, None if at is None else 0.8, 0.3, decided, 1.00049, 2.5, at, at, BOX, ADA)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (face("Ada", True), "4, Ada, 98 %, 30×60 px at (10, 20)"),
        (face(None, True), "4, unknown; nearest Ada, 98 %, 30×60 px at (10, 20)"),
        (face(None, False), "4, undecided, 30×60 px at (10, 20)"),
        (event("Ada", True), "4 left, Ada, 98 %, 30×60 px at (10, 20)"),
        (event(None, False), "4 left, undecided, 30×60 px at (10, 20)"),
    ],
)
def test_they_say_who_and_where(record: BaseRecord, said: str) -> None:
    assert str(record) == said
    assert repr(record) == f"<{type(record).__name__}: {said}>"


def test_they_tell_themselves_to_json() -> None:
    told: dict[str, Any] = json.loads(json.dumps(face("Ada", True).to_dict()))
    about = {"name": "Ada", "match": 0.8, "threshold": 0.3356, "decided": True, "candidates": [ADA[0].to_dict()]}
    assert told == {"track": 4} | FOUND.to_dict() | about
    told = json.loads(json.dumps(event("Ada", True, WHEN).to_dict()))
    assert told == {
        "event": "left",
        "track": 4,
        "name": "Ada",
        "score": 0.8,
        "threshold": 0.3,
        "decided": True,
        "candidates": [ADA[0].to_dict()],
        "from": 1.0,
        "to": 2.5,
        "from_at": "2026-11-23T09:30:00+00:00",
        "to_at": "2026-11-23T09:30:00+00:00",
        "box": [10, 20, 40, 80],
    }
    told = event(None, False).to_dict()
    assert (told["score"], told["from_at"], told["to_at"]) == (None, None, None)
