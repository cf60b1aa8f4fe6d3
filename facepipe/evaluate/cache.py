"""Faces that were found and embedded before, by the image's hash and by everything that shapes them.

They are biometric data. The file is readable by its owner only; deleting it loses nothing but time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facepipe import folders
from facepipe.errors import WriteFailed
from facepipe.records import Floats

SCHEMA = """CREATE TABLE IF NOT EXISTS face (
    recipe TEXT NOT NULL, sha256 TEXT NOT NULL,
    faces INTEGER NOT NULL,                -- in the image; the row describes the most central one
    landmarks BLOB, vector BLOB,           -- float32, little-endian; NULL without a face
    PRIMARY KEY (recipe, sha256)
) WITHOUT ROWID"""
ASKED = 500  # rows of one query


@dataclass(frozen=True, eq=False)
class Central:
    """The most central face of an image that shows ``faces``: ``landmarks`` (5, 2) image px, ``vector`` (D,)."""

    faces: int
    landmarks: Floats
    vector: Floats


class Cache:
    """The faces of one ``recipe``. Close it, or use it in a ``with``."""

    def __init__(self, recipe: str, path: Path | None = None) -> None:
        """``path``: None takes the usual one. Raises WriteFailed when it cannot be used."""
        self.path = path or folders.embeddings()
        self._recipe = recipe
        self._added: list[str] = []
        with self._clear_errors():
            self._is_new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._sql = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            try:
                self._sql.execute("PRAGMA secure_delete=ON")
                self._sql.execute(SCHEMA)
            except sqlite3.Error:
                self._sql.close()
                raise

    def find(self, hashes: Sequence[str]) -> dict[str, Central | None]:
        """What is known, by hash; None: the image has no face."""
        found: dict[str, Central | None] = {}
        with self._clear_errors():
            for start in range(0, len(hashes), ASKED):
                asked = hashes[start : start + ASKED]
                marks = ",".join("?" * len(asked))
                rows = self._sql.execute(
                    f"SELECT sha256, faces, landmarks, vector FROM face WHERE recipe = ? AND sha256 IN ({marks})",
                    (self._recipe, *asked),
                )
                for sha256, faces, landmarks, vector in rows:
                    points = None if vector is None else np.frombuffer(landmarks, "<f4").reshape(5, 2)
                    found[sha256] = None if points is None else Central(faces, points, np.frombuffer(vector, "<f4"))
        return found

    def add(self, faces: dict[str, Central | None]) -> None:
        """Keep them, by hash, all or none."""
        rows = [
            (self._recipe, sha256, 0, None, None)
            if face is None
            else (self._recipe, sha256, face.faces, _bytes(face.landmarks), _bytes(face.vector))
            for sha256, face in faces.items()
        ]
        with self._clear_errors(), closing(self._sql.cursor()) as cursor:
            cursor.execute("BEGIN")
            cursor.executemany("INSERT OR REPLACE INTO face VALUES (?, ?, ?, ?, ?)", rows)
            cursor.execute("COMMIT")
        self._added.extend(faces)

    @property
    def stored(self) -> int:
        """How many images were added."""
        return len(self._added)

    def forget(self) -> None:
        """Take back what was added, and the file too where there was none before; then it is closed."""
        with self._clear_errors():
            with closing(self._sql.cursor()) as cursor:
                cursor.execute("BEGIN")
                rows = [(self._recipe, sha256) for sha256 in self._added]
                cursor.executemany("DELETE FROM face WHERE recipe = ? AND sha256 = ?", rows)
                cursor.execute("COMMIT")
                (others,) = cursor.execute("SELECT count(*) FROM face").fetchone()
            self._added.clear()
            self._sql.close()
            if self._is_new and not others:  # else another run uses it by now
                self.path.unlink(missing_ok=True)

    def close(self) -> None:
        self._sql.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise WriteFailed(
                f"{self.path}: kept embeddings cannot be used ({error}); delete the file, or use --no-cache"
            ) from None


def _bytes(values: Floats) -> bytes:
    return values.astype("<f4").tobytes()
