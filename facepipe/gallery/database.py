"""The record's file: how it is recognised, made, locked and written.

A rollback journal, not WAL: Python may link an SQLite whose WAL can lose a commit (3.7.0 to 3.51.2), and this way a
gallery is one file that can also be read in a read-only folder. ``synchronous=EXTRA`` makes a commit survive a power
cut, ``secure_delete`` overwrites what is deleted.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from facepipe.errors import GalleryCorrupt
from facepipe.gallery.faults import RESTORE, no_gallery
from facepipe.gallery.schema import APPLICATION_ID, SCHEMA, SCHEMA_VERSION, UPGRADES


@dataclass(frozen=True, slots=True)
class Writing:
    """A write transaction: the record's state ``before`` it, and its own ``stamp``, the state after it."""

    before: int
    stamp: int


class Database:
    """An open record. ``state`` is a random number renewed by every transaction that changes something."""

    def __init__(self, path: Path | None, busy_timeout: float) -> None:
        """Open the gallery at ``path``, or an empty one in memory. Raises GalleryCorrupt when it is none."""
        self.path = path
        target = ":memory:" if path is None else f"{path.as_uri()}?mode=rw"  # rw: SQLite itself falls back to reading
        self.sql = sqlite3.connect(
            target, uri=True, timeout=busy_timeout, isolation_level=None, check_same_thread=False
        )
        try:
            if path is None:
                self.sql.executescript(SCHEMA)
            self._recognise()  # before anything that could change a file of somebody else's
            for setting in ("foreign_keys=ON", "secure_delete=ON", "journal_mode=DELETE", "synchronous=EXTRA"):
                self.sql.execute(f"PRAGMA {setting}")
            self.sql.execute("PRAGMA trusted_schema=OFF")
            self.sql.execute("PRAGMA temp_store=MEMORY")  # no vectors in temporary files
        except BaseException:
            self.sql.close()
            raise

    def _recognise(self) -> None:
        version = self.version
        if self.sql.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID or version < 1:
            raise no_gallery(self.path)
        if version > SCHEMA_VERSION:
            raise GalleryCorrupt(
                f"{self.path}: made by a newer facepipe (schema {version}, this one knows {SCHEMA_VERSION}); upgrade it"
            )
        meta = dict(self.sql.execute("SELECT key, typeof(value) FROM meta"))
        bound = (meta.get("backbone"), meta.get("dimension"))
        if self.path and (meta.get("uuid"), meta.get("state")) != ("blob", "integer"):
            raise self.corrupt("its identity is gone")
        if bound not in ((None, None), ("text", "integer")):
            raise self.corrupt("the backbone it was made with is gone")

    def corrupt(self, why: str) -> GalleryCorrupt:
        return GalleryCorrupt(f"{self.path}: damaged ({why}); {RESTORE}")

    def close(self) -> None:
        self.sql.close()

    def meta(self, key: str) -> str | int | bytes | None:
        row = self.sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def copy(self, path: Path) -> None:
        """Write all of it into the empty file ``path``, with an identity of its own."""
        sql = sqlite3.connect(path, isolation_level=None)
        try:
            self.sql.backup(sql)
            sql.execute("UPDATE meta SET value = ? WHERE key = 'uuid'", (secrets.token_bytes(16),))
        finally:
            sql.close()

    @property
    def version(self) -> int:
        """Of the schema, at this moment: another process may upgrade the file."""
        return int(self.sql.execute("PRAGMA user_version").fetchone()[0])

    @property
    def state(self) -> int:
        return int(self.meta("state") or 0)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything read inside is of one moment. May be nested, also in ``writing``."""
        if self.sql.in_transaction:
            yield
            return
        try:
            self.sql.execute("BEGIN")
            yield
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One durable transaction: all of it is there when this returns, or none of it.

        With the first one a file of an older facepipe gets this one's schema.
        """
        try:
            self.sql.execute("BEGIN IMMEDIATE")  # inside: Ctrl-C may come just as it returns
            self._upgrade()
            this = Writing(self.state, secrets.randbelow(2**63 - 1) + 1)
            changes = self.sql.total_changes
            yield this
            if self.sql.total_changes != changes:
                self.sql.execute("INSERT OR REPLACE INTO meta VALUES ('state', ?)", (this.stamp,))
            self.sql.execute("COMMIT")
        finally:
            self._roll_back()

    def _upgrade(self) -> None:
        if (version := self.version) < SCHEMA_VERSION:
            for number in range(version, SCHEMA_VERSION):
                for statement in UPGRADES[number]:
                    self.sql.execute(statement)
            self.sql.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")  # rolled back with the rest

    @contextmanager
    def exclusive(self, wait: bool = False) -> Iterator[bool]:
        """Keep other writers out meanwhile, if that can be had without waiting: yields whether it could.

        ``wait`` for them instead, and raise sqlite3.Error where it cannot be had.
        """
        timeout = self.sql.execute("PRAGMA busy_timeout").fetchone()[0]
        self.sql.execute(f"PRAGMA busy_timeout = {timeout if wait else 0}")
        try:
            self.sql.execute("BEGIN IMMEDIATE")
            got = True
        except sqlite3.OperationalError:  # busy, read-only: either way not now
            if wait:
                raise
            got = False
        finally:
            self.sql.execute(f"PRAGMA busy_timeout = {timeout}")
        try:
            yield got
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        if self.sql.in_transaction:  # SQLite may have rolled back by itself, when the disk was full
            with suppress(sqlite3.Error):
                self.sql.execute("ROLLBACK")


def create(path: Path) -> None:
    """Make an empty gallery at ``path`` and the folders above it, readable by its owner only.

    It is made under another name and linked into place: nobody sees half a gallery, and when two processes are first at
    once, one of them wins and both use the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)  # mode 0600
    os.close(handle)
    made = Path(name)
    try:
        sql = sqlite3.connect(made, isolation_level=None)
        try:
            sql.executescript("PRAGMA synchronous=EXTRA; BEGIN;" + SCHEMA)
            meta = {"uuid": secrets.token_bytes(16), "state": secrets.randbelow(2**63 - 1) + 1}
            sql.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            sql.execute("COMMIT")
        finally:
            sql.close()
        with suppress(FileExistsError):
            put_in_place(made, path)
    finally:
        made.unlink(missing_ok=True)


def put_in_place(made: Path, path: Path) -> None:
    """Give ``made`` the name ``path``, in one step. Raises FileExistsError where something has it."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        os.replace(made, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name in ``folder`` survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
