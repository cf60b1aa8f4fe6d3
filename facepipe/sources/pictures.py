"""Where pictures come from: files as they are named, and folders searched for pictures, always in the same order."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from facepipe.errors import ImageNotFound, UsageError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

log = logging.getLogger("facepipe")


def image_files(paths: Iterable[Path | str]) -> Iterator[Path | str]:
    """Yield every file of ``paths`` just as given, missing ones too (the decoder reports them), and folders' pictures.

    A folder is searched with its sub-folders: its own files first, each level sorted by name, hidden ones left out,
    links followed but every folder visited once. Pictures are told by ``IMAGE_SUFFIXES``, in any case.
    Raises UsageError at a folder that holds none.
    """
    if isinstance(paths, str | os.PathLike):  # one path, not an iterable of letters
        paths = [paths]
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        found = list(_pictures_in(Path(path)))
        if not found:
            raise UsageError(
                f"{path}: no images in this folder; expected files ending in {', '.join(sorted(IMAGE_SUFFIXES))}"
            )
        yield from found


def people_folders(folder: Path | str) -> list[tuple[str, list[Path]]]:
    """Return (name, pictures) for each sub-folder of ``folder``, sorted by name; the sub-folder's name is the person's.

    Files directly in ``folder`` and sub-folders without pictures are left out with a warning. Raises ImageNotFound when
    ``folder`` is missing, UsageError when no sub-folder holds a picture.
    """
    layout = f"expected one sub-folder of pictures per person, as in {folder}/Ada/1.jpg"
    if not os.path.exists(folder):
        raise ImageNotFound(f"{folder}: no such folder; {layout}")
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: is a file; {layout.replace(str(folder), 'FOLDER')}")
    _, subfolders, files = next(os.walk(folder, onerror=_unreadable), ("", [], []))
    if _visible(files):
        log.warning("%s: %d files belong to no person and are ignored; %s", folder, len(_visible(files)), layout)
    people = [(name, list(_pictures_in(Path(folder, name)))) for name in _visible(subfolders)]
    for name in [name for name, pictures in people if not pictures]:
        log.warning("%s: no images in this folder; %s is left out", Path(folder, name), name)
    people = [(name, pictures) for name, pictures in people if pictures]
    if not people:
        raise UsageError(f"{folder}: no people in this folder; {layout}")
    return people


def labelled_pictures(folder: Path | str) -> list[tuple[str, Path]]:
    """Return (name, picture) for every picture of ``people_folders``, which see."""
    return [(name, picture) for name, pictures in people_folders(folder) for picture in pictures]


def _pictures_in(folder: Path) -> Iterator[Path]:
    visited: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_unreadable):
        real = os.path.realpath(parent)
        if real in visited:  # through a link, perhaps one that leads back up
            folders.clear()
            continue
        visited.add(real)
        folders[:] = _visible(folders)
        yield from (Path(parent, name) for name in _visible(files) if Path(name).suffix.lower() in IMAGE_SUFFIXES)


def _visible(names: list[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("."))


def _unreadable(error: OSError) -> None:
    log.warning("%s: cannot be searched (%s) and is left out", error.filename, error.strerror)
