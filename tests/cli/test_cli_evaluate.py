"""facepipe evaluate as its user meets it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.cli_shell import Run

HEAD = "image_a,image_b,same_person\n"
PAIRS = HEAD + "obama.jpg,obama2.jpg,1\nobama2.jpg,obama3.jpg,yes\nobama.jpg,biden.jpg,0\nstranger.jpg,biden.jpg,no\n"


@pytest.fixture
def pairs(here: Path) -> Path:
    (here / "pairs.csv").write_text(PAIRS, "utf-8")
    return here / "pairs.csv"


@pytest.fixture
def people(here: Path) -> Path:
    """Obama twice, Biden twice."""
    for person, names in (("Barack", ["obama", "obama2"]), ("Joe", ["biden"]), ("Eileen", ["stranger"])):
        (here / "people" / person).mkdir(parents=True)
        for name in names:
            shutil.copy(here / f"{name}.jpg", here / "people" / person)
    return here / "people"


def test_pairs_become_a_table_and_embeddings_are_kept(run: Run, pairs: Path, home: Path) -> None:
    done = run("evaluate", "pairs.csv")
    assert done.code == 0
    said, *lines = done.out.splitlines()
    assert said.startswith("Too few pairs to say much. At the usual threshold 0.3356, 2 of 2 pairs of one person")
    rows = {row.split("\t")[0]: row.split("\t") for row in lines}
    assert rows["comparisons"][1] == "4"
    assert rows["no face found"][1] == "0 (0%)"
    assert rows["EER"][1] == "0%"
    assert rows["TMR at FMR 1e-2"][1:] == ["–", "", "needs 100 pairs of two people"]
    assert all(len(row) == 4 for row in rows.values())
    kept = home / "embeddings.db"
    assert done.complaint == f"embeddings, which are biometric data, are kept in {kept}; delete it when you are done\n"
    again = run("evaluate", "pairs.csv")
    assert (again.code, again.out, again.err) == (0, done.out, "")


def test_a_tiny_folder_is_not_said_to_be_decided_rightly(run: Run, people: Path) -> None:
    """Its drawn list would hold pairs of one person only."""
    done = run("evaluate", "--folders", people, "--no-cache")
    assert done.code == 0
    assert "comparisons\t6\t\tall photos against all: 1 of one person, 5 of two\n" in done.out
    assert "best threshold" not in done.out
    assert "\n1 person: rank-1\t" in done.out


def test_nothing_is_kept_without_a_cache(run: Run, pairs: Path, home: Path) -> None:
    assert run("evaluate", "pairs.csv", "--no-cache").err == ""
    assert not (home / "embeddings.db").exists()


def test_nothing_is_kept_of_what_is_refused(enrolled: Run, people: Path, home: Path) -> None:
    """By whatever embeds: a list without pairs of two people, a calibration with too few people."""
    Path("pairs.csv").write_text(HEAD + "obama.jpg,obama2.jpg,1\n", "utf-8")
    for refused in (["evaluate", "pairs.csv"], ["calibrate", people]):
        done = enrolled(*refused)
        assert done.code == 2
        assert done.complaint
        assert not (home / "embeddings.db").exists()


def test_folders_become_json_and_a_page(run: Run, people: Path, here: Path) -> None:
    done = run("evaluate", "--folders", people, "--json", "--html", "out/page.html", "--seed", 3, "--no-cache")
    assert (done.code, done.err) == (0, "")
    (record,) = done.json
    assert (record["images"]["images"], record["images"]["people"], record["seed"]) == (4, 3, 3)
    (measured,) = record["measured"]
    assert measured["verification"]["genuine"] == 1
    assert measured["identification"]["left_out"] == 0.5
    assert "How well people are told apart: people" in (here / "out" / "page.html").read_text("utf-8")


def test_a_missing_image_is_told_with_its_row_and_the_rest_goes_on(run: Run, pairs: Path) -> None:
    pairs.write_text(PAIRS + "obama.jpg,nowhere.jpg,0\nnowhere.jpg,biden.jpg,0\n", "utf-8")
    done = run("evaluate", "pairs.csv", "--no-cache")
    assert done.code == 3
    assert done.err.splitlines() == [
        "facepipe: row 6: nowhere.jpg: no such file; check the path",
        "facepipe: 1 of 6 images failed",
    ]
    assert "could not be read\t1\t" in done.out
    assert "listed pairs\t6\t\t0 of them lack a face, 2 an image that can be read" in done.out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "expected a list of pairs or folders, got neither: facepipe evaluate PAIRS.csv | --folders DIR"),
        (["pairs.csv", "--folders", "."], "expected a list of pairs or folders, got both"),
        (["--folders", ".", "--images", "."], "--images goes with a list of pairs"),
        (["pairs.csv", "--images", "people"], "pairs.csv: none of its 5 images is there, such as people/obama.jpg"),
        (["--folders", "obama.jpg"], "obama.jpg: is a file; expected one sub-folder of pictures per person"),
        (["nowhere.csv"], "nowhere.csv: cannot be read (No such file or directory); check the path"),
        (["."], ".: is a folder; expected a CSV file. For one sub-folder per person: --folders ."),
        (["obama.jpg"], "obama.jpg: not UTF-8 text; save it as CSV in UTF-8"),
        (["pairs.csv", "--images", "nowhere"], "nowhere: no such folder; expected the one that the images of"),
        (["pairs.csv", "--cohort", "nowhere"], "cohort 'nowhere': not a folder; expected others, none, or a folder"),
        (["pairs.csv", "--cohort", "others"], "cohort others: expected columns person_a and person_b"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, pairs: Path, args: list[str], said: str) -> None:
    Path("people").mkdir()
    done = run("evaluate", *args, "--no-cache")
    assert (done.code, done.out) == (2, "")
    assert done.complaint.startswith(f"facepipe: {said}")


def test_a_page_that_cannot_be_written_is_told_before_the_work(run: Run, pairs: Path, here: Path, home: Path) -> None:
    done = run("evaluate", "pairs.csv", "--html", here)
    assert done.code == 1
    assert "cannot be written: it is a folder; name a file" in done.complaint
    assert not home.exists()


def test_a_page_takes_the_place_of_a_page_only(run: Run, people: Path) -> None:
    assert run("evaluate", "--folders", people, "--html", "page.html", "--no-cache").code == 0
    assert Path("page.html").stat().st_mode & 0o077 == 0
    assert run("evaluate", "--folders", people, "--html", "page.html", "--no-cache").code == 0
    photo = Path("obama.jpg").read_bytes()
    done = run("evaluate", "--folders", people, "--html", "obama.jpg", "--no-cache")
    assert (done.code, done.out) == (2, "")
    assert "obama.jpg: this file is there and is not a page" in done.complaint
    assert Path("obama.jpg").read_bytes() == photo
    os.mkfifo("pipe")
    assert run("evaluate", "--folders", people, "--html", "pipe", "--no-cache").code == 2
    assert Path("pipe").is_fifo()
