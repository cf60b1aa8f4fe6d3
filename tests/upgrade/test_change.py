"""A gallery changes its network: shown first, done in one transaction, kept or taken back; deleting deletes."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from facepipe import Gallery, Pipeline
from facepipe.errors import ChangeRefused, GalleryMismatch, GalleryNotFound, GalleryReadOnly, UsageError
from facepipe.gallery import Strangers
from facepipe.networks.cards import find_card
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.cohort import FEWEST
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.scoring.fusion import fuse
from facepipe.upgrade import Upgrade, commit, go_back
from tests.upgrade.blots import PEOPLE, new, probe, vectors

pytestmark = pytest.mark.slow


def names(gallery: Gallery, pipe: Pipeline) -> list[str]:
    """Who each of PEOPLE is taken for, in a picture that is not enrolled."""
    return [row[0].person for row in gallery.search([probe(pipe, number) for number in range(len(PEOPLE))], 1)]


def raw(path: Path, query: str) -> list[tuple]:
    sql = sqlite3.connect(path)
    try:
        return sql.execute(query).fetchall()
    finally:
        sql.close()


def test_showing_changes_nothing(gallery: Gallery, path: Path, grid: Pipeline) -> None:
    before = path.read_bytes()
    found = Upgrade(gallery, grid).compare()
    assert (found.before, found.after) == (gallery.backbone, grid.backbone.id)
    assert (found.people, found.references, found.made, found.unmade, found.pairs) == (3, 9, 9, (), 9)
    assert path.read_bytes() == before


def test_it_changes_all_references_and_goes_on(gallery: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    kept = [(r.id, r.person, r.source, r.enrolled_at) for r in gallery.references()]
    assert Upgrade(gallery, grid).apply() == 9
    info = gallery.info()
    assert (info.backbone, info.dimension, info.references) == (grid.backbone.id, 192, 9)
    assert (info.changed_from, info.left_out) == (coarse.backbone.id, 0)
    assert [(r.id, r.person, r.source, r.enrolled_at) for r in gallery.references()] == kept
    assert names(gallery, grid) == [*PEOPLE]
    gallery.add("Dan", [new(grid, 7, 0)])
    assert gallery.search([probe(grid, 7)], 1)[0][0].person == "Dan"
    assert gallery.check() == []


def test_what_is_made_of_a_stored_chip_is_nearly_what_the_photo_gives(gallery: Gallery, grid: Pipeline) -> None:
    Upgrade(gallery, grid).apply()
    for number, reference in enumerate(gallery.references()):
        assert reference.template.cosine(new(grid, number // 3, number % 3).template) > 0.999


def test_going_back_brings_back_every_vector(gallery: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    before = vectors(gallery)
    Upgrade(gallery, grid).apply()
    assert go_back(gallery) == (9, 0)
    assert vectors(gallery) == before
    assert (gallery.backbone, gallery.former) == (coarse.backbone.id, None)
    assert names(gallery, coarse) == [*PEOPLE]
    assert gallery.check() == []


def test_what_was_enrolled_in_between_is_made_anew(gallery: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    before = vectors(gallery)
    Upgrade(gallery, grid).apply()
    gallery.add("Dan", [new(grid, 7, 0)])
    gallery.add("Ada", [new(grid, 0, 5)])
    gallery.rename("Bob", "Robert")
    assert go_back(gallery) == (9, 2)
    after = vectors(gallery)
    assert {id: after[id] for id in before} == before
    assert names(gallery, coarse) == ["Ada", "Robert", "Eve"]
    assert gallery.search([probe(coarse, 7)], 1)[0][0].person == "Dan"
    assert gallery.check() == []


def test_what_was_enrolled_without_a_picture_is_named_and_only_dropped_when_asked(
    gallery: Gallery, grid: Pipeline, coarse: Pipeline
) -> None:
    Upgrade(gallery, grid).apply()
    gallery.add("Dan", [new(grid, 7, 0, kept=False)])
    with pytest.raises(ChangeRefused, match=r"1 of 10 references .* Dan \(1\); .*--leave-out"):
        go_back(gallery)
    assert gallery.backbone == grid.backbone.id
    assert go_back(gallery, leave_out=True) == (9, 0)
    assert [person.name for person in gallery.people()] == [*PEOPLE]
    assert gallery.check() == []


def test_going_back_takes_the_network_of_before(gallery: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    Upgrade(gallery, grid).apply()
    gallery.add("Dan", [new(grid, 7, 0)])
    with pytest.raises(GalleryMismatch, match="1 references were enrolled since"):
        go_back(gallery, grid)
    assert go_back(gallery, coarse) == (9, 1)


def test_keeping_it_leaves_nothing_of_before(gallery: Gallery, path: Path, grid: Pipeline) -> None:
    old = [np.array(vector, np.float32).tobytes() for vector in vectors(gallery).values()]
    Upgrade(gallery, grid).apply()
    assert all(vector in path.read_bytes() for vector in old)
    assert commit(gallery) == 0
    assert not any(vector in path.read_bytes() for vector in old)
    assert gallery.former is None
    assert names(gallery, grid) == [*PEOPLE]
    with pytest.raises(ChangeRefused, match="nothing was changed that could be kept or taken back"):
        commit(gallery)
    with pytest.raises(ChangeRefused, match="nothing was changed that could be kept or taken back"):
        go_back(gallery)


def test_who_is_removed_in_between_is_removed_of_before_too(gallery: Gallery, path: Path, grid: Pipeline) -> None:
    old = {id: np.array(vector, np.float32).tobytes() for id, vector in vectors(gallery).items()}
    Upgrade(gallery, grid).apply()
    gallery.remove("Bob")
    gallery.remove_reference(1)
    gone = {1, 4, 5, 6}
    data = path.read_bytes()
    assert {id for id, vector in old.items() if vector not in data} == gone
    assert go_back(gallery) == (5, 0)
    assert {*vectors(gallery)} == {*old} - gone
    assert gallery.check() == []


def test_people_who_are_merged_in_between_stay_merged(gallery: Gallery, grid: Pipeline) -> None:
    before = vectors(gallery)
    Upgrade(gallery, grid).apply()
    gallery.merge(["Bob"], "Ada")
    go_back(gallery)
    assert [(person.name, person.references) for person in gallery.people()] == [("Ada", 6), ("Eve", 3)]
    assert vectors(gallery) == before


# References without a picture -----------------------------------------------------------------------------------------


@pytest.fixture
def bare(gallery: Gallery, coarse: Pipeline) -> Gallery:
    """``gallery``, with a fourth reference of Ada (10) and Dan's only one (11) that have no picture."""
    gallery.add("Ada", [new(coarse, 0, 5, kept=False)])
    gallery.add("Dan", [new(coarse, 7, 0, kept=False)])
    return gallery


def test_who_is_concerned_is_said_before_anything_is_done(bare: Gallery, path: Path, grid: Pipeline) -> None:
    before = path.read_bytes()
    change = Upgrade(bare, grid)
    assert [(one.person, one.references) for one in change.compare().unmade] == [("Ada", (10,)), ("Dan", (11,))]
    with pytest.raises(ChangeRefused, match=r"2 of 11 references .* Ada \(1\), Dan \(1\); enrol these people") as error:
        change.apply()
    assert error.value.details == [{"person": "Ada", "references": 1}, {"person": "Dan", "references": 1}]
    assert path.read_bytes() == before


def test_left_out_they_are_not_matched_and_come_back(bare: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    before = vectors(bare)
    assert Upgrade(bare, grid).apply(leave_out=True) == 9
    info = bare.info()
    assert (info.references, info.people, info.left_out) == (9, 3, 2)
    assert [person.name for person in bare.people()] == [*PEOPLE]
    assert names(bare, grid) == [*PEOPLE]
    assert bare.check() == []
    assert go_back(bare) == (11, 0)
    assert vectors(bare) == before
    assert bare.search([probe(coarse, 7)], 1)[0][0].person == "Dan"


def test_left_out_they_go_when_the_change_is_kept(bare: Gallery, path: Path, grid: Pipeline) -> None:
    Upgrade(bare, grid).apply(leave_out=True)
    assert commit(bare) == 2
    assert [person.name for person in bare.people()] == [*PEOPLE]
    assert raw(path, "SELECT name FROM person ORDER BY id") == [(name,) for name in PEOPLE]
    assert bare.check() == []


def test_left_out_they_go_with_their_person(bare: Gallery, path: Path, grid: Pipeline) -> None:
    dan = np.array(vectors(bare)[11], np.float32).tobytes()
    Upgrade(bare, grid).apply(leave_out=True)
    assert bare.remove("Dan") == 1
    assert dan not in path.read_bytes()
    assert go_back(bare) == (10, 0)


def test_left_out_and_enrolled_again_they_are_what_they_were(bare: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    before = vectors(bare)
    Upgrade(bare, grid).apply(leave_out=True)
    (again,) = bare.add("Dan", [new(grid, 7, 0)])
    assert again is not None
    assert (again.id, bare.search([probe(grid, 7)], 1)[0][0].person) == (11, "Dan")
    assert bare.chip(11) is not None
    go_back(bare)
    assert vectors(bare) == before


def test_a_gallery_without_any_picture_is_not_changed(path: Path, grid: Pipeline, coarse: Pipeline) -> None:
    with Gallery.open(path) as gallery:
        gallery.add("Ada", [new(coarse, 0, shot, kept=False) for shot in range(2)])
        with pytest.raises(ChangeRefused, match=r"2 of 2 references .*enrol these people again$"):
            Upgrade(gallery, grid).apply(leave_out=True)


def test_pictures_that_show_nothing_are_as_good_as_none(gallery: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    broken = replace(new(coarse, 7, 0), thumbnail=b"\xff\xd8\xffnone")
    gallery.add("Dan", [broken])
    assert [one.person for one in Upgrade(gallery, grid).compare().unmade] == ["Dan"]


# Chips of older facepipes ---------------------------------------------------------------------------------------------


def test_chips_cut_for_the_old_network_are_cut_anew_from_where_its_card_says(
    gallery: Gallery, path: Path, grid: Pipeline
) -> None:
    _forget_landmarks(gallery)
    places = find_card("coarse").chip.template_points()
    Upgrade(gallery, grid).apply()
    chip = gallery.chip(1)
    assert chip is not None
    assert chip.landmarks is not None
    assert np.allclose(chip.landmarks, places * 224 / 112)  # now that another network is named, they are kept with it
    go_back(gallery)
    assert gallery.chip(1).landmarks.tolist() == chip.landmarks.tolist()


def test_of_a_network_that_is_not_here_the_face_is_looked_for(
    path: Path, coarse: Pipeline, grid: Pipeline, samples: Path
) -> None:
    with Gallery.open(path) as gallery:
        coarse.enroll("Ada", samples / "obama.jpg", gallery)
        gallery.add("Bob", [new(coarse, 1, 0)])  # blots: no face is found in them
        _forget_landmarks(gallery)
        find_card("coarse").path.unlink()
        found = Upgrade(gallery, grid).compare()
        assert (found.made, [one.person for one in found.unmade]) == (1, ["Bob"])
        assert Upgrade(gallery, grid).apply(leave_out=True) == 1
        direct = grid.faces(samples / "obama.jpg")[0].template
        assert gallery.references("Ada")[0].template.cosine(direct) > 0.98


def _forget_landmarks(gallery: Gallery) -> None:
    with gallery._hold.writing() as (record, _):
        record.sql.execute("UPDATE thumbnail SET landmarks = NULL")


# Calibration and cohort -----------------------------------------------------------------------------------------------


@pytest.fixture
def calibrated(gallery: Gallery, coarse: Pipeline) -> Gallery:
    """Scores of ``gallery`` are corrected for strangers, and for Ada's first reference among them."""
    rows = [new(coarse, 0, 0).template.vector] + [new(coarse, 100 + n, 0).template.vector for n in range(FEWEST)]
    people = ["Ada", *(f"stranger {n}" for n in range(FEWEST))]
    gallery.calibrate(_calibration(gallery), Strangers(np.stack(rows), people, [""] * len(people)))
    return gallery


def _calibration(gallery: Gallery) -> Calibration:
    return Calibration(
        backbone=str(gallery.backbone),
        made_at=datetime(2026, 1, 2, tzinfo=timezone.utc),
        measured_on="photos: 500 faces of 250 people",
        corrected=True,
        evidence=ByReferences((1, 2), (Evidence(20.0, -8.0, 0.01, 9.0), Evidence(30.0, -9.0, 0.01, 9.0))),
        people=3,
        fmr={"1e-2": 0.5},
    )


def test_a_calibration_belongs_to_its_network(calibrated: Gallery, grid: Pipeline, coarse: Pipeline) -> None:
    made, scores = calibrated.calibration, [c.score for c in calibrated.search([probe(coarse, 0)], 3)[0]]
    Upgrade(calibrated, grid).apply()
    assert calibrated.calibration is None
    assert calibrated.info().cohort == 0
    ada = fuse(np.stack([reference.template.vector for reference in calibrated.references("Ada")]), [3])[0]
    (best,) = calibrated.search([probe(grid, 0)], 1)[0]
    assert best.score == pytest.approx(float(ada @ probe(grid, 0).vector), abs=1e-5)  # corrected for nobody
    go_back(calibrated)
    assert calibrated.calibration == made
    assert calibrated.info().cohort == FEWEST + 1
    assert [c.score for c in calibrated.search([probe(coarse, 0)], 3)[0]] == scores


def test_one_made_in_between_goes_when_the_change_is_taken_back(calibrated: Gallery, grid: Pipeline) -> None:
    made = calibrated.calibration
    Upgrade(calibrated, grid).apply()
    calibrated.calibrate(replace(_calibration(calibrated), corrected=False))
    go_back(calibrated)
    assert calibrated.calibration == made
    Upgrade(calibrated, grid).apply()
    later = replace(_calibration(calibrated), corrected=False)
    calibrated.calibrate(later)
    commit(calibrated)
    assert calibrated.calibration == later


def test_who_is_removed_is_removed_from_the_cohort_of_before(calibrated: Gallery, path: Path, grid: Pipeline) -> None:
    Upgrade(calibrated, grid).apply()
    calibrated.rename("Ada", "Ida")
    assert raw(path, "SELECT count(*) FROM cohort WHERE person = 'Ida'") == [(1,)]
    calibrated.remove_reference(1)
    assert raw(path, "SELECT count(*) FROM cohort WHERE person = 'Ida'") == [(0,)]
    calibrated.remove("Ida")
    go_back(calibrated)
    assert calibrated.info().cohort == FEWEST


# Other files, other processes, bad moments ----------------------------------------------------------------------------


def test_into_another_file(bare: Gallery, path: Path, tmp_path: Path, grid: Pipeline, coarse: Pipeline) -> None:
    before, target = path.read_bytes(), tmp_path / "new" / "other.db"
    change = Upgrade(bare, grid)
    with pytest.raises(ChangeRefused):
        change.write(target)
    assert list(target.parent.iterdir()) == []
    assert change.write(target, leave_out=True) == 9
    assert path.read_bytes() == before
    assert sorted(target.parent.iterdir()) == [target, Path(f"{target}.faiss")]
    assert target.stat().st_mode & 0o777 == 0o600
    with Gallery.open(target, create=False) as other:
        assert (other.backbone, other.former, len(other)) == (grid.backbone.id, None, 9)
        assert other.info().uuid != bare.info().uuid
        assert names(other, grid) == [*PEOPLE]
        assert other.check() == []
    assert all(np.array(v, np.float32).tobytes() not in target.read_bytes() for v in vectors(bare).values())
    with pytest.raises(UsageError, match="there is something already"):
        change.write(target, leave_out=True)


def test_to_the_same_network_or_twice_or_of_nothing(gallery: Gallery, tmp_path: Path, grid, coarse) -> None:
    with pytest.raises(UsageError, match=r"holds templates of coarse@.* already"):
        Upgrade(gallery, coarse).compare()
    Upgrade(gallery, grid).apply()
    with pytest.raises(UsageError, match="already"):
        Upgrade(gallery, grid).apply()
    with pytest.raises(ChangeRefused, match=r"was changed from coarse@.* to grid@.*, which is not settled yet"):
        Upgrade(gallery, coarse).apply()
    with Gallery.open(tmp_path / "empty.db") as empty, pytest.raises(GalleryNotFound, match="enrol someone first"):
        Upgrade(empty, grid).compare()


def test_where_nothing_can_be_written(gallery: Gallery, path: Path, grid: Pipeline, tmp_path: Path) -> None:
    gallery.close()
    with Gallery.open(path, read_only=True) as reader:
        change = Upgrade(reader, grid)
        assert change.compare().made == 9
        with pytest.raises(GalleryReadOnly):
            change.apply()
        assert change.write(tmp_path / "other.db") == 9


def test_whoever_has_it_open_notices(gallery: Gallery, path: Path, grid: Pipeline, coarse: Pipeline) -> None:
    with Gallery.open(path, backbone=coarse.backbone) as other:
        assert names(other, coarse) == [*PEOPLE]
        Upgrade(gallery, grid).apply()
        for use in (lambda: names(other, coarse), lambda: other.add("Dan", [new(coarse, 7, 0)])):
            with pytest.raises(GalleryMismatch, match=r"holds templates of grid@.*those of coarse@.*"):
                use()
        assert [person.name for person in other.people()] == [*PEOPLE]
        assert names(other, grid) == [*PEOPLE]  # with templates of the new one it goes on
        go_back(gallery)
        assert names(other, coarse) == [*PEOPLE]


def test_who_is_enrolled_while_references_are_made_is_made_too(gallery: Gallery, grid: Pipeline, coarse) -> None:
    def meanwhile(step: str, done: int, total: int) -> None:
        if not gallery.holders(new(coarse, 7, 0).image_sha256):
            gallery.add("Dan", [new(coarse, 7, 0)])
            gallery.remove("Bob")

    assert Upgrade(gallery, grid, meanwhile).apply() == 7
    assert [person.name for person in gallery.people()] == ["Ada", "Eve", "Dan"]
    assert gallery.search([probe(grid, 7)], 1)[0][0].person == "Dan"
