"""What ``enroll`` is given: a name and images, a folder of people, or a camera; slips are told before the work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from facepipe.cli import options as opt
from facepipe.commands import one_line, quoted
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.sources import LeftOut


def images(
    name_and_paths: Sequence[str], folders: Path | None
) -> tuple[list[tuple[str, Path | str]], list[tuple[str | None, LeftOut]]]:
    """(name, image) of each that is to be enrolled, and (name, file) of each that is left out of a folder."""
    from facepipe.gallery.names import clean_name
    from facepipe.sources import find_people

    if folders is not None:
        if name_and_paths:
            raise UsageError("expected NAME PATH... or --folders DIR, not both")
        people = find_people(folders)
        return [*people.labelled], people.left_out
    _expect_quotes(name_and_paths)
    if len(name_and_paths) == 1 and os.path.isdir(folder := name_and_paths[0]):
        raise UsageError(_without_name(folder))
    if len(name_and_paths) < 2:
        raise UsageError("expected a name and at least one image: facepipe enroll NAME PATH...")
    name, *paths = name_and_paths
    if os.path.isfile(name):
        raise UsageError(f"{name}: is a file, expected the person's name first: facepipe enroll NAME PATH...")
    clean_name(name)  # or a name that cannot be would be reported once for each image
    found = opt.image_files(paths)
    for path in paths:
        _expect_one_persons(name, path, found.files)
    return [(name, path) for path in found.files], [(name, file) for file in found.left_out]


def name_and_source(words: Sequence[str]) -> tuple[str, str]:
    """The name, and the camera, stream or file that is looked at: ``webcam:0``, or a number for ``webcam:N``."""
    from facepipe.gallery.names import clean_name

    if not 1 <= len(words) <= 2:
        quotes = f'; quote a name of several words: enroll "{" ".join(words)}" --webcam' if len(words) > 2 else ""
        raise UsageError(f"expected a name and perhaps a camera: facepipe enroll NAME --webcam [CAMERA]{quotes}")
    name, source = clean_name(words[0]), words[1] if len(words) == 2 else "0"
    return name, opt.camera(source)


def _without_name(folder: str) -> str:
    """A folder alone: of one person, or with a sub-folder for each of several."""
    said = f"{folder}: a folder, expected a name before it: {one_line(['enroll', 'NAME', folder])}"
    if not any(inner.is_dir() and not inner.name.startswith(".") for inner in Path(folder).iterdir()):
        return said
    return f"{said}; for one sub-folder per person: {one_line(['enroll', '--folders', folder])}"


def _expect_one_persons(name: str, path: str, files: Sequence[Path | str]) -> None:
    """Raise UsageError at a folder that holds its pictures in sub-folders which are called as people are: by years and
    the like, which have a digit, one person's pictures are sorted."""
    if not os.path.isdir(path):
        return
    own = [Path(file).relative_to(path).parts for file in files if Path(file).is_relative_to(path)]
    inner = sorted({parts[0] for parts in own})
    if len(inner) < 2 or any(len(parts) == 1 for parts in own) or any(map(str.isdigit, "".join(inner))):
        return
    named = ", ".join([*inner[:3], *(["…"] if len(inner) > 3 else [])])
    raise UsageError(
        f"{path}: holds folders of pictures ({named}); if each is a person:"
        f" {one_line(['enroll', '--folders', path])}; if all show {name}: {one_line(['enroll', name])}"
        f" {quoted(path.rstrip(os.sep))}/*"
    )


def _expect_quotes(name_and_paths: Sequence[str]) -> None:
    """Raise UsageError at a name of several words without quotes: its second word would be taken for an image."""
    words = list(
        takewhile(lambda word: 0 < len(word) < 100 and "." not in word and not os.path.exists(word), name_and_paths)
    )
    if len(words) > 1 and not any(os.sep in word for word in words):
        raise UsageError(f'{words[1]}: no such file; quote a name of several words: enroll "{" ".join(words)}" PATH...')
