"""One process's hold on a gallery: the open record, the index that follows it, the lock that threads take turns by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from threading import RLock

import numpy as np

from facepipe.commands import typed
from facepipe.errors import (
    FacepipeError,
    GalleryError,
    GalleryMismatch,
    GalleryNotFound,
    GalleryReadOnly,
    VectorInvalid,
)
from facepipe.gallery import database, faults
from facepipe.gallery.base import first_fault
from facepipe.gallery.live_index import LiveIndex
from facepipe.gallery.scoring import Scoring
from facepipe.gallery.store import Record
from facepipe.machine import forks
from facepipe.records import Floats, Template
from facepipe.scoring.strangers import OwnStrangers


class Hold:
    """``expected`` is the id of the backbone that is going to be used, or None."""

    def __init__(self, path: Path, expected: str | None, read_only: bool, busy_timeout: float) -> None:
        self.path = path
        self.lock = RLock()
        forks.wait_for(self.lock)  # what SQLite has locked of a file at a fork, it has locked in the child for ever
        self.index = LiveIndex(path)
        self.scoring = Scoring()
        self.strangers: tuple[object, OwnStrangers | None] | None = None  # as last measured, and of what
        self._expected = expected
        self._read_only = read_only
        self._busy_timeout = busy_timeout
        self._closed = False
        self._file: tuple[int, int] | None = None  # device and inode of the open record
        self._record = Record(None, busy_timeout)  # an empty one in memory, until there is a file
        self._unsaved = False  # this process's writes made the index file old

    def again(self) -> Hold:
        """The same in a child by fork, which may use neither its parent's connection nor its locks."""
        made = Hold(self.path, self._expected, self._read_only, self._busy_timeout)
        made._closed = self._closed
        return made

    @property
    def exists(self) -> bool:
        """Whether there is a file yet."""
        return self._file is not None

    def close(self) -> None:
        """Bring the index file up to date where it can be, and close. May be called again."""
        with self.lock:
            if self._closed:
                return
            try:
                with suppress(FacepipeError):  # the record is safe; the index can be made at any time
                    self.save_index()
            finally:
                self._closed = True
                self._record.close()

    @contextmanager
    def reading(self) -> Iterator[Record]:
        """The record as it is at one moment."""
        with self.lock, faults.clear_errors(self.path):
            self._connect()
            with self._record.reading():
                yield self._record

    @contextmanager
    def searching(self) -> Iterator[LiveIndex]:
        """The index, and ``scoring``, as the record is at one moment."""
        with self.lock:
            with self.reading() as record:
                state = record.state
                if not self.index.state == self.scoring.state == state:
                    self.index.follow(record)
                    self.scoring.follow(record)
            yield self.index
            if self.index.repaired:  # spare the next process the work
                self.save_index()

    @contextmanager
    def writing(self, templates: Sequence[Template] = (), removing: bool = False) -> Iterator[tuple[Record, int]]:
        """One transaction, with its stamp. ``templates`` are those to be enrolled; ``removing``: vectors may go."""
        with self.lock, faults.clear_errors(self.path):
            self._connect()
            if self._read_only:
                raise GalleryReadOnly(f"{self.path}: was opened for reading only")
            if self._file is None and templates:
                self.checked(templates, None, None)
                database.create(self.path)
                self.index.delete()  # of a gallery that was here once
                self._connect()
            with self._record.writing() as this:
                vectors = self.checked(templates, self._record.backbone, self._record.dimension)
                if len(vectors) and self._record.backbone is None:
                    self._record.bind(templates[0].backbone, vectors.shape[1])
                self._unsaved = self.exists
                yield self._record, this.stamp
                if removing and self.exists:  # before the commit: at no time is there an index of what is gone
                    self.index.delete()
            self.index.wrote(this.before)

    def _connect(self) -> None:
        """Open the record when there is a file now, and again when it is another file (a backup was restored)."""
        if self._closed:
            raise GalleryError(f"{self.path}: this Gallery was closed; open it again")
        file = _identity(self.path)
        if file == self._file:
            return
        if file is None:
            raise GalleryNotFound(f"{self.path}: the file was moved or removed while it was open")
        record = Record(self.path, self._busy_timeout)
        if self._expected and record.backbone not in (None, self._expected):
            made_with = record.backbone
            record.close()
            raise _mismatch(self.path, made_with, self._expected)
        self._record.close()
        self._record, self._file = record, file
        self.index.forget()

    def follow_to(self, backbone: str) -> None:
        """This process has changed the network: from now on templates of ``backbone`` are going to be used."""
        self._expected = backbone if self._expected else None

    def expect(self, backbone: str) -> None:
        """Raise GalleryNotFound where nobody is enrolled, GalleryMismatch where it was with another ``backbone``."""
        if self._record.backbone is None:
            raise faults.not_there(self.path)
        if self._record.backbone != backbone:
            raise _mismatch(self.path, self._record.backbone, backbone)

    def checked(self, templates: Sequence[Template], backbone: str | None, dimension: int | None) -> Floats:
        """The vectors (N, D) of ``templates``, once they are known to fit a gallery of this ``backbone`` and
        ``dimension`` (None: not bound yet) and to be unit vectors."""
        if not templates:
            return np.empty((0, 0), np.float32)
        backbone = backbone or self._expected or templates[0].backbone
        dimension = dimension or len(templates[0].vector)
        for template in templates:
            if template.backbone != backbone:
                raise _mismatch(self.path, backbone, template.backbone)
            if template.vector.shape != (dimension,):
                raise VectorInvalid(f"{self.path}: expected vectors of {dimension} numbers, got {len(template.vector)}")
        vectors = np.stack([template.vector for template in templates])
        if fault := first_fault(vectors):  # Template looked already, but an array can be written to
            raise VectorInvalid(f"template {fault[0]}: {fault[1]}")
        return vectors

    def save_index(self, always: bool = False) -> None:
        """Write the index file if it is old by this process's doing, or was found wrong; ``always``: or else raise."""
        if always and self._read_only:
            raise GalleryReadOnly(f"{self.path}: was opened for reading only")
        if not (self._unsaved or self.index.repaired or always) or self._file is None or self._read_only:
            return
        with self.lock:
            with self.reading() as record:
                self.index.follow(record, replacing=self._unsaved)
            with faults.clear_errors(self.path):
                self.index.save(record, must=always)
            self._unsaved = False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if S_ISDIR(found.st_mode):
        raise GalleryNotFound(f"{path}: is a folder, expected a gallery file")
    return found.st_dev, found.st_ino


def _mismatch(path: Path, gallery: str | None, other: str) -> GalleryMismatch:
    name, _, _ = str(gallery).partition("@")
    same = name == other.partition("@")[0]
    remedy = "leave out --weights, or give those it was made with" if same else f"take --backbone {name}, or none"
    return GalleryMismatch(
        f"{path}: holds templates of {gallery}, which cannot be compared with those of {other};"
        f" {remedy}, or change the gallery's network ({typed('gallery upgrade', path)})"
    )
