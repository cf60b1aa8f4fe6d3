"""Looking for damage that has not shown yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from facepipe.errors import GalleryError, NameInvalid
from facepipe.gallery.live_index import LiveIndex
from facepipe.gallery.names import clean_name
from facepipe.gallery.store import LIVE, Record


def problems(record: Record, index: LiveIndex) -> list[str]:
    """One line per problem, [] when there is none. Changes nothing. Call inside ``record.reading()``.

    The index is compared with a sound record only: otherwise the record has to be restored first.
    """
    found: list[str] = []
    try:
        for problem in _in_record(record):
            found.append(f"record: {problem}")
        if not found:
            found += index.differences(record)
    except (sqlite3.DatabaseError, GalleryError) as error:
        found.append(f"record: {error}")
    return found


def _in_record(record: Record) -> Iterator[str]:
    for (line,) in record.sql.execute("PRAGMA integrity_check(20)").fetchall():
        if line != "ok":
            yield line
    for table, row, parent, _ in record.sql.execute("PRAGMA foreign_key_check").fetchall():
        yield f"row {row} of {table} points to nothing in {parent}"
    people = "SELECT name, id IN (SELECT person_id FROM reference) FROM person"
    for name, has_references in record.sql.execute(people).fetchall():
        try:
            clean_name(name)
        except NameInvalid as error:
            yield str(error)
        if not has_references:
            yield f"{name} has no references"
    if _is_sound(record):
        return
    for (number,) in record.sql.execute(f"SELECT id FROM {LIVE}").fetchall():
        try:
            record.reference(number)
        except GalleryError as error:  # damaged, or listed in one table and not to be found in another
            yield str(error)


def _is_sound(record: Record) -> bool:
    """Whether every reference can be read, many at a time: where one cannot, each has to be looked at to tell which."""
    try:
        return sum(1 for _ in record.references()) == record.count(LIVE)
    except GalleryError:
        return False
