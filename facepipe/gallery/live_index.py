"""The index in memory, the file it rests in, and how both follow the record."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facepipe.decision.fusion import fuse
from facepipe.gallery import index_file
from facepipe.gallery.base import Ids, Index
from facepipe.gallery.faiss_index import FaissIndex
from facepipe.gallery.store import Record, Roster
from facepipe.records import Candidate, Floats

_log = logging.getLogger("facepipe")
_NONE = np.empty(0, np.int64)


class LiveIndex:
    """A reference never changes, so (id, stamp) says whether its vector is the one in the index: whatever state the
    index is of, adding the references it lacks and removing those that are gone makes it the record's."""

    def __init__(self, gallery: Path) -> None:
        self.path = gallery.with_name(gallery.name + ".faiss")
        self._before: int | None = None  # the record's state before this process's first write
        self._deleted = False  # by this process
        self._reset()

    def _reset(self) -> None:
        self._index: Index | None = None
        self._ids, self._stamps = _NONE, _NONE
        self._owners, self._names = _NONE, dict[int, str]()  # the person of each position, and their names
        self._state: int | None = None
        self._saved: int | None = None
        self._by_id, self._by_owner = _NONE, _NONE  # positions in order of id and of owner, once they are needed
        self.people = 0
        self.repaired = False  # the file was found wrong and has not been written since

    def __len__(self) -> int:
        return len(self._ids)

    def wrote(self, before: int) -> None:
        """This process has changed the record, which was in the state ``before``: the file may be of that state."""
        self._before = self._before or before

    def forget(self) -> None:
        """Drop what is in memory; the next ``follow`` starts from the file."""
        self._reset()

    def delete(self) -> None:
        """Delete the file: a removed vector must not live on in it."""
        self._deleted, self._saved = True, None
        index_file.delete(self.path)

    def follow(self, record: Record, replacing: bool = False) -> None:
        """Make the index in memory the record's. Call inside ``record.reading()``.

        Warns when the file was not as it should be; ``replacing``: it is about to be written, so it may well be old.
        """
        state, dimension = record.state, record.dimension
        if state == self._state or dimension is None:
            return
        if self._index is not None and self._index.dimension != dimension:  # another gallery was copied over this one
            self._reset()
        if self._index is None:
            self._load(record, replacing)
        self._catch_up(self._index or FaissIndex(dimension), record)
        self._state = state

    def rebuild(self, record: Record) -> None:
        """Make the index in memory from nothing but the record."""
        self._reset()
        if (dimension := record.dimension) is not None:
            self._catch_up(FaissIndex(dimension), record)
            self._state = record.state

    def _load(self, record: Record, replacing: bool) -> None:
        why = ""
        try:
            sealed = self.sealed(record)
            self._index, self._ids, self._stamps, self._saved = sealed.index, sealed.ids, sealed.stamps, sealed.state
            if not replacing and sealed.state not in (record.state, self._before):
                why = "not of the gallery's present state"
        except FileNotFoundError:
            if not replacing and not self._deleted and record.count("reference"):
                why = "missing"
        except index_file.OtherVersion:
            why = "of another version of facepipe"
        except index_file.Damaged as error:
            why = f"damaged ({error})"
        if why:
            self.repaired = True
            writable = os.access(self.path.parent, os.W_OK)
            remedy = "rebuilt from the gallery" if writable else "rebuilt in memory, as its folder cannot be written"
            _log.warning("%s: the search index is %s; %s, nothing is lost", self.path, why, remedy)

    def sealed(self, record: Record) -> index_file.Sealed:
        """The file's content if it is whole and this gallery's. Raises FileNotFoundError, index_file.Damaged."""
        sealed = index_file.read(self.path, FaissIndex(record.dimension or 0))
        if sealed.uuid != record.uuid:
            raise index_file.Damaged("it belongs to another gallery")
        return sealed

    def _catch_up(self, index: Index, record: Record) -> None:
        roster, ids = record.roster(), self._ids
        self._index = None  # until it is whole again: reading the record may fail half way
        at = np.searchsorted(roster.ids, ids)  # len(roster.ids) for those above: there the end mark is no id
        known = (np.append(roster.ids, -1)[at] == ids) & (np.append(roster.stamps, -1)[at] == self._stamps)
        if not known.all():
            index.remove(np.flatnonzero(~known))
            ids = ids[known]
        missing, parts = np.setdiff1d(roster.ids, ids, assume_unique=True), [ids]
        index.reserve(len(index) + len(missing))
        for batch, vectors in record.vectors(missing):
            index.add(vectors)
            parts.append(batch)
        ids = np.concatenate(parts)
        if len(ids) != len(roster.ids):
            raise record.corrupt("its tables contradict each other")
        at = np.searchsorted(roster.ids, ids)
        self._ids, self._stamps, self._owners, self._names = ids, roster.stamps[at], roster.persons[at], roster.names
        self._by_owner, self.people = _NONE, len(np.unique(self._owners))
        self._index = index

    def search(self, probes: Floats, top: int) -> list[tuple[Candidate, ...]]:
        """The ``top`` best people for each of ``probes`` (N, D), each person once, best first."""
        found: list[tuple[Candidate, ...]] = [()] * len(probes)
        if self._index is None or not len(self):
            return found
        top = min(top, self.people)
        k, pending = min(max(4 * top, 32), len(self)), np.arange(len(probes))
        while pending.size:
            scores, positions = self._index.search(probes[pending], k)
            for probe, row, at in zip(pending, scores, positions, strict=True):
                found[probe] = self._people(row, at, top)
            if k == len(self):
                break
            pending = np.array([probe for probe in pending if len(found[probe]) < top], np.int64)
            k = min(4 * k, len(self))  # a few people with many references hide the others: look further
        return found

    def fused(self, references: Sequence[int]) -> Floats:
        """For each of ``references`` (M,), by id, all references of its person as one: (M, D), see decision.fusion."""
        assert self._index is not None
        if not self._by_owner.size:
            self._by_id, self._by_owner = np.argsort(self._ids), np.argsort(self._owners, kind="stable")
        owners = self._owners[self._by_id[np.searchsorted(self._ids, references, sorter=self._by_id)]]
        ends = [np.searchsorted(self._owners, owners, side, sorter=self._by_owner) for side in ("left", "right")]
        places = np.concatenate([self._by_owner[start:end] for start, end in zip(*ends, strict=True)])
        return fuse(self._index.vectors(places), ends[1] - ends[0])

    def _people(self, scores: Floats, positions: Ids, top: int) -> tuple[Candidate, ...]:
        order = np.lexsort((self._ids[positions], -scores))  # equal scores: the earlier enrolment first
        scores, positions = scores[order].clip(-1, 1), positions[order]
        _, first = np.unique(self._owners[positions], return_index=True)
        names = self._names
        return tuple(
            Candidate(names[int(self._owners[positions[i]])], float(scores[i]), rank, int(self._ids[positions[i]]))
            for rank, i in enumerate(np.sort(first)[:top], 1)
        )

    def save(self, record: Record, must: bool = False) -> None:
        """Write the file if it is not of the record's present state; without waiting, as it can be rebuilt at any time.

        Other writers are kept out meanwhile, so a vector that somebody is removing cannot come back in this file.
        ``must``: wait for them, and raise OSError or sqlite3.Error where it cannot be written.
        """
        self.repaired = False
        if (
            self._index is None
            or self._state is None
            or self._saved == self._state
            or record.path is None
            or record.uuid is None
        ):
            return
        with record.exclusive(wait=must) as alone:
            if must:
                self.follow(record)  # somebody may have written meanwhile
            if not alone or record.state != self._state:
                return
            sealed = index_file.Sealed(record.uuid, self._state, self._ids, self._stamps, self._index)
            try:
                index_file.write(self.path, sealed, mode=record.path.stat().st_mode & 0o777)
                self._saved = self._state
            except OSError as error:
                if must:
                    raise
                _log.info("%s: could not be written (%s); searching goes on in memory", self.path, error)

    def differences(self, record: Record) -> list[str]:
        """How the file, and the index in memory if there is one, differ from the record, vector by vector."""
        found = []
        kind, sealed = self.kind(record)
        if kind != "valid":
            found.append(f"index: {kind}; the next search or `facepipe gallery rebuild` makes it anew")
        roster = record.roster()
        if sealed is not None and kind == "valid":
            found += _differences("index file", sealed.index, sealed.ids, record, roster)
        if self._index is not None and self._state == record.state:
            found += _differences("index in memory", self._index, self._ids, record, roster)
        return found

    def kind(self, record: Record) -> tuple[str, index_file.Sealed | None]:
        """ "valid", "missing", "stale" or "damaged", and the file's content unless missing or damaged."""
        try:
            sealed = self.sealed(record)
        except FileNotFoundError:
            return ("missing" if record.count("reference") else "valid"), None
        except index_file.OtherVersion:
            return "stale", None
        except index_file.Damaged:
            return "damaged", None
        return ("valid" if sealed.state == record.state else "stale"), sealed


def _differences(what: str, index: Index, ids: Ids, record: Record, roster: Roster) -> list[str]:
    order = np.argsort(ids)
    if not np.array_equal(ids[order], roster.ids):
        return [f"{what}: its references are not the record's"]
    start = 0
    for batch, expected in record.vectors(roster.ids):
        wrong = (index.vectors(order[start : start + len(batch)]) != expected).any(axis=1)
        if wrong.any():
            return [f"{what}: the vector of reference {batch[wrong][0]} is not the record's"]
        start += len(batch)
    return []
