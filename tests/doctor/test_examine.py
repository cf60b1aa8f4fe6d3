"""What is told of a gallery with faults, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from facepipe.doctor import Diagnosis, Finding, Kind, enrolled, examine
from facepipe.doctor.words import sentence
from facepipe.gallery import Gallery
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences, Evidence
from tests.doctor.doctor_faces import EVIDENCE, Add, face

pytestmark = pytest.mark.slow

Crowd = dict[str, list[int]]


def look(gallery: Gallery, evidence: Evidence | None = EVIDENCE) -> Diagnosis:
    return examine(gallery, evidence=evidence)


def told(found: Diagnosis, kind: Kind) -> list[Finding]:
    return [finding for finding in found.findings if finding.kind is kind]


def ids(finding: Finding) -> list[int]:
    return [reference.id for reference in finding.references]


def verbs(finding: Finding) -> list[tuple[str, ...]]:
    return [(*step.verbs, *step.words) for step in finding.remedy]


def test_of_an_empty_gallery_there_is_nothing_to_say(gallery: Gallery) -> None:
    assert look(gallery) == Diagnosis(0, 0, None, None, ())


def test_a_sound_gallery_gives_no_findings(gallery: Gallery, crowd: Crowd) -> None:
    assert look(gallery) == Diagnosis(6, 24, None, "given", ())


# Wrong labels


def test_two_references_that_changed_places_are_told_with_the_right_names(
    gallery: Gallery, crowd: Crowd, add: Add
) -> None:
    at_0, at_1 = add("P0", face(1, 9)), add("P1", face(0, 9))
    found = look(gallery)
    wrong = {finding.person: finding for finding in told(found, Kind.MISLABELLED)}
    assert {name: (ids(finding), finding.other) for name, finding in wrong.items()} == {
        "P0": ([at_0], "P1"),
        "P1": ([at_1], "P0"),
    }
    assert all(f.sure is not None and f.sure > 0.95 and f.score > 0.8 > 0.3 > f.own for f in wrong.values())
    assert verbs(wrong["P0"]) == [("people", "remove-reference", str(at_0))]
    assert {reference.person for reference in wrong["P0"].beside} == {"P0", "P1"}
    assert len(found.findings) == 2
    assert not found.sound


def test_of_two_references_only_the_wrong_one_is_told(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    """Both are as unlike the rest of their person, but only one is like somebody else."""
    add("Ada", face(50, 0))
    wrong = add("Ada", face(3, 9))
    assert [(f.kind, ids(f), f.other) for f in look(gallery).findings] == [(Kind.MISLABELLED, [wrong], "P3")]


def test_several_wrong_ones_do_not_hide_each_other(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    wrong = [add("P0", face(person, 9)) for person in (1, 2, 3)]
    found = told(look(gallery), Kind.MISLABELLED)
    assert sorted(id for finding in found for id in ids(finding)) == wrong


def test_where_the_photo_is_still_there_it_is_enrolled_under_the_right_name(
    gallery: Gallery, crowd: Crowd, add: Add, tmp_path: object
) -> None:
    photo = f"{tmp_path}/it is here.jpg"
    open(photo, "wb").close()
    wrong = add("P0", face(1, 9), source=photo)
    (finding,) = told(look(gallery), Kind.MISLABELLED)
    assert verbs(finding) == [("people", "remove-reference", str(wrong)), ("enroll", "P1", photo)]
    assert finding.remedy[1].options == ("--backbone", "toy")  # not the one that is taken without


def test_in_a_large_gallery_one_must_be_surer(gallery: Gallery, add: Add) -> None:
    """A likeness that says something among ten people is bound to happen among thousands."""
    weak = Evidence(slope=12.0, offset=-3.0, lapse=0.01, most=12.0)
    for person in range(3):
        for shot in range(3):
            add(f"P{person}", face(person, shot))
    add("P0", face(1, 9))
    (finding,) = told(look(gallery, weak), Kind.MISLABELLED)
    for person in range(100, 200):
        add(f"P{person}", face(person, 0))
    (later,) = told(look(gallery, weak), Kind.MISLABELLED)
    assert finding.sure is not None
    assert later.sure is not None
    assert (later.person, later.other) == (finding.person, finding.other) == ("P0", "P1")
    assert 0.85 < later.sure < 0.95 < finding.sure


# Strays


def test_one_that_is_like_nobody_is_a_stray(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    stray = add("P2", face(70, 0))
    (finding,) = look(gallery).findings
    assert (finding.kind, ids(finding), finding.other) == (Kind.STRAY, [stray], None)
    assert verbs(finding) == [("people", "remove-reference", str(stray))]
    assert [reference.id for reference in finding.beside] == crowd["P2"]


def test_of_two_that_are_unlike_each_other_both_are_told_and_a_third_is_asked_for(
    gallery: Gallery, crowd: Crowd, add: Add
) -> None:
    pair = [add("Ada", face(71, 0)), add("Ada", face(72, 0))]
    (finding,) = look(gallery).findings
    assert (finding.kind, ids(finding)) == (Kind.STRAY, pair)
    assert verbs(finding) == [("enroll", "Ada")]
    assert "--webcam" in finding.remedy[0].options


# Two names


def test_a_person_with_a_second_name_is_merged_into_the_one_with_more_references(
    gallery: Gallery, crowd: Crowd, add: Add
) -> None:
    for shot in (7, 8):
        add("Pzero", face(0, shot))
    (finding,) = look(gallery).findings
    assert (finding.kind, finding.person, finding.other) == (Kind.TWO_NAMES, "Pzero", "P0")
    assert verbs(finding) == [("people", "merge", "Pzero", "P0")]
    assert finding.sure is not None
    assert finding.sure > 0.9


def test_three_names_of_one_person_all_go_to_one_whatever_the_order(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    for shot in (7, 8):
        add("A", face(0, shot))
        add("B", face(0, shot + 10))
    merges = [verbs(finding)[0] for finding in look(gallery).findings]
    assert sorted(merges) == [("people", "merge", "A", "P0"), ("people", "merge", "B", "P0")]
    for _, _, source, into in merges:
        gallery.merge(source, into)
    assert look(gallery).findings == ()


# The same picture


def test_a_picture_under_two_names_belongs_to_whom_it_is_like(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    right = add("P0", face(0, 9), sha="a" * 64)
    wrong = add("P1", face(0, 9), sha="a" * 64)
    (finding,) = look(gallery).findings
    assert (finding.kind, finding.person, ids(finding), finding.other) == (Kind.SAME_PICTURE, "P1", [wrong], "P0")
    assert [reference.id for reference in finding.beside] == [right]
    assert verbs(finding) == [("people", "remove-reference", str(wrong))]


def test_somebody_of_whom_nothing_would_be_left_is_merged(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    add("P0", face(0, 9), sha="a" * 64)
    add("P zero", face(0, 9), sha="a" * 64)
    (finding,) = look(gallery).findings
    assert (finding.kind, verbs(finding)) == (Kind.SAME_PICTURE, [("people", "merge", "P zero", "P0")])


def test_a_shared_picture_does_not_hide_that_two_names_are_one(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    add("P0", face(0, 9), sha="a" * 64)
    shared = add("P zero", face(0, 9), sha="a" * 64)
    for shot in (7, 8):
        add("P zero", face(0, shot))
    (finding,) = look(gallery).findings
    assert (finding.kind, verbs(finding)) == (Kind.SAME_PICTURE, [("people", "merge", "P zero", "P0")])
    assert (finding.person, finding.other) in {("P zero", "P0"), ("P0", "P zero")}
    assert finding.sure is not None
    assert f"without it they are {finding.score:.3f} alike" in sentence(finding).en
    assert shared in ids(finding) + [reference.id for reference in finding.beside]


def test_two_faces_of_a_group_picture_are_two_people(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    add("P0", face(0, 9), sha="b" * 64)
    add("P1", face(1, 9), sha="b" * 64)
    assert look(gallery).findings == ()


def test_equal_vectors_without_an_image_are_the_same_picture(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    add("P0", face(0, 9), sha="")
    wrong = add("P1", face(0, 9), sha="")
    assert [(f.kind, ids(f)) for f in look(gallery).findings] == [(Kind.SAME_PICTURE, [wrong])]


# Advice


def test_who_has_one_reference_is_asked_for_more_but_nothing_is_wrong(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    one = add("Ada", face(80, 0))
    found = look(gallery)
    assert [(f.kind, f.person, ids(f)) for f in found.findings] == [(Kind.FEW, "Ada", [one])]
    assert found.sound


def test_nearly_the_same_shot_adds_nothing(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    says = ByReferences((1,), (EVIDENCE,))
    calibration = Calibration("toy@1", gallery.people()[0].first_enrolled, "toys", False, says, 6, {"1e-3": 0.8})
    gallery.calibrate(calibration)
    again = add("P4", face(4, 2) + np.float32(1e-5))
    found = examine(gallery)
    assert (found.judged_by, found.threshold) == ("calibration", 0.8)
    (finding,) = found.findings
    assert (finding.kind, ids(finding), [r.id for r in finding.beside]) == (Kind.SAME_SHOT, [again], [crowd["P4"][2]])
    assert sentence(finding).en == f"P4, reference {again}: nearly {crowd['P4'][2]} again"
    assert found.sound


def test_small_faces_are_poor_pictures(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    small = add("P0", face(0, 9), size=23.0)
    add("P0", face(0, 10), size=25.0)
    (finding,) = look(gallery).findings
    assert (finding.kind, ids(finding), finding.reasons) == (Kind.WEAK, [small], ("small",))
    assert verbs(finding) == [("enroll", "P0"), ("people", "remove-reference", str(small))]


# What it is judged by, and how


def test_where_nothing_says_what_a_score_means_likeness_is_not_judged(gallery: Gallery, add: Add) -> None:
    add("Ada", face(0, 0))
    add("Ben", face(0, 1))
    found = examine(gallery)
    assert found.judged_by is None
    assert {finding.kind for finding in found.findings} == {Kind.FEW}


def test_a_gallery_of_many_says_itself_what_a_score_means(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    wrong = add("P0", face(1, 9))
    found = examine(gallery)
    assert found.judged_by == "gallery"
    assert [ids(finding) for finding in told(found, Kind.MISLABELLED)] == [[wrong]]


def test_findings_come_in_the_order_of_importance_the_surest_first(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    add("P0", face(1, 9))
    add("P0", face(2, 9, spread=0.9))
    add("P3", face(70, 0))
    add("Ada", face(80, 0))
    for shot in (7, 8):
        add("P five", face(5, shot))
    found = look(gallery).findings
    order = [list(Kind).index(finding.kind) for finding in found]
    assert order == sorted(order)
    assert {finding.kind for finding in found} == {Kind.MISLABELLED, Kind.TWO_NAMES, Kind.STRAY, Kind.FEW}
    sure = [finding.sure or 0 for finding in found if finding.kind is Kind.MISLABELLED]
    assert len(sure) == 2
    assert sure == sorted(sure, reverse=True)


def test_small_blocks_give_the_same(gallery: Gallery, crowd: Crowd, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    add("P0", face(1, 9))
    for shot in (7, 8):
        add("P five", face(5, shot))
    whole = look(gallery)
    monkeypatch.setattr(enrolled, "BLOCK", 8)  # one row at a time
    rows = look(gallery)
    assert [(f.kind, ids(f), f.other, f.remedy) for f in rows.findings] == [
        (f.kind, ids(f), f.other, f.remedy) for f in whole.findings
    ]
    assert {finding.kind for finding in whole.findings} == {Kind.MISLABELLED, Kind.TWO_NAMES}


def test_a_cohort_of_the_gallerys_own_people_changes_scores_but_not_what_is_plain(gallery: Gallery, add: Add) -> None:
    for person in range(210):
        for shot in range(2):
            add(f"P{person}", face(person, shot))
    wrong = add("P0", face(1, 9))
    (finding,) = told(look(gallery), Kind.MISLABELLED)
    assert (ids(finding), finding.other) == ([wrong], "P1")
    own = gallery.reference(wrong).template.vector @ face(1, 0)
    assert finding.score is not None
    assert abs(finding.score - own) < 0.1


def test_progress_is_told_and_nothing_is_changed(gallery: Gallery, crowd: Crowd, add: Add) -> None:
    add("P0", face(1, 9))
    before, steps = gallery.path.read_bytes(), list[tuple[str, int, int]]()
    examine(gallery, evidence=EVIDENCE, report=lambda *step: steps.append(step))
    assert gallery.path.read_bytes() == before
    assert {name for name, _, _ in steps} >= {"reading", "comparing references", "comparing people"}
    assert all(0 <= done <= total for _, done, total in steps)
