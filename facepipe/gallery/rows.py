"""How a reference is written down in the record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from functools import lru_cache

import numpy as np

from facepipe.gallery.base import NewReference
from facepipe.records import Floats, Quality


def fingerprint(new: NewReference) -> str:
    """What makes an enrolment the same one again: its image, or its vector where there is none."""
    return new.image_sha256 or "vector:" + hashlib.sha256(_vector(new)).hexdigest()


def image_of(mark: str) -> str:
    """The image's hash in a fingerprint, "" where there is none."""
    return "" if mark.startswith("vector:") else mark


def columns(new: NewReference) -> tuple[bytes, float, str | None, str, str]:
    """Vector, norm, quality, source and fingerprint, as the table ``reference`` has them."""
    source = new.source.encode("utf-8", "backslashreplace").decode()  # file names may hold half characters
    return _vector(new), float(new.template.norm), _quality(new.quality), source, fingerprint(new)


def _vector(new: NewReference) -> bytes:
    return new.template.vector.astype("<f4", copy=False).tobytes()


def places(landmarks: Floats | None) -> bytes | None:
    """Landmarks (5, 2) as the table ``thumbnail`` has them."""
    return None if landmarks is None else landmarks.astype("<f4").tobytes()


def points(data: bytes | None) -> Floats | None:
    """The landmarks again. Raises ValueError."""
    return None if data is None else np.frombuffer(data, "<f4").astype(np.float32).reshape(5, 2)


def _quality(quality: Quality | None) -> str | None:
    """Sharpness has a column of its own; the third number is for a facepipe of before that has the file open."""
    if quality is None:
        return None
    score, size, sharpness = float(quality.score), float(quality.size), float(quality.sharpness or 0.0)
    return f'{{"score": {score!r}, "size": {size!r}, "sharpness": {sharpness!r}}}'  # as json.dumps has it, sooner


def sharpness(quality: Quality | None) -> float | None:
    """As the table ``reference`` has it."""
    return None if quality is None or quality.sharpness is None else float(quality.sharpness)


def qualities(texts: Sequence[str | None], sharpnesses: Sequence[float | None]) -> list[Quality | None]:
    """The qualities (N,) again; the sharpness in a text may be that of an older facepipe, another measure. Raises
    KeyError, TypeError, ValueError."""
    told = ("null" if text is None else text for text in texts)
    known = json.loads(f"[{','.join(told)}]")  # in one call, which takes half the time
    seen = zip(known, sharpnesses, strict=True)
    return [None if row is None else Quality(row["score"], row["size"], sharpness) for row, sharpness in seen]


def now() -> datetime:
    return datetime.now(timezone.utc)


@lru_cache(maxsize=1)  # one enrolment has one time
def iso(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")
