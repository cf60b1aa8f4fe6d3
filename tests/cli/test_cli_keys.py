"""keys: made, shown once, listed, taken back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from facepipe.serve.keys import Keyring
from tests.cli.cli_shell import Run


def test_a_key_is_shown_once_and_works(run: Run, home: Path) -> None:
    done = run("keys", "add", "door", "--scope", "enroll")
    text = done.out.strip()
    assert (done.code, done.complaint) == (0, "door: may enroll; keep it now, it cannot be shown again\n")
    assert text.startswith("fp_")
    key = Keyring().check(text)
    assert key is not None
    assert key.name == "door"
    assert text not in (home / "keys.json").read_text("utf-8")


def test_list_and_remove(run: Run) -> None:
    assert run("keys", "list").complaint == "there are no keys\n"
    made = run("keys", "add", "page", "--scope", "admin", "--json").json[0]
    run("keys", "add", "door")
    assert (made["name"], made["scope"]) == ("page", "admin")
    rows = [row.split("\t")[:2] for row in run("keys", "list").out.splitlines()]
    assert rows == [["page", "admin"], ["door", "read"]]
    for line in run("keys", "list", "--json").json:
        assert list(line) == ["name", "scope", "added_at"]
        assert datetime.fromisoformat(line["added_at"]).utcoffset() is not None
    assert made["key"] not in run("keys", "list", "--json").out
    assert run("keys", "remove", "page").complaint == "page: removed\n"
    assert [line["name"] for line in run("keys", "list", "--json").json] == ["door"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["add", "door"], 2, "door: there is a key of this name already"),
        (["add", "  "], 2, "printable"),
        (["add", "x", "--scope", "all"], 2, "expected one of read, enroll, admin"),
        (["remove", "dor"], 1, "dor: no key of this name; there is door"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, args: list[str], code: int, said: str) -> None:
    run("keys", "add", "door")
    done = run("keys", *args)
    assert (done.code, done.out) == (code, "")
    assert said in done.complaint
    assert len(done.complaint.splitlines()) == 1
