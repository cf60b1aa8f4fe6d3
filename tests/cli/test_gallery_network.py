"""Commands without --backbone take the network that the gallery was made with, and say so."""

from pathlib import Path

import pytest

from facepipe.networks.cards import find_card
from tests.cli.cli_shell import Run
from tests.toy_networks import add_grid

SAID = "gallery.db: made with grid, so it is used"


@pytest.fixture
def other(run: Run, tmp_path: Path) -> Run:
    """``run`` with Ada in the default gallery, enrolled with the network ``grid``."""
    add_grid(tmp_path)
    done = run("enroll", "Ada", "obama.jpg", "--backbone", "grid")
    assert (done.code, SAID in done.err) == (0, False)
    return run


def test_identify_takes_it(other: Run) -> None:
    done = other("identify", "obama.jpg", "--threshold", "0.99")
    assert done.code == 0
    assert SAID in done.err
    assert "Ada" in done.out


def test_so_do_enroll_and_inspect_and_calibrate(other: Run, here: Path) -> None:
    done = other("enroll", "Ada", "obama2.jpg")
    assert (done.code, SAID in done.err) == (0, True)
    done = other("inspect", "--list")
    assert SAID in done.err
    assert "grid" in done.out
    done = other("calibrate", here)  # no sub-folders: refused after the gallery was opened
    assert SAID in done.err


def test_the_usual_one_is_not_remarked_on(enrolled: Run) -> None:
    assert "made with" not in enrolled("identify", "obama.jpg").err


def test_another_that_is_named_is_refused(other: Run) -> None:
    done = other("identify", "obama.jpg", "--backbone", "dlib_resnet")
    assert done.code == 1
    assert "take --backbone grid, or none, or change the gallery's network (facepipe gallery" in done.complaint


def test_one_that_is_not_here_is_said_in_one_line(other: Run, here: Path) -> None:
    find_card("grid").path.unlink()
    done = other("identify", "obama.jpg")
    assert done.code == 1
    assert "made with grid@" in done.complaint
    done = other("inspect", "obama.jpg", "--views", "kernel")  # a face can be looked into without a gallery
    assert done.code == 0
    assert "without a gallery: " in done.err
