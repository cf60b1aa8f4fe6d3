"""Write files whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from facepipe.errors import WriteFailed


@contextmanager
def replacing(path: Path, *, private: bool = True) -> Iterator[BinaryIO]:
    """A stream that becomes ``path`` when the block ends well, and leaves nothing when it fails. Makes the folder.

    ``private``: readable by its owner only, from the first byte on, as all should be that shows a face or says whose it
    is. Raises WriteFailed when there is no room or no permission.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(part, "xb", opener=_private if private else None) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise WriteFailed(f"{path}: cannot be written: {error.strerror or error}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process or thread at a time inside, for each ``path``: a lock file beside it, which stays. Makes the folder.

    The system lets go of it when a process dies. Raises WriteFailed.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise WriteFailed(f"{path}: cannot be locked: {error.strerror or error}") from None
    try:
        try:
            _wait_for(handle)
        except OSError as error:
            raise WriteFailed(f"{path}: cannot be locked there: {error.strerror or error}") from None
        yield
    finally:
        os.close(handle)  # which lets go of it


def can_lock(folder: Path) -> bool | None:
    """Whether the file system of ``folder`` locks parts of files, as SQLite needs it; None where that cannot be told.

    Tried on a file of its own: a process that closes any handle of a file gives up all its locks on it.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return _locks(file.fileno())
    except OSError:
        return None


if sys.platform == "win32":
    import msvcrt

    def _wait_for(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)

    def _locks(handle: int) -> bool:
        return True

else:
    import fcntl

    def _wait_for(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX)

    def _locks(handle: int) -> bool:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
