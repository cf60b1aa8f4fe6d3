"""gallery: info, check, rebuild, export, import."""

from __future__ import annotations

import shlex
import sqlite3
from pathlib import Path

import pytest

from tests.cli.cli_shell import Run

FACTS = [
    "path",
    "uuid",
    "backbone",
    "dimension",
    "people",
    "references",
    "thumbnails",
    "record_bytes",
    "index_bytes",
    "index",
    "calibration",
    "cohort",
    "changed_from",
    "left_out",
    "threshold",
]


def test_info_says_where_the_gallery_is_and_what_it_holds(enrolled: Run, home: Path) -> None:
    (facts,) = enrolled("gallery", "info", "--json").json
    assert list(facts) == FACTS
    assert (facts["path"], facts["people"], facts["references"]) == (str(home / "gallery.db"), 2, 3)
    assert facts["backbone"].startswith("sface@")
    rows = dict(row.split("\t") for row in enrolled("gallery", "info").out.splitlines())
    assert list(rows) == [name.replace("_", " ") for name in FACTS]
    assert rows["path"] == facts["path"]
    assert rows["threshold"] == f"{facts['threshold']['threshold']:.4f}: {facts['threshold']['reason']}"
    assert (facts["threshold"]["kind"], facts["threshold"]["source"]) == ("fmr", "card")
    assert 0.0015 < facts["threshold"]["chance"]["value"] < 0.0025  # of 1 in 1,000 with each of two


def test_the_gallery_comes_from_the_option_or_the_environment(
    run: Run, here: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEPIPE_GALLERY", str(here / "mine.db"))
    assert f"{here}/mine.db holds 1 reference" in run("enroll", "Ada", "obama.jpg").err
    assert run("enroll", "--gallery", "other/people.db", "Ben", "biden.jpg").code == 0
    assert run("people", "list", "--json").json[0]["name"] == "Ada"
    assert run("people", "list", "--json", "-g", "other/people.db").json[0]["name"] == "Ben"
    assert not home.exists()


@pytest.mark.parametrize(
    "command",
    [
        ["gallery", "info"],
        ["gallery", "check"],
        ["gallery", "rebuild"],
        ["gallery", "export", "out.zip"],
        ["people", "list"],
        ["people", "show", "Ada"],
        ["people", "rename", "Ada", "Ben"],
        ["people", "remove", "--yes", "Ada"],
    ],
)
def test_where_there_is_no_gallery_nothing_is_made(run: Run, here: Path, home: Path, command: list[str]) -> None:
    done = run(*command)
    assert done.code == 1
    assert f"{home}/gallery.db: no gallery there" in done.complaint
    assert not home.exists()
    assert not (here / "out.zip").exists()


def test_check_is_quiet_about_a_sound_gallery_and_lists_each_problem(enrolled: Run, home: Path) -> None:
    assert enrolled("gallery", "check").out == "the record is sound and the index agrees with it\n"
    assert enrolled("gallery", "check").code == 0
    with sqlite3.connect(home / "gallery.db") as record:
        record.execute("UPDATE reference SET vector = zeroblob(512) WHERE id = 1")
    record.close()
    done = enrolled("gallery", "check")
    assert (done.code, done.out) == (1, "")
    assert all(line.startswith("facepipe: ") for line in done.err.splitlines())
    assert "reference 1" in done.err


def test_rebuild_makes_a_lost_index_anew(enrolled: Run, home: Path) -> None:
    (index,) = (path for path in home.iterdir() if path.name not in ("gallery.db", "gallery.db-wal", "gallery.db-shm"))
    index.unlink()
    assert enrolled("gallery", "info", "--json").json[0]["index"] == "missing"
    assert enrolled("gallery", "rebuild").complaint == "3 references indexed\n"
    assert index.is_file()
    assert enrolled("gallery", "check").code == 0


def test_export_and_import_carry_everybody_over(enrolled: Run) -> None:
    assert enrolled("gallery", "export", "people.zip").complaint == "3 references written to people.zip\n"
    there = ("--gallery", "copy.db")
    assert enrolled("gallery", "import", "people.zip", *there).complaint == "3 references added, 0 there already\n"
    assert enrolled("gallery", "import", "people.zip", *there).complaint == "0 references added, 3 there already\n"
    assert enrolled("people", "list", *there).out == enrolled("people", "list").out
    assert "  Ada" in enrolled("identify", "obama3.jpg", *there).out


def test_export_replaces_no_file_that_is_not_an_export(enrolled: Run) -> None:
    before = Path("obama.jpg").read_bytes()
    done = enrolled("gallery", "export", "obama.jpg")
    assert done.code == 2
    assert "obama.jpg" in done.complaint
    assert Path("obama.jpg").read_bytes() == before


@pytest.mark.parametrize("file", ["obama.jpg", "missing.zip", "half.zip"])
def test_import_of_something_else_makes_no_gallery(enrolled: Run, here: Path, file: str) -> None:
    enrolled("gallery", "export", "people.zip")
    data = Path("people.zip").read_bytes()
    Path("half.zip").write_bytes(data[: len(data) // 2])
    done = enrolled("gallery", "import", file, "--gallery", "new.db")
    assert done.code == 1
    assert file in done.complaint
    assert not (here / "new.db").exists()


def test_a_damaged_gallery_is_left_as_it_is(enrolled: Run, home: Path) -> None:
    record = home / "gallery.db"
    record.write_bytes(b"X" * 100 + record.read_bytes()[100:])
    for side in home.glob("gallery.db-*"):
        side.unlink()
    before = record.read_bytes()
    for command in (["identify", "obama.jpg"], ["enroll", "Ada", "obama3.jpg"], ["gallery", "check"]):
        done = enrolled(*command)
        assert done.code == 1
        assert "gallery.db: not a facepipe gallery, or its header is damaged" in done.complaint
        assert "backup" in done.complaint
    assert record.read_bytes() == before


# doctor


def test_doctor_is_quiet_about_a_sound_gallery(enrolled: Run) -> None:
    done = enrolled("gallery", "doctor")
    assert done.code == 0  # that Ben has one reference is advice
    assert "Only one reference (1)\nWith one reference 98 %" in done.out
    assert "\n  Ben, reference 3\n    facepipe enroll --webcam Ben\n" in done.out
    assert enrolled("gallery", "doctor", "--json").json[0]["advice"] is True
    enrolled("people", "remove", "--yes", "Ben")
    said = "1 person with 2 references; the threshold is 0.336\nnothing looks wrong\n"
    assert enrolled("gallery", "doctor").out == said
    assert enrolled("gallery", "doctor", "--json").out == ""


def test_the_command_that_doctor_gives_mends_what_it_found_whatever_people_are_called(run: Run) -> None:
    there, name = ("--gallery", "other people.db"), "Zoë's $HOME"
    assert run("enroll", *there, name, "obama.jpg", "obama2.jpg").code == 0
    assert run("enroll", "--anyway", *there, "--", "-B", "obama.jpg").code == 0
    done = run("gallery", "doctor", *there, "--json")
    assert done.code == 1
    (finding,) = done.json
    assert finding["command"] == f"facepipe people merge --gallery 'other people.db' -- -B {shlex.quote(name)}"
    assert f"\n    {finding['command']}\n" in run("gallery", "doctor", *there).out
    _, *words = shlex.split(finding["command"])
    words.insert(2, "--yes")
    assert run(*words).code == 0
    assert run("gallery", "doctor", *there).code == 0


def test_doctor_writes_a_page_but_over_no_other_file(enrolled: Run, home: Path) -> None:
    assert (
        enrolled("gallery", "doctor", "--html", "seen/doctor.html").complaint
        == "the pictures are in seen/doctor.html\n"
    )
    page = Path("seen/doctor.html")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert page.stat().st_mode & 0o077 == 0
    assert enrolled("gallery", "doctor", "--html", page).code == 0
    record = (home / "gallery.db").read_bytes()
    for other in (home / "gallery.db", Path("obama.jpg")):
        done = enrolled("gallery", "doctor", "--html", other)
        assert done.code == 2
        assert "not a page" in done.complaint
    assert (home / "gallery.db").read_bytes() == record
