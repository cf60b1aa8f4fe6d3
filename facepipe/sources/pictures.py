"""Where pictures come from: files as they are named, and folders searched for pictures."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from facepipe.errors import UsageError
from facepipe.formats import ACCEPTED
from facepipe.sources.searching import LeftOut, search

log = logging.getLogger("facepipe")


@dataclass(frozen=True)
class FoundImages:
    """``files``, those that were named just as they were given, and what is ``left_out`` of folders."""

    files: list[Path | str]
    left_out: list[LeftOut]


def find_images(paths: Iterable[Path | str]) -> FoundImages:
    """Take every file of ``paths`` just as given, missing ones too (the decoder reports them), and folders' pictures.

    A folder is searched with its sub-folders: its own files first, each level sorted by name, hidden ones and the
    folders of systems (``SYSTEM_FOLDERS``) left out, links followed but every folder visited once. Pictures are told by
    their content. What is left out is in the log, counted by kind. Raises UsageError at a folder that holds no picture
    and nothing that may hold one.
    """
    if isinstance(paths, str | os.PathLike):  # one path, not an iterable of letters
        paths = [paths]
    found = FoundImages([], [])
    for path in paths:
        if not os.path.isdir(path):
            found.files.append(path)
            continue
        contents = search(Path(path))
        words = contents.words()
        if not contents.pictures and not any(one.matters for one in contents.left_out):
            raise UsageError(f"{path}: {_no_images(words)}")
        if words:
            log.warning("%s: %s", path, f"left out: {words}" if contents.pictures else _no_images(words))
        found.files.extend(contents.pictures)
        found.left_out.extend(contents.left_out)
    return found


def image_files(paths: Iterable[Path | str]) -> Iterator[Path | str]:
    """The files of ``find_images``, which see. Raises UsageError at a folder without pictures."""
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        found = find_images([path])
        if not found.files:
            raise UsageError(f"{path}: {_no_images('')}")
        yield from found.files


def _no_images(words: str) -> str:
    there = f", only {words}" if words else ""
    return f"no images in this folder{there}; expected one that holds {ACCEPTED} at least"
