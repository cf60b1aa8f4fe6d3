"""The small version of scripts/kill_test.py, and one kill at a chosen moment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facepipe.gallery import Gallery

REPOSITORY = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")]


def test_nothing_acknowledged_is_lost() -> None:
    command = [sys.executable, "scripts/kill_test.py", "--kills", "8", "--writers", "4"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    acknowledged = next(int(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith("acknowledged"))
    assert acknowledged > 0  # else it showed nothing


KILLED_BEFORE_COMMIT = """
import os, signal
from datetime import datetime
from conftest import make_new
from facepipe.gallery import Gallery
gallery = Gallery.open(sys.argv[1])
with gallery._hold.writing() as (record, stamp):
    record.sql.execute("PRAGMA cache_size = 1")  # so that half of the transaction is in the file already
    record.add([(f"p{i}", make_new(i), datetime.now()) for i in range(100, 300)], stamp)
    record.remove("Ada")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_in_the_middle_of_a_transaction(closed: Path, python, new) -> None:
    before = closed.read_bytes()
    assert python(KILLED_BEFORE_COMMIT, closed).wait() == -9
    assert closed.with_name("people.db-journal").exists()
    assert closed.read_bytes() != before  # half of it is there
    with Gallery.open(closed) as gallery:
        assert [(person.name, person.references) for person in gallery.people()] == [("Ada", 2), ("Bob", 1)]
        assert gallery.search(new(1).template)[0][0].person == "Ada"
        assert gallery.check() == []
    assert closed.read_bytes() == before
