"""A calibration stays with its gallery, changes how it scores, and its cohort is forgotten with the people in it."""

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from facepipe.errors import GalleryNotFound, GalleryReadOnly, UsageError
from facepipe.gallery import Gallery, Strangers, database
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.cohort import FEWEST, Cohort
from facepipe.scoring.evidence import ByReferences, Evidence, shares
from facepipe.scoring.fusion import fuse

EVIDENCE = ByReferences((1, 2), (Evidence(20.0, -8.0, 0.01, 9.0), Evidence(30.0, -9.0, 0.01, 9.0)))
PLAIN = Calibration(
    backbone="toy@1",
    made_at=datetime(2026, 1, 2, tzinfo=timezone.utc),
    measured_on="photos: 500 faces of 250 people",
    corrected=False,
    evidence=EVIDENCE,
    people=2,
    fmr={"1e-2": 0.5, "1e-3": 0.6},
)
CORRECTED = replace(PLAIN, corrected=True)


@pytest.fixture
def strangers(template) -> Strangers:
    """Two vectors each of as many people as a cohort needs, and Ada's first and Bob's reference."""
    vectors = [template(seed).vector for seed in (1, 3, *range(100, 98 + 2 * FEWEST))]
    people = ["Ada", "Bob", *(f"p{n // 2}" for n in range(2 * FEWEST - 2))]
    return Strangers(np.stack(vectors), people, [""] * len(people))


@pytest.fixture
def calibrated(gallery: Gallery, strangers) -> Gallery:
    gallery.calibrate(CORRECTED, strangers)
    return gallery


def test_it_is_kept(calibrated: Gallery, closed: Path, strangers) -> None:
    with Gallery.open(closed, read_only=True) as again:
        assert again.calibration == CORRECTED
        assert again.info().index == "valid"
        assert again.check() == []


def test_scores_are_corrected_for_the_cohort(calibrated: Gallery, template, strangers) -> None:
    probe = template(50)
    references = np.concatenate([fuse(np.stack([template(1).vector, template(2).vector]), [2]), [template(3).vector]])
    names = ["Ada", "Bob"]
    expected = Cohort(strangers.vectors, strangers.people).correct(
        probe.vector[None] @ references.T, probe.vector[None], references, names
    )[0]
    found = {candidate.person: candidate.score for candidate in calibrated.search(probe)[0]}
    assert [found[name] for name in names] == pytest.approx(expected.tolist(), abs=1e-5)
    calibrated.calibrate(None)
    plain = {candidate.person: candidate.score for candidate in calibrated.search(probe)[0]}
    assert [plain[name] for name in names] == pytest.approx((references @ probe.vector).tolist(), abs=1e-5)
    assert calibrated.calibration is None


def test_probabilities_by_the_gallerys_own_evidence_or_by_what_is_given(gallery: Gallery, template) -> None:
    probe, other = template(3), ByReferences((1,), (Evidence(1.0, 0.0, 0.1, 2.0),))
    assert [candidate.probability for candidate in gallery.search(probe)[0]] == [None, None]
    for calibration, says in ((None, other), (PLAIN, EVIDENCE)):
        gallery.calibrate(calibration)
        row = gallery.search(probe, evidence=other)[0]
        counts = np.array([len(gallery.references(c.person)) for c in row])
        expected = shares(says.log_ratio(np.array([c.score for c in row], np.float32), counts), 2)
        assert [c.probability for c in row] == pytest.approx(expected.tolist())


def test_the_score_of_a_probe_that_is_a_mean_of_several(gallery: Gallery, template) -> None:
    probe = template(3)
    (once,), (shorter,) = gallery.search([probe], 1), gallery.search([probe], 1, lengths=[0.9])
    assert shorter[0].score == pytest.approx(0.9 * once[0].score)


def test_a_new_one_takes_the_place_of_the_old(calibrated: Gallery, path: Path) -> None:
    calibrated.calibrate(PLAIN)
    assert calibrated.calibration == PLAIN
    calibrated.close()
    with Gallery.open(path) as again:
        assert again._hold._record.count("cohort") == 0


def rows(gallery: Gallery, first: int = 2) -> list[str]:
    with gallery._hold.reading() as record:
        return [name for (name,) in record.sql.execute("SELECT person FROM cohort ORDER BY id LIMIT ?", (first,))]


def test_whoever_is_removed_is_forgotten_by_the_cohort_too(calibrated: Gallery, path: Path, template) -> None:
    vector = template(3).vector.astype("<f4").tobytes()
    assert path.read_bytes().count(vector) == 2
    calibrated.remove("Bob")
    assert rows(calibrated) == ["Ada", "p0"]
    calibrated.close()
    assert vector not in path.read_bytes()


def test_a_reference_that_is_removed_leaves_the_cohort(calibrated: Gallery) -> None:
    calibrated.remove_reference(2)
    assert rows(calibrated) == ["Ada", "Bob"]
    calibrated.remove_reference(1)
    assert rows(calibrated) == ["Bob", "p0"]


def test_a_photo_that_was_embedded_again_leaves_the_cohort_with_its_reference(
    gallery: Gallery, strangers: Strangers, new, template
) -> None:
    mark = "a" * 64
    reference, *_ = gallery.add("Ada", [replace(new(7), image_sha256=mark)])
    gallery.calibrate(CORRECTED, replace(strangers, images=[mark, mark, mark, *strangers.images[3:]]))
    assert rows(gallery, 3) == ["Ada", "Bob", "p0"]
    gallery.remove_reference(reference.id)
    assert rows(gallery, 3) == ["p0", "p1", "p1"]


def test_whoever_was_removed_while_the_cohort_was_looked_for_is_not_kept(
    gallery: Gallery, strangers: Strangers, new
) -> None:
    mark = "b" * 64
    (reference,) = gallery.add("Ada", [replace(new(7), image_sha256=mark)])
    known = gallery.known()
    assert ("Ada", mark) in known
    gallery.remove("Bob")
    gallery.remove_reference(reference.id)
    gallery.calibrate(CORRECTED, replace(strangers, images=["", "", mark, *strangers.images[3:]]), known)
    assert rows(gallery, 3) == ["Ada", "p0", "p1"]
    with pytest.raises(UsageError, match="a cohort of 199 people is left, expected 200; calibrate again"):
        gallery.calibrate(CORRECTED, strangers[range(2, 2 * FEWEST)])
    assert rows(gallery, 3) == ["Ada", "p0", "p1"]


def test_of_an_image_under_two_names_only_the_removed_one_is_not_kept(
    gallery: Gallery, strangers: Strangers, new
) -> None:
    mark = "c" * 64
    (reference,) = gallery.add("Ada", [replace(new(7), image_sha256=mark)])
    gallery.add("Bob", [replace(new(7), image_sha256=mark)])
    cohort, known = replace(strangers, images=[mark, mark, *strangers.images[2:]]), gallery.known()
    gallery.calibrate(CORRECTED, cohort, known)
    gallery.remove_reference(reference.id)
    assert rows(gallery) == ["Bob", "p0"]
    gallery.calibrate(CORRECTED, cohort, known)
    assert rows(gallery) == ["Bob", "p0"]


def test_names_follow(calibrated: Gallery) -> None:
    calibrated.rename("Ada", "Ada Lovelace")
    assert rows(calibrated) == ["Ada Lovelace", "Bob"]
    calibrated.merge(["Bob"], "Ada Lovelace")
    assert rows(calibrated) == ["Ada Lovelace", "Ada Lovelace"]


def test_a_cohort_that_got_too_small_is_told_and_not_used(
    gallery: Gallery, strangers, caplog: pytest.LogCaptureFixture, template
) -> None:
    kept = list(dict.fromkeys(strangers.people))[:FEWEST]
    gallery.calibrate(CORRECTED, strangers[[at for at, name in enumerate(strangers.people) if name in kept]])
    assert gallery.calibration == CORRECTED
    gallery.remove("Bob")
    assert gallery.calibration is None
    assert "calibration no longer holds (a cohort of 199 people: expected at least 200); calibrate again" in caplog.text
    assert gallery.search(template(1))[0][0].person == "Ada"
    assert len(caplog.records) == 1  # once, not at every search
    info = gallery.info()
    assert info.calibration is not None
    assert info.calibration.startswith("holds no more")
    assert info.cohort == 2 * (FEWEST - 2) + 1  # two of each, one of Ada; they are there until it is removed
    gallery.calibrate(None)
    assert (gallery.info().calibration, gallery.info().cohort) == (None, 0)


def test_a_change_is_seen_by_whoever_has_it_open(gallery: Gallery, path: Path) -> None:
    with Gallery.open(path) as other:
        assert other.calibration is None
        gallery.calibrate(PLAIN)
        assert other.calibration == PLAIN


def test_each_probe_has_an_owner_or_none_has(gallery: Gallery, template) -> None:
    with pytest.raises(UsageError, match="who: expected a name for each of 2 probes, got 1"):
        gallery.search([template(1), template(3)], who=["Ada"])


def test_what_cannot_be_calibrated(path: Path, gallery: Gallery, closed: Path) -> None:
    with Gallery.open(closed) as again, pytest.raises(UsageError, match="toy@1, the calibration is for other@2"):
        again.calibrate(replace(PLAIN, backbone="other@2"))
    with Gallery.open(closed, read_only=True) as again, pytest.raises(GalleryReadOnly):
        again.calibrate(PLAIN)
    with Gallery.open(path.with_name("none.db")) as none, pytest.raises(GalleryNotFound):
        none.calibrate(PLAIN)


def test_a_gallery_of_before_has_none(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Gallery.open(closed) as gallery:
        monkeypatch.setattr(database.Database, "version", property(lambda self: 2))
        assert gallery.calibration is None
