"""What is in a folder: its pictures, always in the same order, and what is there besides, none of it without a word.

A picture is known by its content. A file that is named like one is left to the decoder, which says what is wrong with
it; so is one that cannot be read at all.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from facepipe.errors import FacepipeError, ImageError, ImageFormatError
from facepipe.formats import ACCEPTED, HEAD, OPENERS, counted, kind_of
from facepipe.image import one_line

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx",
})
SYSTEM_FOLDERS = frozenset({  # of systems and storage devices: their bins, thumbnails and snapshots, in lower case
    "@eadir", "@tmp", "@sharebin", "@quarantine", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@__thumb",
    "$recycle.bin", "recycler", "recycled", "system volume information", "lost+found", "lost.dir", "__macosx",
    "network trash folder", "temporary items", "~snapshot",
})
# fmt: on
_RESCUED = re.compile(r"found\.\d{3}", re.IGNORECASE)  # where Windows puts what it mends of a disk
THUMBNAILS = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "zbthumbnail.info", "pspbrwse.jbf"})
COMPANIONS = frozenset(
    {"text", "audio", "database", "program", "thumbnail database", "empty file"}
)  # kinds without a photo
MOST_ENDINGS = 3  # named of a kind

log = logging.getLogger("facepipe")


@dataclass(frozen=True)
class LeftOut:
    """A file of a folder that is not read: its ``path`` and ``kind``, and the ``error`` that reading it would be."""

    path: Path
    kind: str
    error: FacepipeError

    @property
    def matters(self) -> bool:
        """Whether it may hold a picture: sidecars, notes and the like do not."""
        return self.kind not in COMPANIONS


@dataclass(frozen=True)
class Contents:
    """``pictures`` of a folder and its sub-folders, the files that are ``left_out``, and ``system_folders``, which were
    not searched."""

    pictures: list[Path]
    left_out: list[LeftOut]
    system_folders: list[Path]

    def words(self) -> str:
        """What is not among the pictures, counted by kind; "" when that is nothing."""
        return in_words(self.left_out, self.system_folders)


def search(folder: Path) -> Contents:
    """Look through ``folder`` and its sub-folders: its own files first, each level sorted by name, hidden ones left
    out, links followed but every folder visited once."""
    found = Contents([], [], [])
    for parent, names in _files_in(folder, found):
        for name in names:
            path = Path(parent, name)
            kind = told(path)
            if kind is None:
                found.pictures.append(path)
            else:
                found.left_out.append(LeftOut(path, kind, _error(path, kind)))
    return found


def told(path: Path) -> str | None:
    """What kind of file it is that is not to be read; None when the decoder is to have it."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return None
    if path.name.lower() in THUMBNAILS:
        return "thumbnail database"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return None
        with open(path, "rb", buffering=0) as file:
            head = file.read(HEAD)
    except OSError:
        return None
    kind = kind_of(head) if head else "empty file"
    return None if kind in OPENERS else kind


def visible(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("."))


def is_system(name: str) -> bool:
    return name.lower() in SYSTEM_FOLDERS or _RESCUED.fullmatch(name) is not None


def in_words(left_out: Sequence[LeftOut], system_folders: Sequence[Path] = ()) -> str:
    """ "2 videos (MP4), 1 raw picture (CR2), 1 system folder (@eaDir)": the most frequent kind first."""
    kinds = Counter(one.kind for one in left_out)
    words = []
    for kind, number in kinds.most_common():
        endings = {one.path.suffix[1:].upper() for one in left_out if one.kind == kind}
        words.append(counted(number, kind) + _named(sorted(endings - {"", *kind.split()})))
    if system_folders:
        names = sorted({folder.name for folder in system_folders})
        words.append(counted(len(system_folders), "system folder") + _named(names))
    return ", ".join(words)


def unreadable(error: OSError) -> None:
    log.warning("%s: cannot be searched (%s) and is left out", error.filename, error.strerror)


def _files_in(folder: Path, found: Contents) -> Iterator[tuple[str, list[str]]]:
    """The files of each folder; those that are not searched are put down in ``found``."""
    visited: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=partial(_leave_out, found)):
        real = os.path.realpath(parent)
        if real in visited:  # through a link, perhaps one that leads back up
            folders.clear()
            continue
        visited.add(real)
        found.system_folders.extend(Path(parent, name) for name in visible(folders) if is_system(name))
        folders[:] = [name for name in visible(folders) if not is_system(name)]
        yield parent, visible(files)


def _leave_out(found: Contents, error: OSError) -> None:
    unreadable(error)
    problem = f"cannot be searched ({error.strerror}); change its permissions, or give other folders"
    path = Path(error.filename)
    found.left_out.append(LeftOut(path, "unreadable folder", ImageError(f"{one_line(str(path))}: {problem}")))


def _error(path: Path, kind: str) -> ImageFormatError:
    return ImageFormatError(f"{one_line(str(path))}: expected {ACCEPTED}, got {kind}; save it as one of these")


def _named(names: Sequence[str]) -> str:
    more = ["…"] if len(names) > MOST_ENDINGS else []
    return f" ({', '.join([*names[:MOST_ENDINGS], *more])})" if names else ""
