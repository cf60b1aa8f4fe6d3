"""The index file is only ever a copy: whatever happens to it, searches give what the record says, and say so once."""

import logging
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facepipe.errors import GalleryBusy, GalleryCorrupt, GalleryReadOnly
from facepipe.gallery import Gallery, database, index_file
from facepipe.gallery.faiss_index import FaissIndex


@pytest.fixture
def index(closed: Path) -> Path:
    return closed.with_name("people.db.faiss")


def find_all(path: Path, new, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Search for references 1, 2 and 3, twice, then reopen and again; the warnings that came up meanwhile."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, "facepipe"):
        for _ in range(2):
            with Gallery.open(path) as gallery:
                for _ in range(2):
                    found = gallery.search([new(i).template for i in (1, 2, 3)], top=1)
                    assert [(row[0].person, row[0].reference_id) for row in found] == [
                        ("Ada", 1),
                        ("Ada", 2),
                        ("Bob", 3),
                    ]
                    assert [row[0].score for row in found] == [pytest.approx(s, abs=0.01) for s in (0.84, 0.84, 1)]
                assert gallery.info().index == "valid"  # written by the search that found it wrong
                assert gallery.check() == []
    return [record.message for record in caplog.records]


def test_an_intact_index_is_used_without_a_word(closed: Path, index: Path, new, caplog) -> None:
    before = index.stat()
    assert find_all(closed, new, caplog) == []
    assert (index.stat().st_ino, index.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)  # not rewritten


def test_a_missing_index_is_made_anew(closed: Path, index: Path, new, caplog) -> None:
    index.unlink()
    with Gallery.open(closed) as gallery:
        assert gallery.info().index == "missing"
        assert len(gallery.check()) == 1
    assert [*find_all(closed, new, caplog)] == [
        f"{index}: the search index is missing; rebuilt from the gallery, nothing is lost"
    ]


@pytest.mark.parametrize("size", [0, 20, 200])
def test_a_truncated_index_is_made_anew(closed: Path, index: Path, new, caplog, size: int) -> None:
    index.write_bytes(index.read_bytes()[:size])
    with Gallery.open(closed) as gallery:
        assert gallery.info().index == "damaged"
        assert "damaged" in gallery.check()[0]
    (warning,) = find_all(closed, new, caplog)
    assert "damaged" in warning


@pytest.mark.slow
def test_two_hundred_flipped_bits_are_all_noticed(closed: Path, index: Path, caplog, new) -> None:
    good, rng = index.read_bytes(), random.Random(5)
    for turn in range(200):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        index.write_bytes(bad)
        caplog.clear()
        with Gallery.open(closed) as gallery:
            assert gallery.search(new(3).template)[0][0].reference_id == 3, turn
        assert len(caplog.records) == 1, turn
        with Gallery.open(closed) as gallery:
            assert gallery.info().index == "valid", turn


def test_an_index_of_another_version_of_facepipe_is_made_anew(closed: Path, index: Path, new, caplog) -> None:
    data = bytearray(index.read_bytes())
    data[8] = 1  # the format of before
    index.write_bytes(data)
    with Gallery.open(closed) as gallery:
        assert gallery.info().index == "stale"
    assert find_all(closed, new, caplog) == [
        f"{index}: the search index is of another version of facepipe; rebuilt from the gallery, nothing is lost"
    ]


def test_an_older_index_is_brought_up_to_date(closed: Path, index: Path, new, template, caplog) -> None:
    old = index.read_bytes()
    with Gallery.open(closed) as gallery:
        gallery.add("Eve", [new(4)])
        gallery.remove_reference(2)
    index.write_bytes(old)
    with Gallery.open(closed) as gallery:
        assert gallery.info().index == "stale"
        assert gallery.search(new(4).template)[0][0].person == "Eve"
        assert gallery.search(new(2).template)[0][0].score < 0.99
        assert gallery.check() == []
    assert len(caplog.records) == 1
    assert "present state" in caplog.records[0].message


def test_an_index_of_a_restored_older_record_is_noticed(closed: Path, index: Path, new, caplog) -> None:
    """The backup hands out id 4 a second time, for another vector."""
    backup = closed.read_bytes()
    with Gallery.open(closed) as gallery:
        gallery.add("Eve", [new(4)])
    newer_index = index.read_bytes()
    closed.write_bytes(backup)
    with Gallery.open(closed) as gallery:
        assert gallery.add("Mallory", [new(5)])[0].id == 4
    index.write_bytes(newer_index)
    with Gallery.open(closed) as gallery:
        (best, *_) = gallery.search(new(5).template)[0]
        assert (best.person, best.score) == ("Mallory", pytest.approx(1))
        assert gallery.search(new(4).template)[0][0].score < 0.99
        assert gallery.check() == []


def test_a_backup_moved_into_place_under_a_running_process_is_followed(closed: Path, new) -> None:
    backup = closed.with_name("backup.db")
    shutil.copy(closed, backup)
    with Gallery.open(closed) as running:
        running.add("Eve", [new(4)])
        running.search(new(4).template)
        backup.replace(closed)
        with Gallery.open(closed) as other:
            assert other.add("Mallory", [new(5)])[0].id == 4
        assert running.search(new(5).template)[0][0].score == pytest.approx(1)
        assert running.search(new(4).template)[0][0].score < 0.99
        assert running.add("Eve", [new(6)])[0].id == 5
    with Gallery.open(closed) as gallery:
        assert [person.name for person in gallery.people()] == ["Ada", "Bob", "Mallory", "Eve"]
        assert gallery.check() == []


def test_another_gallerys_index_is_not_taken(closed: Path, index: Path, new, tmp_path: Path, caplog) -> None:
    with Gallery.open(tmp_path / "other.db") as other:
        other.add("Zed", [new(i) for i in (7, 8, 9)])
    shutil.copy(tmp_path / "other.db.faiss", index)
    (warning,) = find_all(closed, new, caplog)
    assert "another gallery" in warning


def test_own_writes_are_no_reason_to_warn(path: Path, new, caplog) -> None:
    for number in range(3):
        with Gallery.open(path) as gallery:
            gallery.add("Ada", [new(number)])
            gallery.search(new(number).template)
            gallery.rename("Ada", "Ada L.")
            gallery.rename("Ada L.", "Ada")
            if number:
                gallery.remove_reference(gallery.references()[0].id)
    assert caplog.records == []


def test_rebuild_needs_no_file(closed: Path, index: Path, new, caplog) -> None:
    index.write_bytes(b"x")
    with Gallery.open(closed) as gallery:
        assert gallery.rebuild() == 3
        assert (gallery.info().index, gallery.check()) == ("valid", [])
    assert caplog.records == []


def test_check_compares_the_index_vector_by_vector(closed: Path, new) -> None:
    """A wrong vector under a right seal, which only a fault of facepipe's own could write."""
    path = closed.with_name("people.db.faiss")
    sealed = index_file.read(path, FaissIndex(16))
    vectors = sealed.index.vectors(np.arange(3))
    vectors[-1, -1] += 1e-7
    wrong = FaissIndex(16)
    wrong.add(vectors)
    index_file.write(path, replace(sealed, index=wrong), 0o600)
    with Gallery.open(closed) as gallery:
        assert gallery.check() == ["index file: the vector of reference 3 is not the record's"]


def refuse(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")


def test_where_the_file_cannot_be_written_a_search_goes_on_and_a_rebuild_fails(
    closed: Path, index: Path, new, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.unlink()
    monkeypatch.setattr("facepipe.gallery.live_index.index_file.write", refuse)
    monkeypatch.setattr("facepipe.gallery.live_index.os.access", lambda _, mode: mode != os.W_OK)
    with caplog.at_level(logging.WARNING, "facepipe"), Gallery.open(closed) as gallery:
        assert gallery.search(new(1).template)[0][0].person == "Ada"
        assert "rebuilt in memory, as its folder cannot be written" in caplog.text
        with pytest.raises(GalleryReadOnly, match="no permission to write"):
            gallery.rebuild()
    with Gallery.open(closed, read_only=True) as gallery, pytest.raises(GalleryReadOnly):
        gallery.rebuild()
    assert not index.exists()


def test_a_rebuild_waits_for_a_writer_or_says_so(closed: Path) -> None:
    with Gallery.open(closed, busy_timeout=0.1) as gallery, Gallery.open(closed) as other:
        with other._hold.writing(), pytest.raises(GalleryBusy):
            gallery.rebuild()
        assert gallery.rebuild() == 3


def test_what_an_older_record_has_and_the_index_lacks_is_put_in_its_place(closed: Path, index: Path, new) -> None:
    """Reference 1 was removed after the backup was made: the index has 2 and 3 already, and 1 comes before them."""
    with Gallery.open(closed) as gallery:
        gallery.add("Ada", [new(4)])
    backup = closed.read_bytes()
    with Gallery.open(closed) as gallery:
        gallery.remove_reference(1)
    newer_index = index.read_bytes()
    closed.write_bytes(backup)
    index.write_bytes(newer_index)
    with Gallery.open(closed) as gallery:
        found = gallery.search([new(i).template for i in (1, 2, 3, 4)], top=1)
        assert [(row[0].person, row[0].reference_id) for row in found] == [
            ("Ada", 1),
            ("Ada", 2),
            ("Bob", 3),
            ("Ada", 4),
        ]
        assert gallery.check() == []
    assert gallery_ids(index) == [1, 2, 3, 4]


def gallery_ids(index: Path) -> list[int]:
    return index_file.read(index, FaissIndex(16)).ids.tolist()


def test_a_record_that_could_not_be_read_is_read_again(gallery: Gallery, new) -> None:
    """A damaged vector stops every search; once the record is mended, in its old state too, searches are right."""
    before = gallery.search(new(3).template)
    with gallery._hold.writing() as (record, _):
        state = record.state
        record.sql.execute("INSERT INTO reference SELECT 9, 1, 9, x'00', 1, '', '', 'x', '', NULL")
    for _ in range(2):
        with pytest.raises(GalleryCorrupt, match="reference 9"):
            gallery.search(new(3).template)
    sql = gallery._hold._record.sql
    sql.execute("DELETE FROM reference WHERE id = 9")
    sql.execute("UPDATE meta SET value = ? WHERE key = 'state'", (state,))
    again = gallery.search(new(3).template)
    assert [(c.person, c.score) for c in again[0]] == [(c.person, c.score) for c in before[0]]


def test_an_index_beside_a_gallery_that_nobody_is_in(path: Path, closed: Path, index: Path, new) -> None:
    content = index.read_bytes()
    closed.unlink()
    database.create(path)
    index.write_bytes(content)
    with Gallery.open(path) as gallery:
        assert gallery.info().index == "damaged"
        assert gallery.search(new(1).template) == [()]
        gallery.add("Eve", [new(5)])
        assert gallery.search(new(1).template, top=1)[0][0].person == "Eve"
    assert gallery_ids(index) == [1]
