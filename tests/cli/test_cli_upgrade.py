"""gallery upgrade in the shell: shown, done, kept, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from facepipe.cli.upgrade import _verdict
from facepipe.defaults import BACKBONE
from facepipe.gallery import Gallery
from facepipe.networks.cards import find_card
from facepipe.upgrade.comparison import Comparison, Errors
from tests.cli.cli_shell import Run
from tests.toy_networks import add_grid


@pytest.fixture
def other(run: Run, tmp_path: Path) -> Run:
    """``run`` with Ada (two references) and Ben in the default gallery, enrolled with the network ``grid``."""
    add_grid(tmp_path)
    assert run("enroll", "Ada", "obama.jpg", "obama2.jpg", "--backbone", "grid").code == 0
    assert run("enroll", "Ben", "biden.jpg").code == 0
    return run


def facts(run: Run) -> dict:
    return run("gallery", "info", "--json").json[0]


def test_it_shows_and_changes_nothing(other: Run) -> None:
    before = facts(other)
    done = other("gallery", "upgrade")
    assert done.code == 0
    assert f"From grid to {BACKBONE}: 3 of 3 references of 2 people." in done.out
    assert "cannot be measured" in done.out  # the card of grid has no thresholds
    assert done.complaint == "nothing was changed; to change it: facepipe gallery upgrade --apply\n"
    assert facts(other) == before


def test_how_to_go_on_is_said_as_it_is_typed(other: Run, tmp_path: Path) -> None:
    file, grid = f"{tmp_path}/old one.db", ("--backbone", "grid")
    assert other("enroll", "Ada", "obama.jpg", "--gallery", file).code == 0
    shown = other("gallery", "upgrade", *grid, "--gallery", file)
    assert shown.err.endswith(f"facepipe gallery upgrade --gallery '{file}' --backbone grid --apply\n")
    done = other("gallery", "upgrade", *grid, "--gallery", file, "--apply")
    assert f"keep the change (facepipe gallery upgrade --gallery '{file}' --commit), or return" in done.err


def test_a_gallery_of_nobody_has_nothing_to_change(other: Run) -> None:
    assert other("people", "remove", "Ada", "--yes").code == other("people", "remove", "Ben", "--yes").code == 0
    for way in ((), ("--apply",), ("--to", "new.db")):
        done = other("gallery", "upgrade", *way)
        assert done.code == 2
        assert "nobody is enrolled, so that there is nothing to make anew" in done.complaint


def test_what_comes_next_is_never_what_would_be_refused(other: Run, home: Path) -> None:
    with Gallery.open(home / "gallery.db") as gallery, gallery._hold.writing() as (record, _):
        record.sql.execute("DELETE FROM thumbnail WHERE reference_id = 3")
    assert other("gallery", "upgrade").err.endswith("facepipe gallery upgrade --apply --leave-out\n")
    assert other("gallery", "upgrade", "--apply", "--leave-out").code == 0
    shown = other("gallery", "upgrade", "--backbone", "dlib_resnet")
    assert "first keep the change (facepipe gallery upgrade --commit), or return (facepipe gallery" in shown.err
    waits = other("people", "show", "Ben")
    assert (
        "Ben: no picture of the face is kept, so the change of network left it out; enrol again, or go"
        in waits.complaint
    )


def test_keeping_and_returning_as_json(other: Run, home: Path) -> None:
    where = str(home / "gallery.db")
    assert other("gallery", "upgrade", "--apply").code == 0
    assert other("gallery", "upgrade", "--back", "--json").json == [{"gallery": where, "references": 3, "made": 0}]
    assert other("gallery", "upgrade", "--apply").code == 0
    assert other("gallery", "upgrade", "--commit", "--yes", "--json").json == [{"gallery": where, "deleted": 0}]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (0.1, 0.11, "At FMR 1e-3 both do about as well on these people."),
        (0.1, 0.02, "At FMR 1e-3 it does better on these people: 8 pairs are missed instead of 40."),
        (0.02, 0.98, "At FMR 1e-3 it does worse on these people: 392 pairs are missed instead of 8."),
    ],
)
def test_the_errors_in_one_sentence(before: float, after: float, said: str) -> None:
    errors = (Errors("1e-2", 0.5, 0.5), Errors("1e-3", before, after))
    assert _verdict(Comparison("a@1", "b@2", 60, 120, 120, (), 400, "gallery", errors, "1e-3")) == said


def test_change_and_keep(other: Run) -> None:
    done = other("gallery", "upgrade", "--apply")
    assert done.code == 0
    assert f"3 references changed to {BACKBONE}" in done.err
    assert facts(other)["changed_from"].startswith("grid@")
    assert "Ada" in other("identify", "obama3.jpg").out
    refused = other("gallery", "upgrade", "--commit")
    assert refused.code == 2
    assert "Delete what was of grid? This cannot be undone. Nobody is at the terminal" in refused.complaint
    again = other("gallery", "upgrade", "--apply", "--backbone", "dlib_resnet")
    assert again.code == 1
    assert "is not settled yet; first keep that (facepipe gallery upgrade --commit)" in again.complaint
    done = other("gallery", "upgrade", "--commit", "--yes")
    assert (done.code, done.complaint.endswith(f"holds templates of {BACKBONE} only\n")) == (0, True)
    assert facts(other)["changed_from"] is None
    done = other("gallery", "upgrade", "--back")
    assert done.code == 1
    assert "nothing was changed that could be kept or taken back" in done.complaint


def test_change_and_return(other: Run) -> None:
    before = facts(other)
    other("gallery", "upgrade", "--apply")
    assert other("enroll", "Eve", "stranger.jpg").code == 0
    done = other("gallery", "upgrade", "--back")
    assert done.complaint.endswith("3 references of grid again, 1 of those enrolled since made anew\n")
    after = facts(other)
    assert (after["backbone"], after["references"], after["changed_from"]) == (before["backbone"], 4, None)
    done = other("identify", "stranger.jpg", "--threshold", "0.99")
    assert "Eve" in done.out


def test_who_has_no_picture_is_named(other: Run, home: Path) -> None:
    with Gallery.open(home / "gallery.db") as gallery, gallery._hold.writing() as (record, _):
        record.sql.execute("DELETE FROM thumbnail WHERE reference_id = 3")
    done = other("gallery", "upgrade", "--apply")
    assert done.code == 1
    assert "  Ben: reference 3 cannot be made anew: no picture of it shows a face; enrol again" in done.out
    assert "1 of 3 references cannot be made anew" in done.err
    done = other("gallery", "upgrade", "--apply", "--leave-out")
    assert done.code == 0
    assert [person["name"] for person in other("people", "list", "--json").json] == ["Ada"]
    refused = other("gallery", "upgrade", "--commit")
    assert "Delete what was of grid and 1 reference that could not be made anew?" in refused.complaint


def test_into_another_file(other: Run, home: Path) -> None:
    before = (home / "gallery.db").read_bytes()
    done = other("gallery", "upgrade", "--to", "new.db")
    assert (done.code, done.complaint) == (0, f"3 references of {BACKBONE} written to new.db\n")
    assert (home / "gallery.db").read_bytes() == before
    assert "Ada" in other("identify", "obama3.jpg", "-g", "new.db").out
    done = other("gallery", "upgrade", "--to", "new.db")
    assert (done.code, "there is something already" in done.err) == (2, True)


def test_json(other: Run, home: Path) -> None:
    (row,) = other("gallery", "upgrade", "--json").json
    assert (row["people"], row["references"], row["made"], row["changed"]) == (2, 3, 3, None)
    assert (row["gallery"], row["unmade"], row["judged_by"]) == (str(home / "gallery.db"), [], None)
    (row,) = other("gallery", "upgrade", "--json", "--apply").json
    assert row["changed"] == 3


@pytest.mark.parametrize(
    ("args", "code", "reason"),
    [
        (["--apply", "--back"], 2, "expected one of --apply, --to, --commit and --back, got --apply and --back"),
        (["--backbone", "nobody"], 1, "nobody: no such backbone"),
        (["--backbone", "grid"], 2, "holds templates of grid@"),
        (["-g", "nowhere.db"], 1, "nowhere.db: no gallery there"),
        (["--to", "obama.jpg"], 2, "obama.jpg: there is something already"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(other: Run, args: list[str], code: int, reason: str) -> None:
    done = other("gallery", "upgrade", *args)
    assert done.code == code
    assert reason in done.complaint


def test_the_network_it_was_made_with_need_not_be_here(other: Run) -> None:
    find_card("grid").path.unlink()
    assert "made with grid@" in other("identify", "obama.jpg").complaint
    assert other("gallery", "upgrade", "--apply").code == 0
    assert "Ada" in other("identify", "obama3.jpg").out
    assert other("enroll", "Eve", "stranger.jpg").code == 0
    done = other("gallery", "upgrade", "--back")
    assert (done.code, "grid: no such backbone" in done.err) == (1, True)
