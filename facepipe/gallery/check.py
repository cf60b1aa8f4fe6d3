"""Looking for damage that has not shown yet."""

from __future__ import annotations

import sqlite3

from facepipe.errors import GalleryCorrupt, NameInvalid
from facepipe.gallery.live_index import LiveIndex
from facepipe.gallery.names import clean_name
from facepipe.gallery.store import Record


def problems(record: Record, index: LiveIndex) -> list[str]:
    """One line per problem, [] when there is none. Changes nothing. Call inside ``record.reading()``."""
    try:
        return [*_record(record), *index.differences(record)]
    except (sqlite3.DatabaseError, GalleryCorrupt) as error:
        return [f"record: {error}"]


def _record(record: Record) -> list[str]:
    found = [f"record: {line}" for (line,) in record.sql.execute("PRAGMA integrity_check(20)") if line != "ok"]
    for table, row, parent, _ in record.sql.execute("PRAGMA foreign_key_check"):
        found.append(f"record: row {row} of {table} points to nothing in {parent}")
    people = record.sql.execute("SELECT name, id IN (SELECT person_id FROM reference) FROM person").fetchall()
    for name, has_references in people:
        try:
            clean_name(name)
        except NameInvalid as error:
            found.append(f"record: {error}")
        if not has_references:
            found.append(f"record: {name} has no references")
    for number in record.sql.execute("SELECT id FROM reference").fetchall():
        try:
            record.reference(*number)
        except GalleryCorrupt as error:
            found.append(f"record: {error}")
    return found
