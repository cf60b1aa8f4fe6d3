"""The record's file: how it is recognised, made, locked and written, and what SQLite's errors mean.

A rollback journal, not WAL: Python may link an SQLite whose WAL can lose a commit (3.7.0 to 3.51.2), and this way a
gallery is one file that can also be read in a read-only folder. ``synchronous=EXTRA`` makes a commit survive a power
cut, ``secure_delete`` overwrites what is deleted.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from facepipe.errors import (
    GalleryBusy,
    GalleryCorrupt,
    GalleryDenied,
    GalleryError,
    GalleryFull,
    GalleryNotFound,
    GalleryReadOnly,
)

APPLICATION_ID = 0x66616365  # "face"
SCHEMA_VERSION = 2
CONSENT = """CREATE TABLE consent (
    reference_id INTEGER PRIMARY KEY REFERENCES reference (id) ON DELETE CASCADE,
    wording TEXT NOT NULL,
    given_at TEXT NOT NULL                 -- UTC, ISO 8601
)"""
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;  -- uuid, backbone, dimension, state
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);
CREATE TABLE reference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again
    person_id INTEGER NOT NULL REFERENCES person (id),
    stamp INTEGER NOT NULL,                -- the state it was written in; (id, stamp) stays unique even when a restored
                                           -- backup hands out ids a second time
    vector BLOB NOT NULL,                  -- float32, little-endian, unit norm
    norm REAL NOT NULL,                    -- of the raw embedding
    quality TEXT,                          -- JSON
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,             -- of the image: sha256; where there is none, "vector:" and the vector's
    enrolled_at TEXT NOT NULL,             -- UTC, ISO 8601
    UNIQUE (fingerprint, person_id)
);
CREATE INDEX roster ON reference (person_id, stamp);
CREATE TABLE thumbnail (
    reference_id INTEGER PRIMARY KEY REFERENCES reference (id) ON DELETE CASCADE,
    image BLOB NOT NULL
);
{CONSENT};
"""
# What makes a file of each version one of the next. Only additions: a facepipe of before that has it open goes on.
UPGRADES = {1: CONSENT}
RESTORE = "it was left as it is; restore it from a backup, or import an export into a new gallery"


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
        self.sql.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """One durable transaction: all of it is there when this returns, or none of it.

        With the first one a file of an older facepipe gets this one's schema.
        """
        self.sql.execute("BEGIN IMMEDIATE")
        try:
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
                self.sql.execute(UPGRADES[number])
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
            _link(made, path)
        sync_folder(path.parent)
    finally:
        made.unlink(missing_ok=True)


def _link(made: Path, path: Path) -> None:
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        os.replace(made, path)


def sync_folder(folder: Path) -> None:
    """Make a new name in ``folder`` survive a power cut, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def clear_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise about the gallery at ``path`` into facepipe's errors."""
    try:
        yield
    except sqlite3.Error as error:
        raise _of_sqlite(str(error), path) from error
    except OSError as error:
        raise _of_system(error, path) from error


def _of_sqlite(message: str, path: Path) -> GalleryError:
    # By message: the error codes are there from Python 3.11 on only, the messages have been the same for decades.
    if "full" in message:
        return GalleryFull(f"{path}: the disk is full; nothing was changed, make room and try again")
    if "locked" in message:
        return GalleryBusy(f"{path}: another process is writing to it; try again in a moment")
    if "readonly" in message or "unable to open" in message:
        return _not_writable(path)
    if "I/O" in message:
        return GalleryError(f"{path}: the system could not read or write it ({message}); check the disk")
    if "not a database" in message:
        return no_gallery(path)
    return GalleryCorrupt(f"{path}: damaged ({message}); {RESTORE}")


def no_gallery(path: Path | None) -> GalleryCorrupt:
    return GalleryCorrupt(f"{path}: not a facepipe gallery, or its header is damaged; check the path; {RESTORE}")


def _of_system(error: OSError, path: Path) -> GalleryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return GalleryFull(f"{path}: the disk is full; nothing was changed, make room and try again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _not_writable(path)
    if error.errno in (errno.ENOENT, errno.ENOTDIR) and not path.parent.is_dir():
        return GalleryError(f"{path}: its folder cannot be made ({error.strerror}); take another place (--gallery)")
    return GalleryError(f"{path}: {error.strerror or error}")


def _not_writable(path: Path) -> GalleryError:
    folder = next(folder for folder in path.absolute().parents if os.path.isdir(folder))  # the nearest that is there
    if folder != path.absolute().parent and os.access(folder, os.W_OK):
        return GalleryNotFound(f"{path}: its folder is not there any more, or is not a folder")
    if not os.access(folder, os.X_OK) or (os.path.exists(path) and not os.access(path, os.R_OK)):
        return GalleryDenied(f"{path}: no permission to read it; ask its owner, or take another gallery")
    if os.path.exists(f"{path}-journal"):
        return GalleryReadOnly(
            f"{path}: a write to it was interrupted; open it once where it can be written, and it will recover"
        )
    return GalleryReadOnly(f"{path}: no permission to write there; reading works where there is a gallery")
