"""Faces as a table, where pandas is installed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from facepipe.batches import Failed, Outcome
from facepipe.faces import Faces, Found
from facepipe.machine.dependencies import explained
from facepipe.records import Detection, Identification

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["source", "face", "name", "person", "score", "threshold", "probability", "x0", "y0", "x1", "y1", "error"]


def faces_frame(results: Faces[Any] | Iterable[Faces[Any] | Outcome[Faces[Any]]]) -> pd.DataFrame:
    """A pandas DataFrame with one row for each face of ``results``: what ``detect``, ``faces`` and ``identify`` return,
    or several of these, or what their ``…_each`` hand out.

    Columns: ``source``, ``face`` (from 1, as ``pick`` counts), ``name`` (None: unknown), ``person`` who comes nearest
    with their ``score``, the ``threshold``, ``probability``; the box ``x0`` to ``y1``, px of the file; ``error``: of an
    image that failed, which has one row without a face. An image in which no face was found has no row.
    Raises DependencyMissing without pandas.
    """
    with explained():
        import pandas as pd
    several = [results] if isinstance(results, Faces) else results
    return pd.DataFrame([row for one in several for row in _rows(one)], columns=COLUMNS)


def _rows(one: Faces[Any] | Outcome[Faces[Any]]) -> list[dict[str, Any]]:
    if isinstance(one, Failed):
        return [{"source": one.source, "error": str(one.error)}]
    faces = (one if isinstance(one, Faces) else one.value).in_file()
    return [{"source": faces.source, "face": number, **_row(face)} for number, face in enumerate(faces, 1)]


def _row(face: Found) -> dict[str, Any]:
    if not isinstance(face, Identification):
        return _box(face if isinstance(face, Detection) else face.detection)
    row = {"name": face.name, "threshold": face.threshold} | _box(face.detection)
    if face.guess is None:
        return row
    return row | {name: getattr(face.guess, name) for name in ("person", "score", "probability")}


def _box(found: Detection) -> dict[str, Any]:
    return dict(zip(("x0", "y0", "x1", "y1"), map(float, found.box), strict=True))
