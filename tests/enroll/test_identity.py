"""Whose faces are stored under a name: one person's, whom no other name has."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from facepipe.batches import Done, Failed
from facepipe.enroll.identity import Rule, expect_theirs
from facepipe.errors import EnrolledAlready, FaceError, SeveralPeople
from facepipe.gallery import Gallery, NewReference
from facepipe.pipeline import Pipeline
from facepipe.records import Template
from facepipe.scoring.evidence import ByReferences, Evidence

EVIDENCE = ByReferences((1,), (Evidence(100.0, -90.0, 1e-4, 9.0),))  # as likely as not at 0.9
RULE, PLAIN = Rule(EVIDENCE, 0.9, 0.93), Rule(None, 0.9, 0.93)


def picture(degrees: float, source: str = "") -> NewReference:
    """A face so far from the first one; 26° are a cosine of 0.9."""
    angle = np.radians(degrees)
    vector = np.array([np.cos(angle), np.sin(angle), 0], np.float32)
    return NewReference(Template(vector, 1.0, "toy@1"), source=source or f"{degrees}.jpg")


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    with Gallery.open(tmp_path / "people.db", backbone="toy@1") as opened:
        yield opened


def test_pictures_of_one_person_are_fine(gallery: Gallery) -> None:
    for rule in (RULE, PLAIN):
        expect_theirs("Ada", [picture(0)], gallery, rule)
        expect_theirs("Ada", [picture(0), picture(20), picture(-5)], gallery, rule)
        expect_theirs("Ada", [], gallery, rule)


def test_of_two_pictures_of_two_people_either_may_be_wrong(gallery: Gallery) -> None:
    with pytest.raises(SeveralPeople) as refused:
        expect_theirs("Ada", [picture(0), picture(40)], gallery, RULE)
    assert str(refused.value) == (
        "Ada: 0.jpg and 40.jpg do not show the same person (under 0.1 % likely); look which is wrong or, if they do,"
        " enrol both all the same: --anyway"
    )
    with pytest.raises(SeveralPeople, match=r"\(0\.766 < 0\.900\)"):
        expect_theirs("Ada", [picture(0), picture(40)], gallery, PLAIN)


def test_of_many_the_one_that_does_not_fit_is_named(gallery: Gallery) -> None:
    given = [picture(0), picture(5), picture(60), picture(-5), picture(45)]
    with pytest.raises(SeveralPeople, match=r"^Ada: 60\.jpg .* as the other 4 pictures of Ada \(") as refused:
        expect_theirs("Ada", given, gallery, RULE)
    assert refused.value.details == [{"image": 2, "source": "60.jpg"}]


def test_pictures_of_a_camera_are_called_by_their_number(gallery: Gallery) -> None:
    given = [picture(degrees, "webcam:0") for degrees in (0, 5, 60, -5)]
    with pytest.raises(SeveralPeople, match=r"^Ada: picture 3 does not show"):
        expect_theirs("Ada", given, gallery, RULE)


def test_two_people_in_equal_shares_are_told_apart(gallery: Gallery) -> None:
    """Each is like all others together, 0.92 and more, as those of its own person are among them."""
    given = [picture(degrees) for degrees in (0, 38, 1, 39, 2, 40, 3, 41)]
    with pytest.raises(SeveralPeople) as refused:
        expect_theirs("Ada", given, gallery, RULE)
    assert str(refused.value).startswith(
        "Ada: 38.jpg, 39.jpg, 40.jpg and 1 more do not show the same person as the other 4 pictures of Ada (under 0.1 %"
        " likely); leave them out or, if they do, enrol them all the same"
    )
    assert [one["image"] for one in refused.value.details] == [1, 3, 5, 7]


def test_two_people_under_one_name_before_are_not_held_against_a_new_picture(gallery: Gallery) -> None:
    gallery.add("Ada", [picture(degrees) for degrees in (0, 38, 1, 39, 2, 40)])
    expect_theirs("Ada", [picture(20)], gallery, RULE)
    gallery.remove("Ada")
    gallery.add("Ada", [picture(degrees) for degrees in range(4)])
    with pytest.raises(SeveralPeople, match=r"^Ada: 38\.jpg, .* do not show .* as what is enrolled as Ada \("):
        expect_theirs("Ada", [picture(degrees) for degrees in range(38, 42)], gallery, RULE)


def test_what_is_enrolled_counts(gallery: Gallery) -> None:
    gallery.add("Ada", [picture(0), picture(5)])
    expect_theirs("Ada", [picture(10)], gallery, RULE)
    with pytest.raises(SeveralPeople, match=r"^Ada: 50\.jpg .* as what is enrolled as Ada \("):
        expect_theirs("Ada", [picture(50)], gallery, RULE)
    with pytest.raises(SeveralPeople, match=r"the other 3 pictures"):
        expect_theirs("Ada", [picture(50), picture(52)], gallery, RULE)


def test_who_is_known_under_another_name_is_refused(gallery: Gallery) -> None:
    gallery.add("Ada", [picture(0)])
    gallery.add("Eve", [picture(90)])
    with pytest.raises(EnrolledAlready, match=r"^Ben: 3\.jpg shows Ada, who is enrolled already \(9") as refused:
        expect_theirs("Ben", [picture(3), picture(24)], gallery, RULE)  # half of them
    assert (refused.value.person, refused.value.details) == ("Ada", [{"image": 0, "source": "3.jpg"}])
    with pytest.raises(EnrolledAlready, match=r"\(0\.999 ≥ 0\.930\)"):
        expect_theirs("Ben", [picture(3)], gallery, PLAIN)
    with pytest.raises(EnrolledAlready, match=r"^Ben: is enrolled already, as Ada \(9\d(\.\d)? % likely\)"):
        expect_theirs("Ben", [picture(3), picture(4)], gallery, RULE)  # all of them
    expect_theirs("Ben", [picture(24), picture(28), picture(20)], gallery, RULE)  # above neither limit
    expect_theirs("Ada", [picture(3)], gallery, RULE)


def test_without_a_rule_nobody_is_refused(gallery: Gallery) -> None:
    gallery.add("Ada", [picture(0)])
    expect_theirs("Ben", [picture(0), picture(90)], gallery, None)


# With real faces --------------------------------------------------------------------------------------------------


@pytest.fixture
def people(tmp_path: Path, pipeline: Pipeline) -> Iterator[Gallery]:
    with Gallery.open(tmp_path / "real.db", backbone=pipeline.backbone) as opened:
        yield opened


def test_several_people_are_not_enrolled_as_one(pipeline: Pipeline, people: Gallery, samples: Path) -> None:
    pictures = [samples / name for name in ("obama.jpg", "obama2.jpg", "biden.jpg")]
    with pytest.raises(SeveralPeople, match=r"biden\.jpg does not show .* the other 2 pictures"):
        pipeline.enroll("Barack", pictures, people)
    assert not people.people()
    pipeline.enroll("Barack", pictures[:2], people)
    with pytest.raises(SeveralPeople, match="what is enrolled as Barack"):
        pipeline.enroll("Barack", pictures[2], people)
    with pytest.raises(EnrolledAlready):
        pipeline.enroll("Ben", samples / "obama3.jpg", people)
    assert len(pipeline.enroll("Barack", pictures, people, anyway=True)) == 3
    assert len(people) == 3


def test_of_many_people_the_one_who_does_not_fit_is_left_out(
    pipeline: Pipeline, people: Gallery, samples: Path
) -> None:
    items = [
        ("Ada", samples / "astronaut.png"),
        ("Ada", samples / "biden.jpg"),
        ("Ada", samples / "nowhere.jpg"),
        ("Barack", samples / "obama.jpg"),
        ("Barack", samples / "obama2.jpg"),
        ("Ben", samples / "obama3.jpg"),
    ]
    outcomes = list(pipeline.enroll_each(items, people))
    assert [outcome.source for outcome in outcomes] == [str(path) for _, path in items]
    errors = {number: outcome.error for number, outcome in enumerate(outcomes) if isinstance(outcome, Failed)}
    codes = ["several-people", "several-people", "image-not-found", "enrolled-already"]
    assert {number: error.code for number, error in errors.items()} == dict(zip((0, 1, 2, 5), codes, strict=True))
    assert all(isinstance(errors[at], FaceError) for at in (0, 1, 5))
    assert str(errors[0]).startswith(f"{samples / 'astronaut.png'}: not enrolled: Ada: ")
    assert [(person.name, person.references) for person in people.people()] == [("Barack", 2)]
    again = list(pipeline.enroll_each(items, people, anyway=True))
    assert [isinstance(outcome, Done) for outcome in again] == [True, True, False, True, True, True]
