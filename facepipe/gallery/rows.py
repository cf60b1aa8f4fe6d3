"""How a reference is written down in the record."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from functools import lru_cache

from facepipe.gallery.base import NewReference
from facepipe.records import Quality


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


def _quality(quality: Quality | None) -> str | None:
    if quality is None:
        return None
    return json.dumps({"score": quality.score, "size": quality.size, "sharpness": quality.sharpness})


def now() -> datetime:
    return datetime.now(timezone.utc)


@lru_cache(maxsize=1)  # one enrolment has one time
def iso(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="microseconds")
