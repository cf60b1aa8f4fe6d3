"""The commands that mend what was found."""

from __future__ import annotations

from facepipe.defaults import BACKBONE
from facepipe.doctor.remedy import command, drop, enroll, enroll_anew, merge


def test_steps_are_taken_one_after_the_other() -> None:
    steps = (enroll_anew("Ada", BACKBONE), drop(3))
    assert command(steps) == "facepipe enroll --webcam Ada && facepipe people remove-reference 3"
    assert command(()) == ""


def test_the_gallery_and_a_backbone_of_ones_own_are_named() -> None:
    assert command([merge("A", "B")], "my people.db") == "facepipe people merge --gallery 'my people.db' A B"
    assert command([enroll_anew("A", "dlib_resnet")]) == "facepipe enroll --webcam --backbone dlib_resnet A"
    assert command([enroll("A", "a.jpg", "mine")]) == "facepipe enroll --backbone mine A a.jpg"


def test_a_name_like_an_option_comes_after_the_end_of_options() -> None:
    assert command([merge("--yes", "B")], "g.db") == "facepipe people merge --gallery g.db -- --yes B"
