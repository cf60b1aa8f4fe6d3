"""The calibration a gallery keeps, and the strangers its scores are corrected for."""

from __future__ import annotations

import logging

import numpy as np

from facepipe.decision.calibration import Calibration
from facepipe.decision.cohort import Cohort
from facepipe.errors import UsageError
from facepipe.gallery.base import Strangers
from facepipe.gallery.store import Record

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
        rows = record.sql.execute("SELECT person, vector FROM cohort ORDER BY id").fetchall()
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f4").astype(np.float32)
        return calibration, Cohort(vectors.reshape(len(rows), -1), [person for person, _ in rows])
    except ValueError as error:
        _log.warning("%s: its calibration holds no more (%s); calibrate again", record.path, error)
        return None, None


def describe(record: Record, calibration: Calibration | None) -> str | None:
    """In words what the gallery has, of which ``calibration`` is still of use."""
    if calibration is not None:
        return calibration.measured_on
    there = record.version > 2 and record.meta(_KEY) is not None
    return "holds no more; calibrate again, or remove it" if there else None


def known(record: Record) -> frozenset[str]:
    """Whoever is enrolled, by name, and of which images, by their hash."""
    rows = record.sql.execute("SELECT name FROM person UNION SELECT fingerprint FROM reference")
    return frozenset(mark for (mark,) in rows)


def write(
    record: Record, calibration: Calibration | None, cohort: Strangers | None, known_before: frozenset[str]
) -> None:
    """Put ``calibration`` in the place of what was there, with its ``cohort``, but for whoever of ``known_before`` is
    not ``known`` any more."""
    record.sql.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
    record.sql.execute("DELETE FROM cohort")
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
        return
    vectors = [vector.astype("<f4").tobytes() for vector in cohort.vectors]
    gone = known_before - known(record)
    rows = zip(cohort.people, vectors, cohort.images, strict=True)
    record.sql.executemany(_INSERT, [row for row in rows if row[0] not in gone and row[2] not in gone])
