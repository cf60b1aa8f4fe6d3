"""A change of network, its settling and its taking back, killed at every statement: old or new, never half."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from facepipe.errors import GalleryFull
from facepipe.gallery import Gallery
from facepipe.gallery.change import Renewed
from facepipe.records import Template
from tests.gallery.killed import at_each_statement

pytestmark = pytest.mark.slow

STEPS = ("switch", "switch_back", "settle")

KILLED_AT_STATEMENT = at_each_statement("from test_change_killed import step", "step(gallery, *what)")


def make(places: Sequence[tuple[int, int]]) -> dict[int, Renewed]:
    """Vectors of another network, of twice as many numbers; there is none for the reference 5."""
    landmarks = np.ones((5, 2), np.float32)
    embeddings = {id: np.random.default_rng(id).normal(size=32).astype(np.float32) for id, _ in places if id != 5}
    return {id: Renewed(Template.from_embedding(row, "other@1"), landmarks) for id, row in embeddings.items()}


def step(gallery: Gallery, what: str) -> None:
    if what == "switch":
        gallery.switch("other@1", make, leave_out=True)
    elif what == "switch_back":
        gallery.switch_back(lambda places: {}, leave_out=True)
    else:
        gallery.settle()


@pytest.fixture
def many(gallery: Gallery, path: Path, new) -> Path:
    """Besides Ada and Bob, ten people with pictures that fill pages."""
    picture = b"\xff\xd8\xff" + b"x" * 3000
    gallery.add_many([(f"p{seed}", new(seed, thumbnail=picture)) for seed in range(10, 20)])
    gallery.close()
    return path


def state(path: Path) -> dict[str, object]:
    with Gallery.open(path, create=False) as gallery:
        rows = {r.id: (r.person, r.template.backbone, r.template.vector.tobytes()) for r in gallery.references()}
        chips = {id: gallery.chip(id) for id in rows}
        places = {id: None if c is None or c.landmarks is None else c.landmarks.tolist() for id, c in chips.items()}
        if rows:
            gallery.search(gallery.references()[0].template)  # makes the index that the kill left undone
        assert gallery.check() == []
        return {"former": gallery.former, "rows": rows, "places": places, "left_out": gallery.info().left_out}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
@pytest.mark.parametrize("what", STEPS)
def test_killed_at_any_statement(many: Path, python, tmp_path: Path, what: str) -> None:
    if what != "switch":
        with Gallery.open(many) as gallery:
            step(gallery, "switch")
    before = state(many)
    copies = tmp_path / "copies"
    copies.mkdir()
    statements = int(python(KILLED_AT_STATEMENT, many, copies, what).communicate()[0])
    half = sum((copies / f"{number}.db-journal").exists() for number in range(1, statements))
    found = [state(copies / f"{number}.db") for number in range(1, statements + 1)]
    after = found[-1]
    assert after != before
    new = [one == after for one in found]
    assert all(one in (before, after) for one in found)
    assert new == sorted(new)
    assert half > 3  # some were killed with the transaction half done


def test_a_full_disk_changes_nothing(many: Path, new) -> None:
    """Nor does it stand in the way of what settles a change, which takes no room."""
    with Gallery.open(many) as gallery:
        gallery.add_many([(f"p{seed}", new(seed)) for seed in range(100, 400)])
    before = state(many)
    with _full(many) as gallery, pytest.raises(GalleryFull, match="nothing was changed"):
        step(gallery, "switch")
    assert state(many) == before
    with Gallery.open(many) as gallery:
        step(gallery, "switch")
    with _full(many) as gallery:
        step(gallery, "switch_back")
    assert state(many)["former"] is None


def _full(path: Path) -> Gallery:
    """The gallery, on a disk without room for another page."""
    gallery = Gallery.open(path)
    sql = gallery._hold._record.sql
    sql.execute(f"PRAGMA max_page_count = {sql.execute('PRAGMA page_count').fetchone()[0]}")
    return gallery
