"""Folders of people: one sub-folder per person, with that person's pictures."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from facepipe.errors import ImageError, ImageNotFound, UsageError
from facepipe.image import one_line
from facepipe.sources.searching import Contents, LeftOut, in_words, is_system, search, told, unreadable, visible

log = logging.getLogger("facepipe")


@dataclass(frozen=True)
class PeopleFolder:
    """``people``: (name, pictures) of each, sorted by name; ``left_out``: (name, file), the name None of a file that
    belongs to nobody."""

    people: list[tuple[str, list[Path]]]
    left_out: list[tuple[str | None, LeftOut]]

    @property
    def labelled(self) -> list[tuple[str, Path]]:
        """(name, picture) for every picture."""
        return [(name, picture) for name, pictures in self.people for picture in pictures]


def find_people(folder: Path | str) -> PeopleFolder:
    """Find the pictures in each sub-folder of ``folder``; the sub-folder's name is the person's.

    Files directly in ``folder``, sub-folders without pictures, and whatever is no picture are left out, and in the log;
    so are hidden folders and those of systems. Raises ImageNotFound when ``folder`` is missing, UsageError when no
    sub-folder holds a picture, or one holds folders of pictures itself: then it may be many people.
    """
    folder = Path(folder)
    layout = f"expected one sub-folder of pictures per person, as in {folder}/Ada/1.jpg"
    if not os.path.exists(folder):
        raise ImageNotFound(f"{folder}: no such folder; {layout}")
    if not os.path.isdir(folder):
        raise UsageError(f"{folder}: is a file; {layout.replace(str(folder), 'FOLDER')}")
    _, subfolders, files = next(os.walk(folder, onerror=unreadable), ("", [], []))
    system = [folder / name for name in visible(subfolders) if is_system(name)]
    contents = {name: search(folder / name) for name in visible(subfolders) if not is_system(name)}
    for name, found in contents.items():
        _expect_flat(folder, folder / name, found.pictures)
    loose = [_loose(folder / name, layout) for name in visible(files)]
    people = PeopleFolder(
        [(name, found.pictures) for name, found in contents.items() if found.pictures],
        [(None, one) for one in loose] + [(name, one) for name, found in contents.items() for one in found.left_out],
    )
    _tell(folder, contents, loose, system, layout)
    if not people.people:
        words = in_words([one for _, one in people.left_out])
        raise UsageError(f"{folder}: no people in this folder{words and f', only {words}'}; {layout}")
    return people


def people_folders(folder: Path | str) -> list[tuple[str, list[Path]]]:
    """The people of ``find_people``, which see."""
    return find_people(folder).people


def labelled_pictures(folder: Path | str) -> list[tuple[str, Path]]:
    """Return (name, picture) for every picture of ``find_people``, which see."""
    return find_people(folder).labelled


def _expect_flat(folder: Path, person: Path, pictures: list[Path]) -> None:
    inner = sorted({picture.relative_to(person).parts[0] for picture in pictures if picture.parent != person})
    if inner:
        names = ", ".join([*inner[:3], *(["…"] if len(inner) > 3 else [])])
        raise UsageError(
            f"{person}: holds folders of pictures ({names}), expected the pictures of one person; if each of them is a"
            f" person, give {person} instead of {folder}; if all are of {person.name}, move them into {person} itself"
        )


def _loose(path: Path, layout: str) -> LeftOut:
    kind = told(path)
    return LeftOut(path, kind or "picture", ImageError(f"{one_line(str(path))}: belongs to no person; {layout}"))


def _tell(folder: Path, contents: dict[str, Contents], loose: list[LeftOut], system: list[Path], layout: str) -> None:
    if loose:
        count = "1 file belongs" if len(loose) == 1 else f"{len(loose)} files belong"
        log.warning("%s: %s to no person; %s", folder, count, layout)
    for name in [name for name, found in contents.items() if not found.pictures]:
        log.warning("%s: no images in this folder; %s is left out", folder / name, name)
    left_out = [one for found in contents.values() for one in found.left_out]
    system = system + [path for found in contents.values() for path in found.system_folders]
    if words := in_words(left_out, system):
        log.warning("%s: left out: %s", folder, words)
