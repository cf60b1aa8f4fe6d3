"""Galleries of people who are no faces."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facepipe.gallery import Gallery, NewReference
from facepipe.records import Floats, Quality, Template
from tests.doctor.doctor_faces import Add, face


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """Empty."""
    with Gallery.open(tmp_path / "people.db") as opened:
        yield opened


@pytest.fixture
def add(gallery: Gallery) -> Add:
    """Enrol a vector under a name; the reference's id. ``sha``: the image's, None for one of its own."""

    def add(
        name: str,
        vector: Floats,
        *,
        sha: str | None = None,
        size: float = 100.0,
        thumbnail: bytes | None = None,
        source: str = "photo.jpg",
    ) -> int:
        mark = f"{np.random.default_rng(vector.view(np.uint32)).integers(1 << 62):064x}" if sha is None else sha
        template = Template(vector, 1.0, "toy@1")
        (made,) = gallery.add(name, [NewReference(template, Quality(0.99, size, None), source, mark, thumbnail)])
        assert made is not None
        return made.id

    return add


@pytest.fixture
def crowd(add: Add) -> dict[str, list[int]]:
    """Six people, P0 to P5, with four references each: their ids."""
    return {f"P{person}": [add(f"P{person}", face(person, shot)) for shot in range(4)] for person in range(6)}
