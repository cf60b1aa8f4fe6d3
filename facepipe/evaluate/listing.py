"""PAIRS.csv: which images are compared, and which comparisons are of one person."""

from __future__ import annotations

import csv
import os
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from facepipe.errors import UsageError
from facepipe.evaluate.measures.bootstrap import Ints
from facepipe.evaluate.measures.comparisons import Bools
from facepipe.gallery.names import spelt

COLUMNS = ("image_a", "image_b", "same_person")
LAYOUT = "expected columns image_a, image_b, same_person and perhaps fold, person_a, person_b"
_SEPARATOR = re.compile(r'"?sep=(\\t|[^"\r\n\w])"?[,;\t]*\s*', re.IGNORECASE)  # Excel's own line, before the header
_NUMBER = re.compile(r"([01])[.,]0*")
SAYS = {"1": True, "true": True, "t": True, "yes": True, "y": True}
SAYS |= {"0": False, "false": False, "f": False, "no": False, "n": False}


@dataclass(frozen=True, eq=False)
class Listing:
    """``images`` (N), each once; ``pairs`` (P, 2) of their numbers, ``same`` (P,) where they show one person, ``rows``
    (P,) of the file, its header being row 1, and ``folds`` (P,) numbers of ``fold_names``, which is empty without any.

    ``called`` (N,) names each image's person. They are ``named`` in the file, or else told by its pairs: images that
    pairs of one person join are one person, any other image a person of its own, with a name that nobody can have.
    ``remarks``: what was left out.
    """

    path: Path
    images: tuple[Path, ...]
    pairs: Ints
    same: Bools
    rows: Ints
    folds: Ints
    fold_names: tuple[str, ...]
    called: tuple[str, ...]
    named: bool
    remarks: tuple[str, ...]


def read_listing(path: Path, images: Path | None = None) -> Listing:
    """Read the CSV file at ``path``, UTF-8, its columns parted by comma, semicolon or tab, or as its first line
    says (``sep=;``).

    Images are looked for in the folder ``images``, or the file's own; backslashes part folders where no file is named
    with them. Raises UsageError with the row: a column that is missing, a same_person that is none of SAYS or of 1.0
    and 0.0, one pair of images said to be both, pairs of one kind only, no pairs at all.
    """
    base = path.parent if images is None else images
    if not base.is_dir():
        raise UsageError(f"{base}: no such folder; expected the one that the images of {path.name} are in")
    folds, names, files = dict[str, int](), dict[int, str](), dict[str, int]()

    @cache
    def number(cell: str) -> int:
        """Of an image, however its path is written."""
        return files.setdefault(_image(base, cell), len(files))

    columns = tuple(array("q") for _ in range(5))  # a, b, same, fold, row
    for row, cells in _rows(path):
        pair = [number(_cell(path, row, cells, side)) for side in ("image_a", "image_b")]
        same = _same(path, row, cells)
        _take_names(path, row, cells, pair, same, names)
        fold = -1 if cells["fold"] is None else folds.setdefault(_cell(path, row, cells, "fold"), len(folds))
        for column, value in zip(columns, (*pair, same, fold, row), strict=True):
            column.append(value)
    a, b, same_person, fold_of, rows = (np.array(column, np.int64) for column in columns)
    kept, remarks = _once(path, np.sort(np.stack([a, b], axis=1), axis=1), same_person, rows)
    pairs, same_kept = np.stack([a, b], axis=1)[kept], same_person[kept].astype(bool)
    if not len(same_kept):
        raise UsageError(f"{path}: no pairs of two images; {LAYOUT}")
    expect_both(str(path), same_kept)
    count = len(files)
    people = _joined(count, pairs[same_kept])
    if not names:
        remarks += _contradictions(pairs, same_kept, people, rows[kept])
    # without names such as nobody has
    called = tuple(names[n] if names else f"\0{people[n]:09}" for n in range(count))
    return Listing(
        path,
        tuple(map(Path, files)),
        pairs,
        same_kept,
        rows[kept],
        fold_of[kept],
        tuple(folds),
        called,
        bool(names),
        tuple(remarks),
    )


def _image(base: Path, cell: str) -> str:
    """The path of an image, also where it was written on Windows."""
    path = os.path.join(base, cell)
    if "\\" in cell and not os.path.exists(path):
        path = os.path.join(base, cell.replace("\\", "/"))
    return os.path.normpath(path)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str | None]]]:
    """(row, cells by column) of each row that is not blank; columns that may be missing are None."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; expected a CSV file. For one sub-folder per person: --folders {path}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            yield from _parsed(path, stream)
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not UTF-8 text; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise UsageError(f"{path}: not a CSV file ({error}); {LAYOUT}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _parsed(path: Path, stream: TextIO) -> Iterator[tuple[int, dict[str, str | None]]]:
    header, top = stream.readline(), 1
    if (stated := _SEPARATOR.fullmatch(header)) is not None:
        header, top = stream.readline(), 2
    if not header.strip():
        more = stream.read(1)
        raise UsageError(f"{path}: row {top} is blank; {LAYOUT}" if more else f"{path}: empty; {LAYOUT}")
    separator = max(",;\t", key=header.count) if stated is None else stated[1].replace("\\t", "\t")
    reader = csv.reader(chain([header], stream), delimiter=separator)
    names = [name.strip().lower() for name in next(reader)]
    if missing := [name for name in COLUMNS if name not in names]:
        raise UsageError(f"{path}: column {missing[0]} is missing; {LAYOUT}")
    if ("person_a" in names) != ("person_b" in names):
        raise UsageError(f"{path}: of person_a and person_b one column is missing; expected both, or none")
    places = {name: names.index(name) if name in names else None for name in (*COLUMNS, "fold", "person_a", "person_b")}
    for row, cells in enumerate(reader, top + 1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise UsageError(f"{path}: row {row}: {len(cells)} columns; expected {len(names)}, as in row {top}")
        yield row, {name: None if at is None else cells[at].strip() for name, at in places.items()}


def _cell(path: Path, row: int, cells: dict[str, str | None], name: str) -> str:
    if not (cell := cells[name]):
        raise UsageError(f"{path}: row {row}: {name} is empty")
    return cell


def _same(path: Path, row: int, cells: dict[str, str | None]) -> bool:
    said = _cell(path, row, cells, "same_person")
    meant = _NUMBER.sub(r"\1", said.lower()) if _NUMBER.fullmatch(said) else said.lower()
    if meant not in SAYS:
        raise UsageError(f"{path}: row {row}: same_person is {said!r}; expected 1, 0, true, false, yes or no")
    return SAYS[meant]


def _take_names(
    path: Path, row: int, cells: dict[str, str | None], pair: list[int], same: bool, names: dict[int, str]
) -> None:
    if cells["person_a"] is None:
        return
    people = [spelt(_cell(path, row, cells, side)) for side in ("person_a", "person_b")]
    for number, person in zip(pair, people, strict=True):
        if names.setdefault(number, person) != person:
            raise UsageError(f"{path}: row {row}: the image is {person}'s here, {names[number]}'s in a row before")
    if same != (people[0] == people[1]):
        raise UsageError(f"{path}: row {row}: same_person contradicts the names {people[0]} and {people[1]}")


def _once(path: Path, pairs: Ints, same: Ints, rows: Ints) -> tuple[Bools, list[str]]:
    """Which of ``pairs``, each sorted, to keep: the first of several equal ones, none of an image with itself."""
    alone = pairs[:, 0] == pairs[:, 1]
    _, first, back = np.unique(pairs[:, 0] << 32 | pairs[:, 1], return_index=True, return_inverse=True)
    original = first[back]
    if len(wrong := np.flatnonzero(same != same[original])):
        this, other = rows[wrong[0]], rows[original[wrong[0]]]
        raise UsageError(f"{path}: row {this}: row {other} has the same images, and says the opposite")
    again = (original != np.arange(len(pairs))) & ~alone
    remarks = []
    for which, what in ((alone, "compares an image with itself"), (again, "repeats another row")):
        if count := int(which.sum()):
            others = "" if count == 1 else f", as {count - 1} more do"
            remarks.append(f"row {rows[which][0]} {what} and is left out{others}")
    return ~(alone | again), remarks


def expect_both(source: str, same: Bools) -> None:
    """Raise UsageError unless ``same`` (P,) has pairs of one person and of two."""
    if not same.any() or same.all():
        kind = "two people" if not same.any() else "one person"
        raise UsageError(f"{source}: all {len(same)} usable pairs are of {kind}; expected some of one and some of two")


def _joined(images: int, links: Ints) -> Ints:
    graph = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(images, images))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _contradictions(pairs: Ints, same: Bools, people: Ints, rows: Ints) -> list[str]:
    wrong = np.flatnonzero(~same & (people[pairs[:, 0]] == people[pairs[:, 1]]))
    if not len(wrong):
        return []
    more = "" if len(wrong) == 1 else f", and {len(wrong) - 1} more"
    return [f"row {rows[wrong[0]]} says two people, but other rows join its images as one{more}; check the labels"]
