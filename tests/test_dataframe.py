"""Faces as a table: with a stand-in for pandas, and with pandas itself where it is installed."""

from __future__ import annotations

import builtins
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facepipe import Done, Faces, Failed, faces_frame
from facepipe.dataframe import COLUMNS
from facepipe.errors import DependencyMissing, ImageNotFound
from facepipe.records import Candidate, Detection, Identification

FOUND = Detection(np.array([10, 20, 40, 80], np.float32), 0.9, np.zeros((5, 2), np.float32))
ADA = Identification(FOUND, (Candidate("Ada", 0.8, 1, 3, 0.98),), 0.3)
NOBODY = Identification(FOUND, (Candidate("Ada", 0.1, 1, 3),), 0.3)
EMPTY = Identification(FOUND, (), 0.3)
PARTY = Faces([ADA, NOBODY, EMPTY], "party.jpg", (200, 100))


class Table:
    def __init__(self, rows: list[dict[str, Any]], columns: list[str]) -> None:
        self.rows, self.columns = rows, columns


@pytest.fixture
def pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = ModuleType("pandas")
    stand_in.DataFrame = Table  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", stand_in)


@pytest.mark.usefixtures("pandas")
def test_a_row_for_each_face() -> None:
    table: Any = faces_frame(PARTY)
    assert table.columns == COLUMNS
    assert [set(row) <= set(COLUMNS) for row in table.rows] == [True] * 3
    first, second, third = table.rows
    box = {"x0": 10.0, "y0": 20.0, "x1": 40.0, "y1": 80.0}
    who = {"name": "Ada", "person": "Ada", "score": 0.8, "threshold": 0.3, "probability": 0.98}
    assert first == {"source": "party.jpg", "face": 1} | who | box
    assert (second["face"], second["name"], second["person"], second["probability"]) == (2, None, "Ada", None)
    assert third == {"source": "party.jpg", "face": 3, "name": None, "threshold": 0.3} | box


@pytest.mark.usefixtures("pandas")
def test_of_several_images_and_of_what_failed() -> None:
    failed = Failed("gone.jpg", ImageNotFound("gone.jpg: no such file"))
    outcomes: list[Done[Faces[Any]] | Failed] = [
        Done("party.jpg", PARTY),
        failed,
        Done("empty.jpg", Faces([], "empty.jpg", (9, 9))),
    ]
    table: Any = faces_frame(outcomes)
    assert [row["source"] for row in table.rows] == ["party.jpg"] * 3 + ["gone.jpg"]
    assert table.rows[-1] == {"source": "gone.jpg", "error": "gone.jpg: no such file"}
    table = faces_frame([PARTY, Faces([FOUND], "b.jpg", (200, 100), shrunk=2)])
    assert table.rows[-1] == {"source": "b.jpg", "face": 1, "x0": 20.5, "y0": 40.5, "x1": 80.5, "y1": 160.5}


def test_without_pandas_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = builtins.__import__

    def without(name: str, *given: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name=name)
        return find(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyMissing, match="pip install pandas"):
        faces_frame(PARTY)


def test_with_pandas() -> None:
    pytest.importorskip("pandas")
    table = faces_frame(PARTY)
    assert table.shape == (3, len(COLUMNS))
    assert table["name"].notna().tolist() == [True, False, False]
