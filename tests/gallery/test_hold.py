"""Several processes and threads on one gallery, and users who may not do everything."""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facepipe.gallery import Gallery

pytestmark = pytest.mark.slow

ENROLL = """
from conftest import make_new
from facepipe.gallery import Gallery
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
with Gallery.open(path) as gallery:
    for number in range(first, first + count):
        assert gallery.add(f"p{number}", [make_new(number), make_new(number + 1000)])
print("done", flush=True)
"""


def test_four_processes_enroll_at_once(path: Path, python, new) -> None:
    """None of them finds a gallery, so they make it at once, too."""
    processes = [python(ENROLL, path, first, 25) for first in (100, 200, 300, 400)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in processes] == ["done\n"] * 4
    with Gallery.open(path) as gallery:
        assert sorted(person.name for person in gallery.people()) == sorted(
            f"p{first + i}" for first in (100, 200, 300, 400) for i in range(25)
        )
        assert len({reference.id for reference in gallery.references()}) == len(gallery) == 200
        assert gallery.search(new(1424).template)[0][0].person == "p424"
        assert gallery.check() == []


WATCHED = """
from conftest import make_new
from facepipe.gallery import Gallery
with Gallery.open(sys.argv[1]) as gallery:
    for line in sys.stdin:
        exec(line)
        print("done", flush=True)
"""


def test_a_running_process_sees_anothers_writes(gallery: Gallery, python, new) -> None:
    def seen(expected: tuple[str, int]) -> bool:
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            best = gallery.search(new(9).template, top=1)[0][0]
            if (best.person, best.reference_id) == expected:
                return True
        return False

    assert not seen(("Eve", 4))
    other = python(WATCHED, gallery.path)
    for statement, expected in (
        ("gallery.add('Eve', [make_new(9)])", ("Eve", 4)),
        ("gallery.rename('Eve', 'Eva')", ("Eva", 4)),
        ("gallery.merge(['Eva'], 'Bob')", ("Bob", 4)),
        ("gallery.remove_reference(4); gallery.add('Eva', [make_new(9)])", ("Eva", 5)),
    ):
        other.stdin.write(statement + "\n")
        other.stdin.flush()
        assert other.stdout.readline() == "done\n"
        assert seen(expected), statement
    other.communicate()
    assert gallery.check() == []


def test_taking_turns_is_no_reason_to_warn(path: Path, new, caplog) -> None:
    """Each finds, when closing, an index that the other has not written yet or has written meanwhile."""
    with Gallery.open(path) as one, Gallery.open(path) as two, Gallery.open(path) as three:
        for number in range(3):
            for opened, person in ((one, "Ada"), (two, "Bob"), (three, "Eve")):
                opened.add(person, [new(number)])
    assert caplog.records == []


def test_a_gallery_that_another_process_makes_is_seen(path: Path, python) -> None:
    with Gallery.open(path) as gallery:
        assert gallery.people() == []
        other = python(WATCHED, path)
        other.communicate("gallery.add('Eve', [make_new(9)])\n")
        assert [person.name for person in gallery.people()] == ["Eve"]


def test_threads_share_a_gallery(gallery: Gallery, new) -> None:
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 15):
                gallery.add(f"p{number}", [new(number)])
                assert gallery.search(new(number).template, top=1)[0][0].person == f"p{number}"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(gallery) == 63


def test_an_index_of_an_older_state_never_replaces_a_newer_one(gallery: Gallery, closed: Path, new) -> None:
    """What another process removed in between cannot come back in the file."""
    index = closed.with_name("people.db.faiss")
    with Gallery.open(closed) as slow, Gallery.open(closed) as quick:
        slow.rename("Ada", "Eve")
        slow.search(new(1).template)  # now it has an index in memory that the file has not
        quick.remove("Bob")
        slow._hold.index.save(slow._hold._record)  # as if it had been about to write when Bob was removed
        assert not index.exists()
    assert new(3).template.vector.tobytes() not in index.read_bytes()


# Permissions: as another user, because root may do anything.

AS_NOBODY = """
import os, logging, tempfile
from conftest import make_new
from facepipe.gallery import Gallery
import facepipe.errors as errors
path = sys.argv[1]
logging.disable()
with tempfile.TemporaryDirectory() as folder, Gallery.open(folder + "/people.db") as warm:
    warm.add("Ada", [make_new(0)])  # loads what loads late: another user may not be able to read this checkout
    warm.search(make_new(0).template)
    warm.rebuild()
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
def name(call):
    try:
        call()
    except errors.FacepipeError as error:
        assert (path in str(error) or "Ada" in str(error)) and "\\n" not in str(error), error
        return type(error).__name__
def body():
    with Gallery.open(path) as gallery:
        print(gallery.search(make_new(1).template)[0][0].person if sys.argv[2:] else "-")
        print(name(lambda: gallery.add("Eve", [make_new(9)])), name(lambda: gallery.remove("Ada")), len(gallery))
print(name(body))
"""


@pytest.fixture
def shared(closed: Path) -> Iterator[Path]:
    """The gallery in a folder that another user can reach, both read-only for everybody."""
    folder = Path(tempfile.mkdtemp(prefix="facepipe-test-"))
    copy = folder / "people.db"
    for suffix in ("", ".faiss"):
        shutil.copy(str(closed) + suffix, str(copy) + suffix)
        os.chmod(str(copy) + suffix, 0o444)
    folder.chmod(0o555)
    yield copy
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are POSIX")
@pytest.mark.parametrize("index", ["valid", "missing"])
@pytest.mark.parametrize("mode", [0o444, 0o666])
def test_identifying_works_where_writing_is_not_allowed(shared: Path, python, index: str, mode: int) -> None:
    shared.chmod(mode)  # 0666: the file could be written, its folder cannot hold a journal
    if index == "missing":
        shared.parent.chmod(0o755)
        shared.with_name("people.db.faiss").unlink()
        shared.parent.chmod(0o555)
    before = {file.name: file.read_bytes() for file in shared.parent.iterdir()}
    out, _ = python(AS_NOBODY, shared, "search").communicate()
    assert out.splitlines() == ["Ada", "GalleryReadOnly GalleryReadOnly 3", "None"]
    assert {file.name: file.read_bytes() for file in shared.parent.iterdir()} == before


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are POSIX")
def test_no_permission_to_read(shared: Path, python) -> None:
    shared.chmod(0o000)
    assert python(AS_NOBODY, shared).communicate()[0].splitlines() == ["GalleryDenied"]
    shared.parent.chmod(0o000)
    assert python(AS_NOBODY, shared).communicate()[0].splitlines() == ["GalleryDenied"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of files are POSIX")
def test_no_permission_to_make_one(shared: Path, python) -> None:
    missing = shared.parent / "new" / "people.db"
    out, _ = python(AS_NOBODY, missing).communicate()
    assert out.splitlines() == ["-", "GalleryReadOnly PersonNotFound 0", "None"]


class Interrupted:
    """A connection during whose first BEGIN IMMEDIATE somebody presses Ctrl-C."""

    def __init__(self, sql) -> None:
        self._sql, self._armed = sql, True

    def __getattr__(self, name: str):
        return getattr(self._sql, name)

    def execute(self, statement: str, *values):
        done = self._sql.execute(statement, *values)
        if self._armed and statement == "BEGIN IMMEDIATE":
            self._armed = False
            raise KeyboardInterrupt
        return done


def test_ctrl_c_as_a_transaction_begins_leaves_none_open(gallery: Gallery, path: Path, new) -> None:
    record = gallery._hold._record
    record.sql = Interrupted(record.sql)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        gallery.add("Eve", [new(9)])
    gallery.close()  # writes the index file, for which it needs a transaction of its own
    with Gallery.open(path) as again:
        assert again.info().index == "valid"
        assert len(again) == 3
