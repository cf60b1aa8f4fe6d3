"""The record's file: made whole, recognised before it is touched, and every fault of the disk a clear error."""

import sqlite3
import threading
from pathlib import Path

import pytest

from facepipe.errors import (
    FacepipeError,
    GalleryBusy,
    GalleryCorrupt,
    GalleryFull,
    GalleryNotFound,
    GalleryReadOnly,
    UsageError,
)
from facepipe.gallery import Gallery, database

# Opening


def test_missing_and_not_to_be_made(path: Path) -> None:
    for create, read_only in ((False, False), (True, True)):
        with pytest.raises(GalleryNotFound, match="facepipe enroll NAME PHOTO"):
            Gallery.open(path, create=create, read_only=read_only)
    assert list(path.parent.glob("people*")) == []


def test_made_by_the_first_enrolment_for_its_owner_only(tmp_path: Path, new) -> None:
    path = tmp_path / "a folder" / "50% #1?.db"
    with Gallery.open(path) as gallery:
        assert not path.parent.exists()
        gallery.add("Ada", [new(1)])
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["50% #1?.db", "50% #1?.db.faiss"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


def test_the_index_follows_the_records_permissions(closed: Path, new) -> None:
    closed.chmod(0o640)
    with Gallery.open(closed) as gallery:
        gallery.add("Eve", [new(9)])
    assert closed.with_name("people.db.faiss").stat().st_mode & 0o777 == 0o640


def test_threads_that_are_first_at_once_make_one_gallery(path: Path, new) -> None:
    barrier, failures = threading.Barrier(4), []

    def enroll(number: int) -> None:
        try:
            with Gallery.open(path) as gallery:
                barrier.wait()
                gallery.add(f"p{number}", [new(number)])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=enroll, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Gallery.open(path) as gallery:
        assert len(gallery) == 4
    assert not list(path.parent.glob(".people*"))


def test_a_symbolic_link_leads_to_the_gallery_and_its_index(closed: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(closed)
    with Gallery.open(link) as gallery:
        assert gallery.info().index == "valid"


def other_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as sql:
        sql.execute("CREATE TABLE person (id, name)")


def newer_version(path: Path) -> None:
    with sqlite3.connect(path) as sql:
        sql.execute("PRAGMA user_version = 99")


def zero_header(path: Path) -> None:
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])


def zero_first_table(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\0" * 3000 + data[3100:])


def no_meta(path: Path) -> None:
    with sqlite3.connect(path) as sql:
        sql.execute("DELETE FROM meta WHERE key = 'dimension'")


SPOIL = {
    "text": lambda path: path.write_text("once upon a time " * 100),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "other": lambda path: (path.unlink(), other_sqlite(path)),
    "newer": newer_version,
    "header": zero_header,
    "schema": zero_first_table,
    "meta": no_meta,
}


@pytest.mark.parametrize("how", SPOIL)
def test_what_is_no_sound_gallery_is_refused_and_left_as_it_is(closed: Path, how: str, new) -> None:
    SPOIL[how](closed)
    before = {file.name: file.read_bytes() for file in closed.parent.glob("people*")}
    with pytest.raises(GalleryCorrupt) as caught, Gallery.open(closed) as gallery:
        gallery.add("Eve", [new(9)])
    assert str(closed) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ("restore it from a backup" in str(caught.value)) != (how == "newer")
    assert {file.name: file.read_bytes() for file in closed.parent.glob("people*")} == before


def test_a_corrupt_page_stops_what_needs_it(closed: Path, new) -> None:
    """Every page but the first overwritten in turn: no other error than facepipe's, and nothing is written."""
    good, stopped = closed.read_bytes(), 0
    index = closed.with_name("people.db.faiss")
    for start in range(4096, len(good), 4096):
        bad = good[:start] + b"\xa5" * 4096 + good[start + 4096 :]
        closed.write_bytes(bad)
        index.unlink(missing_ok=True)
        try:
            with Gallery.open(closed) as gallery:
                assert gallery.check()  # the page is found out
                gallery.search(new(1).template)
                gallery.people()
                gallery.references()
        except GalleryCorrupt:
            stopped += 1
        assert closed.read_bytes() == bad
    assert stopped


def test_a_folder_is_no_gallery(tmp_path: Path) -> None:
    with pytest.raises(GalleryNotFound, match="is a folder"):
        Gallery.open(tmp_path)


def test_a_file_is_no_folder(closed: Path, new) -> None:
    with pytest.raises(FacepipeError), Gallery.open(closed / "people.db") as gallery:
        gallery.add("Ada", [new(1)])


def test_nul_in_the_path() -> None:
    with pytest.raises(UsageError, match="NUL"):
        Gallery.open("a\0b")


# While it is open


def test_a_full_disk(gallery: Gallery, new) -> None:
    """``max_page_count`` makes SQLite itself report a full disk."""
    pages = gallery._hold._record.sql.execute("PRAGMA page_count").fetchone()[0]
    gallery._hold._record.sql.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(GalleryFull, match="disk is full; nothing was changed"):
        gallery.add_many((f"p{i}", new(i)) for i in range(100, 400))
    assert [person.name for person in gallery.people()] == ["Ada", "Bob"]
    assert gallery.search(new(3).template)[0][0].person == "Bob"
    assert gallery.check() == []
    gallery._hold._record.sql.execute("PRAGMA max_page_count = 1000000")
    assert gallery.add_many((f"p{i}", new(i)) for i in range(100, 400)).added == 300


def test_no_room_for_the_index_file(closed: Path, new, monkeypatch: pytest.MonkeyPatch) -> None:
    index = closed.with_name("people.db.faiss")
    before = index.read_bytes()
    with Gallery.open(closed) as gallery, monkeypatch.context() as patched:
        gallery.add("Eve", [new(9)])
        patched.setattr("facepipe.gallery.index_file.os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        gallery.close()
    assert index.read_bytes() == before
    with Gallery.open(closed) as gallery:
        assert gallery.search(new(9).template)[0][0].person == "Eve"


def test_opened_for_reading(closed: Path, new) -> None:
    before = {file: file.read_bytes() for file in closed.parent.glob("people*")}
    with Gallery.open(closed, read_only=True) as gallery:
        assert gallery.search(new(1).template)[0][0].person == "Ada"
        calls = (
            lambda: gallery.add("Eve", [new(9)]),
            lambda: gallery.remove("Ada"),
            lambda: gallery.rename("Ada", "Eve"),
            lambda: gallery.merge(["Ada"], "Bob"),
            lambda: gallery.remove_reference(1),
        )
        for call in calls:
            with pytest.raises(GalleryReadOnly):
                call()
    assert {file: file.read_bytes() for file in closed.parent.glob("people*")} == before


def test_a_writer_that_does_not_end(closed: Path, new) -> None:
    holder = sqlite3.connect(closed, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Gallery.open(closed, busy_timeout=0.05) as gallery:
        with pytest.raises(GalleryBusy, match="another process is writing"):
            gallery.add("Eve", [new(9)])
        assert gallery.search(new(1).template)[0][0].person == "Ada"  # reading goes on
        holder.execute("ROLLBACK")
        gallery.add("Eve", [new(9)])
    holder.close()


def test_the_folder_is_renamed_while_it_is_open(tmp_path: Path, new) -> None:
    folder = tmp_path / "here"
    with Gallery.open(folder / "people.db") as gallery:
        gallery.add("Ada", [new(1)])
        folder.rename(tmp_path / "there")
        for call in (gallery.people, lambda: gallery.add("Eve", [new(9)]), lambda: gallery.search(new(1).template)):
            with pytest.raises(GalleryNotFound, match="moved or removed"):
                call()
        (tmp_path / "there").rename(folder)
        gallery.add("Eve", [new(9)])
        assert len(gallery) == 2


def test_settings_that_durability_rests_on(gallery: Gallery) -> None:
    sql = gallery._hold._record.sql
    expected = {"journal_mode": "delete", "synchronous": 3, "foreign_keys": 1, "secure_delete": 1, "temp_store": 2}
    assert {name: sql.execute(f"PRAGMA {name}").fetchone()[0] for name in expected} == expected


def test_a_commit_that_fails_leaves_nothing(gallery: Gallery, new, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("facepipe.gallery.store.Record.find", stop)  # after the rows were inserted
    with pytest.raises(KeyboardInterrupt):
        gallery.add("Eve", [new(9)])
    assert len(gallery) == 3
    assert not gallery._hold._record.sql.in_transaction


def test_without_hard_links(path: Path, new, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(database.os, "link", no_links)
    with Gallery.open(path) as gallery:
        gallery.add("Ada", [new(1)])
        assert gallery.check() == []
