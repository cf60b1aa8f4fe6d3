"""What the errors of SQLite and of the system mean for a gallery, and what to do about each."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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
from facepipe.files import can_lock

RESTORE = "it was left as it is; restore it from a backup, or import an export into a new gallery"


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
    # A system says in many ways that it does not lock, and SQLite takes each for another thing
    odd = any(word in message for word in ("lock", "I/O", "permission"))
    locks = can_lock(path.parent) if odd else True
    if locks is False:
        return GalleryError(
            f"{path}: the file system there does not lock files, without which a gallery cannot be kept whole; "
            f"take a place on a disk of this machine (--gallery), or mount the share with locks"
        )
    if "lock" in message:
        doubt = "" if locks else ", or the file system there does not lock files"
        return GalleryBusy(f"{path}: another process is writing to it{doubt}; try again in a moment")
    if "permission" in message or "readonly" in message or "unable to open" in message:
        return _not_writable(path)
    if "I/O" in message:
        return GalleryError(f"{path}: the system could not read or write it ({message}); check the disk")
    if "not a database" in message:
        return no_gallery(path)
    return GalleryCorrupt(f"{path}: damaged ({message}); {RESTORE}")


def not_there(path: Path) -> GalleryNotFound:
    return GalleryNotFound(f"{path}: no gallery there; enrol someone first: facepipe enroll NAME PHOTO")


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
