"""A gallery of an older facepipe: read as it is, upgraded with the first write to it, whole or not at all."""

import json
import os
import sqlite3
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from facepipe.errors import GalleryCorrupt, PersonExists
from facepipe.gallery import Gallery, database
from facepipe.gallery.change import Renewed
from facepipe.records import Consent, Quality, Template
from tests.gallery.killed import at_each_statement

YES = Consent("yes", datetime(2026, 1, 2, tzinfo=timezone.utc))


@pytest.fixture
def old(path: Path) -> Path:
    """What the first version left (version_1.sql): Ada with references 1 and 2, Bob with 4."""
    with sqlite3.connect(path) as sql:
        sql.executescript(Path(__file__).with_name("version_1.sql").read_text("utf-8"))
    sql.close()
    return path


def version(path: Path) -> int:
    sql = sqlite3.connect(path)
    try:
        return sql.execute("PRAGMA user_version").fetchone()[0]
    finally:
        sql.close()


def schema(path: Path) -> list[str]:
    sql = sqlite3.connect(path)
    try:
        return [text for (text,) in sql.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name")]
    finally:
        sql.close()


def test_reading_leaves_it_as_it_is(old: Path, new, tmp_path: Path) -> None:
    before = old.read_bytes()
    with Gallery.open(old, create=False) as gallery:
        assert [(p.id, p.name, p.references) for p in gallery.people()] == [(1, "Ada", 2), (3, "Bob", 1)]
        assert gallery.search(new(3).template)[0][0].person == "Bob"
        assert [(r.id, r.consent) for r in gallery.references()] == [(1, None), (2, None), (4, None)]
        assert gallery.reference(4).source == "photo3.jpg"
        assert (gallery.thumbnail(1), gallery.person(3).name) == (b"\xff\xd8\xffchip", "Bob")
        assert gallery.check() == []
        assert gallery.export(tmp_path / "people.zip") == 3
    assert old.read_bytes() == before


def test_it_can_be_read_where_nothing_can_be_written(old: Path, new) -> None:
    old.chmod(0o400)
    old.parent.chmod(0o500)
    try:
        with Gallery.open(old, read_only=True) as gallery:
            assert gallery.search(new(3).template)[0][0].person == "Bob"
            assert len(gallery.references("Ada")) == 2
    finally:
        old.parent.chmod(0o700)
    assert version(old) == 1


WRITES = {
    "add": lambda gallery, new: gallery.add("Eve", [replace(new(9), consent=YES)]),
    "add_many": lambda gallery, new: gallery.add_many([("Eve", replace(new(9), consent=YES))]),
    "rename": lambda gallery, new: gallery.rename("Ada", "Eve"),
    "merge": lambda gallery, new: gallery.merge(["Ada"], "Bob"),
    "remove": lambda gallery, new: gallery.remove("Ada"),
    "remove_reference": lambda gallery, new: gallery.remove_reference(1),
    "switch": lambda gallery, new: gallery.switch("other@1", lambda places: {id: renewed(id) for id, _ in places}),
}


def renewed(id: int) -> Renewed:
    """A reference as another network would have it."""
    embedding = np.random.default_rng(id).normal(size=8).astype(np.float32)
    return Renewed(Template.from_embedding(embedding, "other@1"), np.zeros((5, 2), np.float32))


@pytest.mark.parametrize("write", WRITES)
def test_the_first_write_upgrades_it(old: Path, new, tmp_path: Path, write: str) -> None:
    with Gallery.open(old) as gallery:
        WRITES[write](gallery, new)
        assert gallery.check() == []
        if write.startswith("add"):
            assert {reference.consent for reference in gallery.references("Eve")} == {YES}
    assert version(old) == 6
    with Gallery.open(tmp_path / "fresh.db") as fresh:
        fresh.add("Ada", [new(1)])
    assert schema(old) == schema(tmp_path / "fresh.db")


def test_a_write_that_fails_does_not(old: Path) -> None:
    before = old.read_bytes()
    with Gallery.open(old) as gallery, pytest.raises(PersonExists):
        gallery.rename("Ada", "Bob")
    assert old.read_bytes() == before


def test_an_older_facepipe_says_what_to_do(old: Path, new, monkeypatch: pytest.MonkeyPatch) -> None:
    with Gallery.open(old) as gallery:
        gallery.add("Eve", [new(9)])
    monkeypatch.setattr(database, "SCHEMA_VERSION", 1)
    with pytest.raises(GalleryCorrupt, match=r"made by a newer facepipe \(schema 6, this one knows 1\); upgrade it"):
        Gallery.open(old)


def test_the_sharpness_of_before_is_no_sharpness(old: Path, new) -> None:
    """It was another measure, in hundreds."""
    with Gallery.open(old) as gallery:
        assert [r.quality for r in gallery.references()] == [Quality(0.9, 80.0, None)] * 3
        (eve,) = gallery.add("Eve", [replace(new(9), quality=Quality(0.9, 80.0, 0.25))])
        assert eve is not None
        assert [r.quality and r.quality.sharpness for r in gallery.references()] == [None, None, None, 0.25]
        assert gallery.reference(eve.id).quality == Quality(0.9, 80.0, 0.25)


def test_an_older_facepipe_that_has_it_open_reads_what_a_newer_one_enrolled(old: Path, new) -> None:
    with Gallery.open(old) as gallery:
        gallery.add("Eve", [new(9), replace(new(8), quality=Quality(0.9, 80.0, None))])
    sql = sqlite3.connect(old)
    told = [json.loads(text) for (text,) in sql.execute("SELECT quality FROM reference ORDER BY id")]
    sql.close()
    assert len(told) == 5
    assert all(set(quality) == {"score", "size", "sharpness"} for quality in told)
    assert all(isinstance(value, int | float) for quality in told for value in quality.values())


def test_a_gallery_that_is_open_elsewhere_notices(old: Path, new) -> None:
    with Gallery.open(old) as reader, Gallery.open(old) as writer:
        assert [r.consent for r in reader.references("Ada")] == [None, None]
        writer.add("Ada", [replace(new(9), consent=YES)])
        assert [r.consent for r in reader.references("Ada")] == [None, None, YES]
        reader.remove("Ada")
        assert [p.name for p in writer.people()] == ["Bob"]


# A picture that fills pages, so that half of the transaction is in the file early
ENROLL_EVE = """new = make_new(9, thumbnail=b"\\xff\\xd8\\xff" + b"x" * 50_000)
        gallery.add("Eve", [replace(new, consent=YES)])"""
KILLED_AT_STATEMENT = at_each_statement(
    "from dataclasses import replace\nfrom conftest import make_new\nfrom test_upgrade import YES", ENROLL_EVE
)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_killed_at_any_statement_it_is_old_or_new(old: Path, new, python, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    before = old.read_bytes()
    done = python(KILLED_AT_STATEMENT, old, copies)
    statements = int(done.communicate()[0])
    half = sum((copies / f"{number}.db-journal").exists() for number in range(1, statements))
    found = []
    for number in range(1, statements + 1):
        target = copies / f"{number}.db"
        with Gallery.open(target) as gallery:
            assert gallery.search(new(3).template)[0][0].person == "Bob"  # makes the index that the kill left undone
            assert gallery.check() == []
            enrolled = [reference.consent for reference in gallery.references()]
        found.append((version(target), len(enrolled)))
        if version(target) == 1:
            assert target.read_bytes() == before
        else:
            assert enrolled[-1] is not None
    assert set(found) == {(1, 3), (6, 4)}
    assert found == sorted(found)
    assert half > 3  # some were killed with the transaction half done
