"""A gallery on a file system that does not lock: said as that, and not as another process that writes."""

from __future__ import annotations

import errno
import os
import platform
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from facepipe import Gallery
from facepipe.errors import GalleryBusy, WriteFailed
from facepipe.files import can_lock, locked
from facepipe.gallery import faults

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
CODE = """
import sys
from lockless import refuse_locks
try:
    refuse_locks(int(sys.argv[2]))
except OSError:
    sys.exit("no seccomp")
from facepipe import FacepipeError, Gallery
for options in ({}, {"read_only": True}):
    try:
        with Gallery.open(sys.argv[1], busy_timeout=0.05, **options) as gallery:
            gallery.people()
    except FacepipeError as error:
        print(error.code, error)
"""


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="Linux on x86-64")
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EACCES, errno.EPERM], ids=errno.errorcode.get)
def test_a_share_without_locks(closed: Path, number: int) -> None:
    before = closed.read_bytes()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    command = [sys.executable, "-c", CODE, str(closed), str(number)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    if "no seccomp" in done.stderr:
        pytest.skip("the system takes no seccomp filter here")
    said = f"gallery {closed}: the file system there does not lock files"
    assert [line[: len(said)] for line in done.stdout.splitlines()] == [said] * 2, done.stderr
    assert "--gallery" in done.stdout
    assert closed.read_bytes() == before


def test_a_disk_locks(tmp_path: Path) -> None:
    assert can_lock(tmp_path) is True
    assert can_lock(tmp_path / "nowhere") is None


@pytest.mark.parametrize(("locks", "doubted"), [(True, False), (None, True)])
def test_a_gallery_that_is_busy_still_says_so(
    closed: Path, locks: bool | None, doubted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder cannot be written to it cannot be tried out."""
    monkeypatch.setattr(faults, "can_lock", lambda folder: locks)
    holder = sqlite3.connect(closed, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(GalleryBusy, match="another process is writing") as raised:
        Gallery.open(closed, busy_timeout=0.05)
    holder.close()
    assert ("or the file system there does not lock" in str(raised.value)) is doubted


def test_a_file_of_keys_where_nothing_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(WriteFailed, match="cannot be locked there: No locks available"), locked(tmp_path / "keys.json"):
        pass
