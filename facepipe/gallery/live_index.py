"""The index in memory, the file it rests in, and how both follow the record."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facepipe.gallery import index_file
from facepipe.gallery.base import Ids, Index
from facepipe.gallery.faiss_index import FaissIndex
from facepipe.gallery.store import LIVE, Record, Roster
from facepipe.records import Floats
from facepipe.scoring.fusion import fuse

_log = logging.getLogger("facepipe")
_NONE = np.empty(0, np.int64)
_MIX, _MODULUS = 2654435761, 1 << 32  # Knuth's multiplicative hash: which people are a sample, whoever else comes


class LiveIndex:
    """A reference never changes, so (id, stamp) says whether its vector is the one in the index: whatever state the
    index is of, adding the references it lacks and removing those that are gone makes it the record's. A reference's
    position is its place in the order of ids.

    ``state``: the record's, that the index is of; ``backbone`` and ``dimension`` as of then, None before the first
    enrolment; ``people``: how many there are.
    """

    def __init__(self, gallery: Path) -> None:
        self.path = gallery.with_name(gallery.name + ".faiss")
        self._before: int | None = None  # the record's state before this process's first write
        self._deleted = False  # by this process
        self._reset()

    def _reset(self) -> None:
        self._index: Index | None = None
        self._ids, self._stamps = _NONE, _NONE
        self._owners, self._names = _NONE, dict[int, str]()  # the person of each position, and their names
        self._by_owner = _NONE  # positions in the order of owners, once they are needed
        self._saved: int | None = None
        self.state: int | None = None
        self.backbone: str | None = None
        self.dimension: int | None = None
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
        state = record.state
        if state == self.state:
            return
        if self.dimension not in (None, record.dimension):  # another gallery was copied over this one
            self._reset()
        self.backbone, self.dimension = record.backbone, record.dimension
        if self.dimension is None:
            return
        roster = record.roster()
        if self._index is None:
            self._load(record, replacing)
        self._catch_up(self._index or FaissIndex(self.dimension), record, roster)
        self.state = state

    def rebuild(self, record: Record) -> None:
        """Make the index in memory from nothing but the record."""
        self._reset()
        self.backbone, self.dimension = record.backbone, record.dimension
        if self.dimension is not None:
            self._catch_up(FaissIndex(self.dimension), record, record.roster())
            self.state = record.state

    def _load(self, record: Record, replacing: bool) -> None:
        why = ""
        try:
            sealed = self.sealed(record)
            self._index, self._ids, self._stamps, self._saved = sealed.index, sealed.ids, sealed.stamps, sealed.state
            if not replacing and sealed.state not in (record.state, self._before):
                why = "not of the gallery's present state"
        except FileNotFoundError:
            if not replacing and not self._deleted and record.count(LIVE):
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

    def _catch_up(self, index: Index, record: Record, roster: Roster) -> None:
        ids, stamps = self._ids, self._stamps
        # Nothing until it is whole again: reading the record may fail half way
        self._index, self._ids, self._stamps, self.state = None, _NONE, _NONE, None
        at = np.searchsorted(ids, roster.ids)  # len(ids) for those above: there the end mark is no id
        known = (np.append(ids, -1)[at] == roster.ids) & (np.append(stamps, -1)[at] == roster.stamps)
        kept = len(known) if known.all() else int(np.argmin(known))  # up to the first that is missing: order stays
        gone = np.ones(len(index), bool)
        gone[at[:kept]] = False
        if gone.any():
            index.remove(np.flatnonzero(gone))
        index.reserve(len(roster.ids))
        for _, vectors in record.vectors(roster.ids[kept:]):
            index.add(vectors)
        if len(index) != len(roster.ids):
            raise record.corrupt("its tables contradict each other")
        self._ids, self._stamps, self._owners, self._names = roster.ids, roster.stamps, roster.persons, roster.names
        self._by_owner, self.people = _NONE, len(np.unique(self._owners))
        self._index = index

    def nearest(self, probes: Floats, top: int) -> Ids:
        """The ``top`` people nearest to each of ``probes`` (N, D), nearest first, each once: the positions of their
        nearest references (N, T), T = min(top, people)."""
        found = np.empty((len(probes), min(top, self.people)), np.int64)
        if self._index is None or not found.size:
            return found
        top, pending = found.shape[1], list(range(len(probes)))
        k = min(max(4 * top, 32), len(self))
        while pending:
            scores, positions = self._index.search(probes[pending], k)
            order = np.lexsort((positions, -scores))  # equal scores: the earlier enrolment first
            positions = np.take_along_axis(positions, order, axis=1)
            short = []
            for probe, row, owners in zip(pending, positions, self._owners[positions], strict=True):
                best = _first_of_each(row.tolist(), owners.tolist(), top)
                if len(best) == top:
                    found[probe] = best
                else:
                    short.append(probe)
            pending, k = short, min(4 * k, len(self))  # a few people with many references hide others: look further
        return found

    def fused(self, positions: Ids) -> tuple[Floats, Ids]:
        """For each of ``positions`` (M,) all references of its person as one: (M, D), see decision.fusion; and how many
        they are (M,)."""
        assert self._index is not None
        if not self._by_owner.size:
            self._by_owner = np.argsort(self._owners, kind="stable")
        owners = self._owners[positions]
        ends = [np.searchsorted(self._owners, owners, side, sorter=self._by_owner) for side in ("left", "right")]
        places = np.concatenate([self._by_owner[start:end] for start, end in zip(*ends, strict=True)])
        counts = ends[1] - ends[0]
        return fuse(self._index.vectors(places), counts), counts

    def some(self, most: int) -> tuple[Floats, Ids, Ids]:
        """At most ``most`` references: everybody's first, then everybody's second, …; always of the same people, so
        that one more changes little. Their vectors (n, D), positions (n,) and persons (n,)."""
        order = np.argsort(self._owners, kind="stable")
        starts = np.searchsorted(self._owners[order], self._owners[order])
        turns = np.empty_like(order)
        turns[order] = np.arange(len(order)) - starts
        mixed = (self._owners * _MIX) % _MODULUS
        kept = np.lexsort((mixed, turns))[:most]
        if self._index is None:
            return np.empty((0, 0), np.float32), kept, self._owners[kept]
        return self._index.vectors(kept), kept, self._owners[kept]

    def named(self, position: int) -> tuple[str, int]:
        """Whose the reference at ``position`` is, and its id."""
        return self._names[int(self._owners[position])], int(self._ids[position])

    def save(self, record: Record, must: bool = False) -> None:
        """Write the file if it is not of the record's present state; without waiting, as it can be rebuilt at any time.

        Other writers are kept out meanwhile, so a vector that somebody is removing cannot come back in this file.
        ``must``: wait for them, and raise OSError or sqlite3.Error where it cannot be written.
        """
        self.repaired = False
        if (
            self._index is None
            or self.state is None
            or self._saved == self.state
            or record.path is None
            or record.uuid is None
        ):
            return
        with record.exclusive(wait=must) as alone:
            if must:
                self.follow(record)  # somebody may have written meanwhile
            if not alone or record.state != self.state:
                return
            sealed = index_file.Sealed(record.uuid, self.state, self._ids, self._stamps, self._index)
            try:
                index_file.write(self.path, sealed, mode=record.path.stat().st_mode & 0o777)
                self._saved = self.state
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
        if self._index is not None and self.state == record.state:
            found += _differences("index in memory", self._index, self._ids, record, roster)
        return found

    def kind(self, record: Record) -> tuple[str, index_file.Sealed | None]:
        """ "valid", "missing", "stale" or "damaged", and the file's content unless missing or damaged."""
        try:
            sealed = self.sealed(record)
        except FileNotFoundError:
            return ("missing" if record.count(LIVE) else "valid"), None
        except index_file.OtherVersion:
            return "stale", None
        except index_file.Damaged:
            return "damaged", None
        return ("valid" if sealed.state == record.state else "stale"), sealed


def _first_of_each(positions: Sequence[int], owners: Sequence[int], most: int) -> list[int]:
    """Of each owner the first of ``positions``, for the first ``most`` owners."""
    first: dict[int, int] = {}
    for position, owner in zip(positions, owners, strict=True):
        if owner not in first:
            first[owner] = position
            if len(first) == most:
                break
    return list(first.values())


def _differences(what: str, index: Index, ids: Ids, record: Record, roster: Roster) -> list[str]:
    if not np.array_equal(ids, roster.ids):
        return [f"{what}: its references are not the record's"]
    start = 0
    for batch, expected in record.vectors(roster.ids):
        wrong = (index.vectors(np.arange(start, start + len(batch))) != expected).any(axis=1)
        if wrong.any():
            return [f"{what}: the vector of reference {batch[wrong][0]} is not the record's"]
        start += len(batch)
    return []
