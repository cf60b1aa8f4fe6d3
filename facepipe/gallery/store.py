"""The record: who is enrolled, with which references. Every query of the gallery is on this page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import numpy as np

from facepipe.errors import GalleryCorrupt, PersonExists, ReferenceNotFound
from facepipe.gallery.base import Ids, NewReference, Person, Tally, first_fault
from facepipe.gallery.database import Database
from facepipe.gallery.names import not_found
from facepipe.gallery.rows import columns, image_of, iso, now, places, points, qualities, sharpness
from facepipe.records import Consent, Floats, Reference, StoredChip, Template

Entry = tuple[str, NewReference, datetime]  # person, reference, enrolled at (UTC)

_REFERENCES = """
    SELECT r.id, p.name, r.vector, r.norm, r.quality, {sharpness}, r.source, r.fingerprint, r.enrolled_at, {consent}
    FROM reference r JOIN person p ON p.id = r.person_id
"""
_CONSENTED = _REFERENCES.replace("{consent}", "c.wording, c.given_at") + "LEFT JOIN consent c ON c.reference_id = r.id"
_OF_VERSION_1 = _REFERENCES.replace("{consent}", "NULL, NULL")
BATCH = 8192  # rows looked over at once
LIVE = "reference WHERE stamp"  # without those that the network in force could not make (schema.FORMER)
_PEOPLE = """
    SELECT p.id, p.name, n, first_id, first.enrolled_at, last.enrolled_at
    FROM (SELECT person_id AS whose, count(*) AS n, min(id) AS first_id, max(id) AS last_id
          FROM reference WHERE stamp GROUP BY 1)
    JOIN person p ON p.id = whose
    JOIN reference first ON first.id = first_id JOIN reference last ON last.id = last_id
"""
_INSERT = """
    INSERT INTO reference (person_id, stamp, vector, norm, quality, source, fingerprint, enrolled_at, sharpness)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (fingerprint, person_id) DO UPDATE
    SET (stamp, vector, norm, quality, source, enrolled_at, sharpness) = (excluded.stamp, excluded.vector,
    excluded.norm, excluded.quality, excluded.source, excluded.enrolled_at, excluded.sharpness) WHERE stamp = 0
"""
_WITH_IT = "FROM reference WHERE person_id = ? AND fingerprint = ? AND stamp = ? ON CONFLICT DO NOTHING"
_INSERT_THUMBNAIL = f"INSERT INTO thumbnail (image, landmarks, reference_id) SELECT ?, ?, id {_WITH_IT}"
_INSERT_CONSENT = f"INSERT INTO consent (wording, given_at, reference_id) SELECT ?, ?, id {_WITH_IT}"
# What the network in force could not make: enrolled again it is made of what is new
_FORGET_PICTURE = """
    DELETE FROM thumbnail WHERE reference_id IN
    (SELECT id FROM reference WHERE person_id = ? AND fingerprint = ? AND stamp = 0)
"""
_FORGET_UNMADE = """
    DELETE FROM reference WHERE person_id = :target AND stamp = 0
    AND fingerprint IN (SELECT fingerprint FROM reference WHERE person_id = :person AND stamp)
"""
_MOVE_COHORT = "UPDATE cohort SET person = :into WHERE person = (SELECT name FROM person WHERE id = :person)"
_KEEP_CONSENT = """
    INSERT INTO consent (reference_id, wording, given_at)
    SELECT kept.id, c.wording, c.given_at
    FROM reference gone JOIN consent c ON c.reference_id = gone.id
    JOIN reference kept ON kept.fingerprint = gone.fingerprint AND kept.person_id = :target
    WHERE gone.person_id = :person ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """Which references there are: ``ids``, ``stamps``, ``persons`` (R,) by id ascending; ``names`` of the persons."""

    ids: Ids
    stamps: Ids
    persons: Ids
    names: dict[int, str]


class Record(Database):
    """Writes belong inside ``writing()``. Names are expected clean (names.py), vectors checked (base.py)."""

    @property
    def uuid(self) -> bytes | None:
        found = self.meta("uuid")
        return found if isinstance(found, bytes) else None

    @property
    def backbone(self) -> str | None:
        found = self.meta("backbone")
        return None if found is None else str(found)

    @property
    def dimension(self) -> int | None:
        found = self.meta("dimension")
        return None if found is None else int(found)

    def bind(self, backbone: str, dimension: int) -> None:
        """From now on the gallery holds templates of this backbone only."""
        self.sql.executemany("INSERT INTO meta VALUES (?, ?)", [("backbone", backbone), ("dimension", dimension)])

    # Writing

    def add(self, entries: Sequence[Entry], stamp: int) -> Tally:
        """Enrol ``entries`` in order; one whose image its person has already is skipped."""
        people = {name: number for number, name in self.sql.execute("SELECT id, name FROM person")}
        some = (entries[start : start + BATCH] for start in range(0, len(entries), BATCH))
        added = sum(self._add_some(part, stamp, people) for part in some)
        return Tally(added, len(entries) - added)

    def _add_some(self, entries: Sequence[Entry], stamp: int, people: dict[str, int]) -> int:
        rows, thumbnails, consents = [], [], []
        for name, new, enrolled_at in entries:
            if name not in people:
                people[name] = self._add_person(name)
            row = columns(new)
            rows.append((people[name], stamp, *row, iso(enrolled_at), sharpness(new.quality)))
            which = (people[name], row[-1], stamp)
            if new.thumbnail is not None:
                thumbnails.append((new.thumbnail, places(new.landmarks), *which))
            if new.consent is not None:
                consents.append((new.consent.wording, iso(new.consent.given_at), *which))
        if self.meta("former_backbone") is not None:
            self.sql.executemany(_FORGET_PICTURE, [(row[0], row[6]) for row in rows])
        added = self.sql.executemany(_INSERT, rows).rowcount
        self.sql.executemany(_INSERT_THUMBNAIL, thumbnails)
        self.sql.executemany(_INSERT_CONSENT, consents)
        return added

    def _add_person(self, name: str) -> int:
        made = self.sql.execute("INSERT INTO person (name, created_at) VALUES (?, ?)", (name, iso(now())))
        return int(made.lastrowid or 0)

    def rename(self, old: str, new: str) -> None:
        person = self.person(old)
        if new == old:
            return
        if self.sql.execute("SELECT 1 FROM person WHERE name = ?", (new,)).fetchone():
            raise PersonExists(
                f"{new}: somebody of this name is enrolled already; to make {old} and {new} one, merge them"
            )
        self.sql.execute("UPDATE person SET name = ? WHERE id = ?", (new, person))

    def merge(self, sources: Sequence[str], into: str) -> Tally:
        target = self.person(into)
        moved = dropped = 0
        for person in {self.person(name): None for name in sources}:  # a dict: each once, in order
            if person == target:
                continue
            self.sql.execute(_FORGET_UNMADE, {"person": person, "target": target})
            move = "UPDATE OR IGNORE reference SET person_id = ? WHERE person_id = ?"
            moved += self.sql.execute(move, (target, person)).rowcount
            self.sql.execute(_KEEP_CONSENT, {"person": person, "target": target})
            self.sql.execute(_MOVE_COHORT, {"person": person, "into": into})
            dropped += self._remove(person)
        return Tally(moved, dropped)

    def remove(self, name: str) -> int:
        return self._remove(self.person(name))

    def _remove(self, person: int) -> int:
        gone = self.sql.execute("DELETE FROM reference WHERE person_id = ?", (person,)).rowcount
        self.sql.execute("DELETE FROM person WHERE id = ?", (person,))
        return gone

    def remove_reference(self, number: int) -> Reference:
        """Remove one reference; with the last one goes the person."""
        found = self.reference(number)
        self.sql.execute("DELETE FROM reference WHERE id = ?", (number,))
        left = "SELECT person_id FROM reference"
        self.sql.execute(f"DELETE FROM person WHERE name = ? AND id NOT IN ({left})", (found.person,))
        return found

    # Reading

    def person(self, name: str) -> int:
        row = self.sql.execute("SELECT id FROM person WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise not_found(name, [known for (known,) in self.sql.execute("SELECT name FROM person")])
        return int(row[0])

    def people(self, number: int | None = None) -> list[Person]:
        """Everybody, or the person of this number."""
        where, values = ("", ()) if number is None else ("WHERE p.id = ?", (number,))
        rows = self.sql.execute(f"{_PEOPLE} {where} ORDER BY p.id", values)
        try:
            return [Person(id, name, n, one, _time(first), _time(last)) for id, name, n, one, first, last in rows]
        except (TypeError, ValueError) as error:
            raise self.corrupt(str(error)) from None

    @property
    def _references(self) -> str:
        version = self.version
        wanted = _CONSENTED if version > 1 else _OF_VERSION_1
        return wanted.format(sharpness="r.sharpness" if version > 5 else "NULL") + " WHERE r.stamp"

    def references(self, name: str | None = None) -> Iterator[Reference]:
        where, values = ("", ()) if name is None else ("AND p.id = ?", (self.person(name),))
        cursor = self.sql.execute(f"{self._references} {where} ORDER BY r.id", values)
        backbone, batches = self.backbone or "", iter(lambda: cursor.fetchmany(BATCH), [])
        return chain.from_iterable(self._read(rows, backbone) for rows in batches)

    def reference(self, number: int) -> Reference:
        row = self.sql.execute(f"{self._references} AND r.id = ?", (number,)).fetchone()
        if row is None:
            raise ReferenceNotFound(
                f"{number}: there is no reference of this number; see those of a person (people show)"
            )
        return self._read([row], self.backbone or "")[0]

    def find(self, person: str, mark: str, stamp: int | None = None) -> int | None:
        """The id of ``person``'s reference with the fingerprint ``mark`` (written at ``stamp``), or None."""
        row = self.sql.execute(
            "SELECT r.id FROM reference r JOIN person p ON p.id = r.person_id"
            " WHERE p.name = ? AND r.fingerprint = ? AND ifnull(r.stamp = ?, r.stamp)",
            (person, mark, stamp),
        ).fetchone()
        return None if row is None else int(row[0])

    def holders(self, mark: str) -> dict[str, int]:
        """The people who have a reference with the fingerprint ``mark``, and its id."""
        query = "SELECT p.name, r.id FROM reference r JOIN person p ON p.id = r.person_id WHERE r.fingerprint = ?"
        return dict(self.sql.execute(f"{query} AND r.stamp ORDER BY r.id", (mark,)))

    def chip(self, number: int) -> StoredChip | None:
        return next((chip for _, chip in self.chips("WHERE reference_id = ?", (number,))), None)

    def chips(self, where: str = "", values: tuple[int, ...] = ()) -> Iterator[tuple[int, StoredChip]]:
        """With the id of their reference, ascending."""
        landmarks = "landmarks" if self.version > 4 else "NULL"
        query = f"SELECT reference_id, image, {landmarks} FROM thumbnail {where} ORDER BY reference_id"
        for number, image, marks in self.sql.execute(query, values):
            try:
                yield number, StoredChip(bytes(image), points(marks))
            except ValueError as error:
                raise self._damaged(number, str(error)) from None

    @property
    def cohort(self) -> str:
        """The table of the strangers in force."""
        return "cohort WHERE NOT former" if self.version > 4 else "cohort"

    def count(self, table: str) -> int:
        return int(self.sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    # For the index

    def roster(self) -> Roster:
        rows = self.sql.execute(f"SELECT id, stamp, person_id FROM {LIVE}")  # answered from the index ``roster``
        try:
            table = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 3)
        except (TypeError, ValueError, OverflowError):
            raise self.corrupt("a reference is without a number") from None
        order = np.argsort(table[:, 0])
        ids, stamps, persons = (column[order] for column in table.T)
        names: dict[int, str] = dict(self.sql.execute("SELECT id, name FROM person"))
        if np.setdiff1d(persons, np.fromiter(names, np.int64, len(names))).size:
            raise self.corrupt("a reference belongs to nobody")
        return Roster(ids, stamps, persons, names)

    def vectors(self, ids: Ids, batch: int = BATCH) -> Iterator[tuple[Ids, Floats]]:
        """The vectors of ``ids`` (ascending), in batches: ids (n,) and vectors (n, D). Raises GalleryCorrupt."""
        if not ids.size:
            return
        wanted = set(ids.tolist())
        cursor = self.sql.execute(
            "SELECT id, vector FROM reference WHERE id BETWEEN ? AND ? ORDER BY id", (int(ids[0]), int(ids[-1]))
        )
        while rows := cursor.fetchmany(batch):
            kept = [(number, vector) for number, vector in rows if number in wanted]
            if kept:
                yield np.array([number for number, _ in kept], np.int64), self._decode(kept)

    def _decode(self, rows: Sequence[tuple[int, bytes]]) -> Floats:
        size = 4 * (self.dimension or 0)
        for number, vector in rows:
            if not isinstance(vector, bytes) or len(vector) != size:
                raise self._damaged(number, f"expected a vector of {size} bytes")
        vectors = np.frombuffer(b"".join(vector for _, vector in rows), "<f4").astype(np.float32)
        vectors = vectors.reshape(len(rows), -1)
        if fault := first_fault(vectors):
            raise self._damaged(rows[fault[0]][0], fault[1])
        return vectors

    def _read(self, rows: Sequence[tuple[Any, ...]], backbone: str) -> list[Reference]:
        """References of ``rows`` of _REFERENCES. Raises GalleryCorrupt, which names one that is damaged."""
        try:
            ids, names, vectors, norms, seen, sharp, sources, marks, times, wordings, given = zip(*rows, strict=True)
            templates = Template.many(self._decode(list(zip(ids, vectors, strict=True))), norms, backbone)
            agreed = zip(wordings, given, strict=True)
            consents = [None if wording is None else Consent(wording, _time(at)) for wording, at in agreed]
            images, enrolled = map(image_of, marks), map(_time, times)
            columns = (ids, names, templates, qualities(seen, sharp), sources, images, enrolled, consents)
            return list(map(Reference, *columns))
        except (TypeError, ValueError, KeyError) as error:
            if len(rows) > 1:
                return [self._read([row], backbone)[0] for row in rows]
            raise self._damaged(rows[0][0], str(error)) from None

    def _damaged(self, number: int, why: str) -> GalleryCorrupt:
        return self.corrupt(f"reference {number}: {why}")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
