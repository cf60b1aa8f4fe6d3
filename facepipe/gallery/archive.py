"""Export and import: a gallery in one portable file, to back it up, move it, or read it with other tools.

The file is a ZIP with exactly four members, stored and not compressed (vectors and JPEGs do not shrink, and so a small
file cannot unfold into a huge one). Nothing in it is pickled, and no name in it is used as a path.

    manifest.json     {"format": "facepipe-gallery", "version": 1 to 4, "backbone": str, "dimension": D,
                      "references": N}
    vectors.npy       NumPy array (N, D), float32 little-endian, C order: unit vectors, in the order of enrolment
    references.json   N objects in the same order: {"person": str, "norm": float, "quality": {"score", "size",
                      "sharpness"} | null, "source": str, "image_sha256": 64 hex digits | "", "enrolled_at": ISO 8601
                      with offset, "thumbnail_bytes": int, "consent": {"wording": str, "given_at": as above}, where
                      there is one, "landmarks": five [x, y], px of the thumbnail, where they are known}
    thumbnails.bin    the thumbnails (JPEG or PNG) one after the other, each ``thumbnail_bytes`` long, 0 for none

Version 2 is one with a consent in it, version 3 one with landmarks, so that a facepipe which knows of none refuses it
and does not lose them. Without landmarks a thumbnail was cut for the backbone, as its card says. Version 4 is one with
a quality: its "sharpness" is that of ``records.Quality``, or null. Before, it was another measure, which is not read.
In Python: ``numpy.load("people.zip")["vectors"]`` gives the vectors, ``json`` the rest.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from facepipe.errors import ArchiveInvalid, NameInvalid, VectorInvalid
from facepipe.gallery.base import NewReference, first_fault
from facepipe.gallery.database import sync_folder
from facepipe.gallery.names import clean_name
from facepipe.gallery.store import BATCH, Entry
from facepipe.records import Consent, Floats, Quality, Reference, StoredChip, Template

_FORMAT = "facepipe-gallery"
_MEMBERS = ("manifest.json", "vectors.npy", "references.json", "thumbnails.bin")


@dataclass(frozen=True, slots=True, eq=False)
class Archive:
    backbone: str
    dimension: int
    entries: list[Entry]


Chips = Iterable[tuple[int, StoredChip]]


def write(path: Path, backbone: str, dimension: int, references: Iterable[Reference], chips: Chips) -> int:
    """Write ``path`` in one step, readable by its owner only; returns how many references. ``chips`` come with the ids
    of their references; both ascend. Raises OSError."""
    vectors, rows = [], _Rows()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as out:
                with out.open("thumbnails.bin", "w", force_zip64=True) as thumbnails:
                    for reference, chip in _paired(references, chips):
                        vectors.append(reference.template.vector)
                        rows.add(_row(reference, chip))
                        if chip is not None:
                            thumbnails.write(chip.image)
                with out.open("vectors.npy", "w", force_zip64=True) as member:
                    table = np.array(vectors, "<f4").reshape(len(vectors), dimension)
                    np.lib.format.write_array(member, table, version=(1, 0), allow_pickle=False)
                out.writestr("references.json", rows.text())
                about: dict[str, Any] = {"format": _FORMAT, "version": rows.version}
                about |= {"backbone": backbone, "dimension": dimension, "references": len(vectors)}
                out.writestr("manifest.json", json.dumps(about))
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
        sync_folder(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return len(vectors)


def _paired(references: Iterable[Reference], chips: Chips) -> Iterator[tuple[Reference, StoredChip | None]]:
    left = iter(chips)
    number, chip = next(left, (0, None))
    for reference in references:
        while chip is not None and number < reference.id:  # of one that is not matched
            number, chip = next(left, (0, None))
        yield reference, chip if number == reference.id else None


class _Rows:
    """references.json, as text early on: a million dictionaries take 0.8 GB, and Python looks through them all."""

    def __init__(self) -> None:
        self.version = 1
        self._rows: list[dict[str, Any]] = []
        self._parts: list[str] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        needed = 4 if row["quality"] is not None else 3 if "landmarks" in row else 2 if "consent" in row else 1
        self.version = max(self.version, needed)
        if len(self._rows) == BATCH:
            self._write()

    def _write(self) -> None:
        self._parts.append(json.dumps(self._rows)[1:-1])
        self._rows = []

    def text(self) -> str:
        if self._rows:
            self._write()
        return f"[{', '.join(self._parts)}]"


def _row(reference: Reference, chip: StoredChip | None) -> dict[str, Any]:
    seen = reference.quality
    row: dict[str, Any] = {
        "person": reference.person,
        "norm": reference.template.norm,
        "quality": None if seen is None else {"score": seen.score, "size": seen.size, "sharpness": seen.sharpness},
        "source": reference.source,
        "image_sha256": reference.image_sha256,
        "enrolled_at": reference.enrolled_at.isoformat(),
        "thumbnail_bytes": 0 if chip is None else len(chip.image),
    }
    if chip is not None and chip.landmarks is not None:
        row["landmarks"] = chip.landmarks.tolist()
    if (consent := reference.consent) is not None:
        row["consent"] = {"wording": consent.wording, "given_at": consent.given_at.isoformat()}
    return row


def read(path: Path) -> Archive:
    """Read and validate the whole of ``path``. Raises ArchiveInvalid, VectorInvalid or NameInvalid, naming the row."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in _checked(archive, path)}
        return _parse(members, path)
    except (ArchiveInvalid, VectorInvalid, NameInvalid):
        raise
    except FileNotFoundError:
        raise ArchiveInvalid(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise ArchiveInvalid(f"{path}: cannot be read: {error.strerror or error}") from None
    except zipfile.BadZipFile as error:
        raise ArchiveInvalid(f"{path}: not an export of a gallery, or damaged: {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, EOFError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ArchiveInvalid(f"{path}: not as the format says: {what[:200]}") from None
    except (RecursionError, MemoryError, NotImplementedError, RuntimeError) as error:
        raise ArchiveInvalid(f"{path}: not as the format says: {type(error).__name__}") from None


def _checked(archive: zipfile.ZipFile, path: Path) -> tuple[str, ...]:
    """The four names, after making sure that reading them cannot yield more bytes than the file has."""
    infos = archive.infolist()
    if sorted(info.filename for info in infos) != sorted(_MEMBERS):
        raise ArchiveInvalid(f"{path}: expected the members {', '.join(_MEMBERS)} and no other")
    for info in infos:
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
        if not plain or info.file_size != info.compress_size or info.file_size > path.stat().st_size:
            raise ArchiveInvalid(f"{path}: {info.filename}: expected a stored member, neither compressed nor encrypted")
    return _MEMBERS


def _parse(members: dict[str, bytes], path: Path) -> Archive:
    about = json.loads(members["manifest.json"])
    if about["format"] != _FORMAT or about["version"] not in (1, 2, 3, 4):
        raise ArchiveInvalid(f"{path}: expected {_FORMAT} version 1 to 4, got {about['format']} {about['version']}")
    backbone, dimension, rows = about["backbone"], about["dimension"], json.loads(members["references.json"])
    if not isinstance(backbone, str) or not backbone or type(dimension) is not int or not 1 <= dimension <= 1 << 16:
        raise ArchiveInvalid(f"{path}: expected a backbone and a dimension, got {backbone!r:.60} and {dimension!r:.60}")
    if not isinstance(rows, list) or len(rows) != about["references"]:
        raise ArchiveInvalid(f"{path}: expected {about['references']} references")
    vectors = _vectors(members["vectors.npy"], (len(rows), dimension), path)
    thumbnails = _thumbnails(members["thumbnails.bin"], [row["thumbnail_bytes"] for row in rows], path)
    entries, templates = [], _templates(vectors, rows, backbone)
    for number, (row, vector, thumbnail) in enumerate(zip(rows, vectors, thumbnails, strict=True)):
        try:
            template = templates[number] if templates else Template(vector, float(row["norm"]), backbone)
            entries.append(_entry(row, template, _quality(row["quality"], about["version"]), thumbnail))
        except NameInvalid as error:
            raise NameInvalid(f"{path}: reference {number}: {error}") from None
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ArchiveInvalid(f"{path}: reference {number}: {what[:200]}") from None
    return Archive(backbone, dimension, entries)


def _templates(vectors: Floats, rows: list[dict[str, Any]], backbone: str) -> list[Template]:
    """All at once, which is quicker; [] where something is wrong with one."""
    try:
        return Template.many(vectors, [float(row["norm"]) for row in rows], backbone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return []


def _quality(row: dict[str, Any] | None, version: int) -> Quality | None:
    if row is None:
        return None
    sharp = row["sharpness"] if version > 3 else None
    return Quality(float(row["score"]), float(row["size"]), None if sharp is None else float(sharp))


def _entry(row: dict[str, Any], template: Template, quality: Quality | None, thumbnail: bytes | None) -> Entry:
    for key in ("source", "image_sha256", "enrolled_at"):
        if not isinstance(row[key], str):
            raise TypeError(f"{key}: expected text")
    given = row.get("consent")
    consent = None if given is None else Consent(given["wording"], _time("given_at", given["given_at"]))
    landmarks = None if row.get("landmarks") is None else np.array(row["landmarks"], np.float32)
    new = NewReference(template, quality, row["source"], row["image_sha256"], thumbnail, consent, landmarks)
    return clean_name(row["person"]), new, _time("enrolled_at", row["enrolled_at"])


def _time(name: str, text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{name}: expected a time with its offset from UTC")
    return time.astimezone(timezone.utc)


def _vectors(data: bytes, shape: tuple[int, int], path: Path) -> Floats:
    """Parsed by hand so that no claimed shape is believed before it is compared with the bytes that are there."""
    file = io.BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ArchiveInvalid(f"{path}: vectors.npy: expected NumPy's format 1.0")
    got, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if got != shape or fortran or dtype != np.dtype("<f4"):
        raise VectorInvalid(f"{path}: vectors.npy: expected {shape} little-endian float32, got {got} {dtype}")
    body = data[file.tell() :]
    if len(body) != 4 * shape[0] * shape[1]:
        raise ArchiveInvalid(f"{path}: vectors.npy: expected {4 * shape[0] * shape[1]} bytes, got {len(body)}")
    vectors = np.frombuffer(body, "<f4").astype(np.float32).reshape(shape)
    if fault := first_fault(vectors):
        raise VectorInvalid(f"{path}: reference {fault[0]}: {fault[1]}")
    return vectors


def _thumbnails(data: bytes, sizes: list[int], path: Path) -> Iterator[bytes | None]:
    if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != len(data):
        raise ArchiveInvalid(f"{path}: thumbnails.bin does not have the bytes that references.json says")
    ends = np.cumsum(sizes, dtype=np.int64).tolist()
    return (data[end - size : end] if size else None for end, size in zip(ends, sizes, strict=True))
