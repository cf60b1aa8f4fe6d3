"""Commands survive the shell, whatever people are called."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from facepipe.defaults import BACKBONE
from facepipe.doctor.remedy import command, drop, enrol, enrol_anew, merge, quoted

NASTY = ["Ada", "Ada Lovelace", "O'Brien", "$(touch x)", "`id`", 'a"b', "a\\b", "-rf", "张伟", "é; rm *", "!x #y"]
NASTY.append("👩\u200d🔬")
INVISIBLE = ["a\u200bb", "it's\u00a0x", "\u00ad", "\U000e0041"]


@pytest.mark.parametrize("name", NASTY)
def test_a_word_is_one_word(name: str) -> None:
    assert shlex.split(quoted(name)) == [name]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("name", [*NASTY, *INVISIBLE])
def test_bash_reads_it_back(name: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert done.stdout.decode() == name


@pytest.mark.parametrize("name", INVISIBLE)
def test_nothing_invisible_is_left_in_it(name: str) -> None:
    assert quoted(name).isprintable()


def test_steps_are_taken_one_after_the_other() -> None:
    steps = (enrol_anew("Ada", BACKBONE), drop(3))
    assert command(steps) == "facepipe enroll --webcam Ada && facepipe people remove-reference 3"
    assert command(()) == ""


def test_the_gallery_and_a_backbone_of_ones_own_are_named() -> None:
    assert command([merge("A", "B")], "my people.db") == "facepipe people merge --gallery 'my people.db' A B"
    assert command([enrol_anew("A", "dlib_resnet")]) == "facepipe enroll --webcam --backbone dlib_resnet A"
    assert command([enrol("A", "a.jpg", "mine")]) == "facepipe enroll --backbone mine A a.jpg"


def test_a_name_like_an_option_comes_after_the_end_of_options() -> None:
    assert command([merge("--yes", "B")], "g.db") == "facepipe people merge --gallery g.db -- --yes B"
