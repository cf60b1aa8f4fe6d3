"""A gallery of made-up faces, and two toy networks: ``coarse`` made it, ``grid`` is the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facepipe import Gallery, Pipeline
from tests.toy_networks import add_grid
from tests.upgrade.blots import PEOPLE, new


@pytest.fixture
def coarse(home: Path, tmp_path: Path) -> Pipeline:
    add_grid(tmp_path, "coarse", cells=4)
    return Pipeline("coarse")


@pytest.fixture
def grid(home: Path, tmp_path: Path) -> Pipeline:
    add_grid(tmp_path)
    return Pipeline("grid")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture
def gallery(path: Path, coarse: Pipeline) -> Iterator[Gallery]:
    """Ada, Bob and Eve with three references each, 1 to 9, made by ``coarse``."""
    with Gallery.open(path) as opened:
        for number, name in enumerate(PEOPLE):
            opened.add(name, [new(coarse, number, shot) for shot in range(3)])
        yield opened
