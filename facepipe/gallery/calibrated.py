"""The calibration a gallery keeps, and the strangers its scores are corrected for."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from facepipe.errors import UsageError
from facepipe.gallery.base import Strangers
from facepipe.gallery.store import Record
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.cohort import FEWEST, Cohort

Known: TypeAlias = frozenset[tuple[str, str]]
"""People and the hashes of their images."""

_KEY = "calibration"
_INSERT = "INSERT INTO cohort (person, vector, fingerprint) VALUES (?, ?, ?)"
_INSERT_ENROLLED = """
    INSERT INTO cohort (person, vector, fingerprint)
    SELECT p.name, r.vector, r.fingerprint FROM reference r JOIN person p ON p.id = r.person_id WHERE r.id = ?
"""
_log = logging.getLogger("facepipe")


def read(record: Record) -> tuple[Calibration | None, Cohort | None]:
    """What the gallery has. A calibration whose cohort has become too small, as people were removed, holds no more."""
    text = record.meta(_KEY) if record.version > 2 else None
    if text is None:
        return None, None
    try:
        calibration = Calibration.from_json(str(text))
        if not calibration.corrected:
            return calibration, None
        rows = record.sql.execute(f"SELECT person, vector FROM {record.cohort} ORDER BY id").fetchall()
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f4").astype(np.float32)
        return calibration, Cohort(vectors.reshape(len(rows), -1), [person for person, _ in rows])
    except ValueError as error:
        _log.warning("%s: its calibration no longer holds (%s); calibrate again", record.path, error)
        return None, None


def describe(record: Record, calibration: Calibration | None) -> str | None:
    """In words what the gallery has, of which ``calibration`` is still of use."""
    if calibration is not None:
        return calibration.measured_on
    there = record.version > 2 and record.meta(_KEY) is not None
    return "holds no more; calibrate again, or remove it" if there else None


def known(record: Record) -> Known:
    """Who is enrolled, and of which images."""
    rows = record.sql.execute("SELECT p.name, r.fingerprint FROM reference r JOIN person p ON p.id = r.person_id")
    return frozenset(rows)


def write(record: Record, calibration: Calibration | None, cohort: Strangers | None, before: Known) -> None:
    """Put ``calibration`` in the place of what was there, with its ``cohort``, but for the people and the images that
    were ``known`` ``before`` and are not any more. Raises UsageError where too few strangers are left."""
    record.sql.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
    record.sql.execute(f"DELETE FROM {record.cohort}")
    if calibration is None:
        return
    if calibration.backbone != record.backbone:
        raise UsageError(
            f"{record.path}: holds templates of {record.backbone}, the calibration is for {calibration.backbone}"
        )
    record.sql.execute("INSERT INTO meta VALUES (?, ?)", (_KEY, calibration.to_json()))
    if cohort is None:
        return
    if cohort.references:  # by number: whoever was renamed or removed since they were read is
        record.sql.executemany(_INSERT_ENROLLED, [(number,) for number in cohort.references])
    else:
        vectors = [vector.astype("<f4").tobytes() for vector in cohort.vectors]
        gone = _marks(before) - _marks(known(record))
        rows = zip(cohort.people, vectors, cohort.images, strict=True)
        record.sql.executemany(_INSERT, [row for row in rows if gone.isdisjoint(_marks([(row[0], row[2])]))])
    (people,) = record.sql.execute(f"SELECT count(DISTINCT person) FROM {record.cohort}").fetchone()
    if people < FEWEST:
        raise UsageError(f"{record.path}: a cohort of {people} people is left, expected {FEWEST}; calibrate again")


def _marks(known: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Each of them, each person and each image."""
    return {mark for name, image in known for mark in ((name, image), (name, ""), ("", image)) if any(mark)}
