"""people: list, show, rename, merge, remove."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path

import PIL.Image
import pytest

from tests.cli.cli_shell import Run, start


class Terminal:
    """A stdin at which somebody sits and gives one answer."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:
        return self.answer


def names(run: Run) -> list[str]:
    return [line["name"] for line in run("people", "list", "--json").json]


def test_list(enrolled: Run) -> None:
    rows = [row.split("\t") for row in enrolled("people", "list").out.splitlines()]
    assert [row[:2] for row in rows] == [["Ada", "2"], ["Ben", "1"]]
    for line in enrolled("people", "list", "--json").json:
        assert list(line) == ["id", "name", "references", "first_enrolled", "last_enrolled", "picture"]
        assert datetime.fromisoformat(line["last_enrolled"]).utcoffset() is not None


def test_list_of_nobody_says_so(enrolled: Run) -> None:
    for name in ("Ada", "Ben"):
        assert enrolled("people", "remove", "-y", name).complaint.startswith(f"{name}: ")
    done = enrolled("people", "list")
    assert (done.code, done.out, done.complaint) == (0, "", "nobody is enrolled\n")
    assert enrolled("people", "list", "--json").out == ""


def test_show(enrolled: Run) -> None:
    rows = [row.split("\t") for row in enrolled("people", "show", "Ada").out.splitlines()]
    assert [row[:2] for row in rows] == [["1", "obama.jpg"], ["2", "obama2.jpg"]]
    for line in enrolled("people", "show", "Ada", "--json").json:
        assert list(line) == ["id", "person", "source", "enrolled_at", "quality", "consent"]
        assert set(line["quality"]) == {"size", "sharpness", "score"}


def test_show_writes_the_chips_that_were_stored(enrolled: Run, here: Path) -> None:
    done = enrolled("people", "show", "Ada", "--chips", "out/chips")
    assert done.complaint == "2 chips written to out/chips\n"
    assert sorted(path.name for path in here.glob("out/chips/*")) == ["reference-1.jpg", "reference-2.jpg"]
    assert PIL.Image.open("out/chips/reference-1.jpg").size == (224, 224)
    assert "obama.jpg" in enrolled("people", "show", "Ada", "--chips", "obama.jpg").complaint


@pytest.mark.parametrize(
    "command",
    [["show", "Adda"], ["remove", "-y", "Adda"], ["rename", "Adda", "X"], ["merge", "-y", "Adda", "Ben"]],
)
def test_an_unknown_name_suggests_the_nearest(enrolled: Run, command: list[str]) -> None:
    done = enrolled("people", *command)
    assert done.code == 1
    assert "Adda: nobody of this name is enrolled; did you mean Ada?" in done.complaint
    assert names(enrolled) == ["Ada", "Ben"]


def test_rename(enrolled: Run) -> None:
    assert enrolled("people", "rename", "Ada", "Ada Lovelace").code == 0
    assert names(enrolled) == ["Ada Lovelace", "Ben"]
    done = enrolled("people", "rename", "Ben", "Ada Lovelace")
    assert done.code == 1
    assert "merge" in done.complaint


def test_a_new_name_that_differs_from_anothers_in_case_only_is_remarked_on(enrolled: Run) -> None:
    said = enrolled("people", "rename", "Ben", " ada").err.splitlines()
    assert said == ["Ben is now ada", "ada and Ada are two people; to make them one: facepipe people merge NAME INTO"]
    assert names(enrolled) == ["Ada", "ada"]
    assert "two people" not in enrolled("people", "rename", "ada", "Ben").err
    assert "two people" not in enrolled("people", "rename", "Ben", "BEN").err  # its own


def test_merge_puts_all_under_the_last_name(enrolled: Run) -> None:
    done = enrolled("people", "merge", "--yes", "Ada", "Ben")
    assert done.complaint == "Ben: 2 references added, 0 of the same image left out\n"
    assert names(enrolled) == ["Ben"]
    done = enrolled("people", "merge", "--yes", "Ben")
    assert (done.code, "two names" in done.complaint) == (2, True)


def test_remove_reference(enrolled: Run) -> None:
    assert enrolled("people", "remove-reference", "--yes", "3").complaint == "Ben: reference 3 deleted\n"
    assert names(enrolled) == ["Ada"]
    assert enrolled("people", "remove-reference", "--yes", "3").code == 1
    assert "ID" in enrolled("people", "remove-reference", "--yes", "three").complaint


@pytest.mark.parametrize("command", [["remove", "Ada"], ["remove-reference", "1"], ["merge", "Ada", "Ben"]])
def test_what_cannot_be_undone_needs_a_yes(enrolled: Run, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = enrolled("gallery", "info", "--json").json

    done = start("people", *command)  # nobody at stdin
    assert done.code == 2
    assert "add --yes" in done.complaint

    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    done = enrolled("people", *command)
    assert (done.code, done.out.strip()) == (1, "")
    assert "cannot be undone. [y/N]" in done.err
    assert done.err.endswith("facepipe: nothing was changed\n")
    assert enrolled("gallery", "info", "--json").json == before

    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert enrolled("people", *command).code == 0
    assert enrolled("gallery", "info", "--json").json != before


def test_a_consent_is_kept_with_its_time_and_shown(run: Run) -> None:
    start = datetime.now(timezone.utc)
    assert run("enroll", "Ada", "obama.jpg", "--consent", "At the door [only]").code == 0
    assert run("enroll", "Ada", "obama2.jpg").code == 0
    first, second = run("people", "show", "Ada", "--json").json
    assert (first["consent"]["wording"], second["consent"]) == ("At the door [only]", None)
    assert start <= datetime.fromisoformat(first["consent"]["given_at"]) <= datetime.now(timezone.utc)
    shown = [line.split("\t")[4] for line in run("people", "show", "Ada").out.splitlines()]
    assert (shown[0].endswith(" UTC: At the door [only]"), shown[1]) == (True, "none")


@pytest.mark.parametrize("wording", ["", "  ", "x" * 10_001])
def test_a_consent_to_nothing_is_refused(run: Run, wording: str) -> None:
    done = run("enroll", "Ada", "obama.jpg", "--consent", wording)
    assert (done.code, done.complaint) == (2, "facepipe: --consent: expected 1 to 10000 characters, not only spaces\n")
