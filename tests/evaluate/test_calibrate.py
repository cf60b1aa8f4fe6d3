"""LabelledFaces made of numbers: what is theirs, what all have in common, and noise."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from facepipe.errors import GalleryReadOnly, UsageError
from facepipe.evaluate import calibrate as module
from facepipe.evaluate import strangers
from facepipe.evaluate.calibrate import calibrate
from facepipe.evaluate.embedded import Embedded
from facepipe.evaluate.faces import LabelledFaces
from facepipe.evaluate.strangers import Chosen
from facepipe.gallery import Gallery, NewReference, Strangers
from facepipe.records import Template

pytestmark = pytest.mark.slow

PIPE: Any = SimpleNamespace(backbone=SimpleNamespace(id="toy@1"))


def photos(people: int, each: int, seed: int = 1, first: int = 0) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(first + people, 1, 32))[first:] + 2.0
    vectors = (own + 0.5 * rng.normal(size=(people, each, 32))).reshape(-1, 32).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, [f"p{first + n // each}" for n in range(people * each)]


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    """The first five people, with a photo each that is nobody's below."""
    vectors, names = photos(5, 1, seed=2)
    with Gallery.open(tmp_path / "people.db") as opened:
        for name, vector in zip(names, vectors, strict=True):
            opened.add(name, [NewReference(Template(vector, 1.0, "toy@1"))])
        yield opened


def enroll_others(gallery: Gallery, people: int) -> None:
    """So many who are nobody else, with a photo each."""
    vectors, names = photos(people, 1, seed=5, first=200)
    gallery.add_many(
        (name, NewReference(Template(vector, 1.0, "toy@1"))) for name, vector in zip(names, vectors, strict=True)
    )


def see(monkeypatch: pytest.MonkeyPatch, vectors: np.ndarray, missed: int = 0, reliability: bool = False) -> None:
    """The images that are asked for, but for the first ``missed``, show these faces. How *reliable* probabilities are
    takes longer than all the rest: only who asks is told."""

    def find(pipe, images, people, cache, report) -> LabelledFaces:
        place = np.arange(len(images)) - missed
        place[:missed] = -1
        landmarks = np.zeros((len(vectors), 5, 2), np.float32)
        hashes = tuple(f"{number:064x}" for number in range(len(vectors)))
        found = Embedded(place, vectors, landmarks, hashes, tuple(range(missed)), (), {})
        called, numbers = np.unique(people[missed:], return_inverse=True)
        return LabelledFaces(tuple(images), found, tuple(images[missed:]), numbers, tuple(called.tolist()), None)

    monkeypatch.setattr(module, "remembering", lambda pipe, cached: nullcontext())
    monkeypatch.setattr(module, "find_faces", find)
    if not reliability:
        monkeypatch.setattr(module, "_reliability", lambda *given: None)


def labelled(names: list[str]) -> list[tuple[str, Path]]:
    return [(name, Path(f"{number}.jpg")) for number, name in enumerate(names)]


def test_thresholds_by_rate_and_what_scores_say(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = photos(160, 4)
    see(monkeypatch, vectors, missed=3, reliability=True)
    found = calibrate(PIPE, labelled(["p0"] * 3 + names), gallery, source="photos", cohort="none")
    made = gallery.calibration
    assert made == found.calibration
    assert (made.measured_on, made.corrected, made.people) == ("photos: 640 faces of 160 people", False, 5)
    assert (found.images, found.people, found.no_face, found.strangers) == (643, 160, 3, 0)
    people = np.array(names)
    a, b = np.triu_indices(640, 1)
    scores, same = (vectors @ vectors.T)[a, b], people[a] == people[b]
    assert list(made.fmr) == ["1e-2", "1e-3", "1e-4"]  # 204,000 pairs are too few for the next
    for rate, limit in made.fmr.items():
        assert (scores[~same] >= limit).mean() == pytest.approx(float(rate), rel=0.05)
        assert found.tmr[rate] == pytest.approx((scores[same] >= limit).mean())
    assert made.evidence.counts == (1, 2, 3)  # of four photos one is the probe
    assert made.evidence.single.log_ratio(float(scores[same].mean())) > 3
    assert found.reliability is not None
    assert found.reliability.brier.value < 0.1


def test_strangers_are_those_who_are_not_enrolled(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = photos(160, 4)
    see(monkeypatch, vectors)
    found = calibrate(PIPE, labelled(names), gallery, cohort="none")
    assert found.unknown_probes == 620  # without p0 to p4
    assert list(found.calibration.fpir) == ["1e-1"]  # 1e-2 would take a thousand
    references = np.stack([reference.template.vector for reference in gallery.references()])
    best = (vectors[20:] @ references.T).max(axis=1)
    assert (best >= found.calibration.fpir["1e-1"]).mean() == pytest.approx(0.1)


def test_strangers_are_no_strangers_to_themselves(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrected for the very people it is measured on, an FPIR holds for people nobody has seen."""
    vectors, names = photos(500, 3)
    see(monkeypatch, vectors[:900])
    found = calibrate(PIPE, labelled(names[:900]), gallery, cohort="labelled")
    fresh = gallery.search([Template(vector, 1.0, "toy@1") for vector in vectors[900:]], 1)
    share = np.mean([row[0].score >= found.calibration.fpir["1e-1"] for row in fresh])
    assert share == pytest.approx(0.1, abs=0.05)


def test_folders_are_spelt_as_the_gallery_spells(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = photos(160, 4)
    gallery.rename("p0", "Jos\u00e9")
    see(monkeypatch, vectors)
    spelt = ["Jose\u0301" if name == "p0" else name for name in names]  # as file systems of Macs have it
    assert calibrate(PIPE, labelled(spelt), gallery, cohort="none").unknown_probes == 620


def test_a_folder_that_is_spelt_otherwise_is_told(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = photos(160, 4)
    gallery.rename("p0", "Ada Lovelace")
    see(monkeypatch, vectors)
    spelt = ["ada_lovelace" if name == "p0" else name for name in names]
    found = calibrate(PIPE, labelled(spelt), gallery, cohort="none")
    assert (found.enrolled, found.unknown_probes) == (4, 624)
    (remark,) = found.remarks
    assert remark.startswith("folder ada_lovelace: taken for a stranger, but Ada Lovelace is enrolled")


def test_what_it_takes_the_place_of_is_told(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = photos(160, 4)
    see(monkeypatch, vectors)
    assert calibrate(PIPE, labelled(names), gallery, source="mine", cohort="none").remarks == ()
    see(monkeypatch, vectors[:200])
    assert calibrate(PIPE, labelled(names[:200]), gallery, cohort="none").remarks == (
        "it takes the place of the calibration on mine: 640 faces of 160 people, which also had thresholds for FMR"
        " 1e-4",
    )


def test_whoever_goes_meanwhile_is_not_brought_back(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll_others(gallery, 205)
    vectors, names = photos(150, 4)
    see(monkeypatch, vectors)
    measure = module.all_against_all

    def meanwhile(*given: Any) -> object:
        gallery.remove("p0")
        gallery.rename("p1", "Ada")
        return measure(*given)

    monkeypatch.setattr(module, "all_against_all", meanwhile)
    assert calibrate(PIPE, labelled(names), gallery).cohort == "gallery"
    with gallery._hold.reading() as record:
        kept = {name for (name,) in record.sql.execute("SELECT person FROM cohort")}
    assert kept == {person.name for person in gallery.people()}


@pytest.mark.parametrize(("cohort", "said"), [("auto", "labelled"), ("labelled", "labelled")])
def test_corrected_for_the_people_of_the_folder(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, cohort: str, said: str
) -> None:
    vectors, names = photos(210, 3)
    see(monkeypatch, vectors)
    found = calibrate(PIPE, labelled(names), gallery, cohort=cohort)
    assert (found.cohort, found.strangers, found.calibration.corrected) == (said, 630, True)
    probe = Template(vectors[400], 1.0, "toy@1")
    plain = float((np.stack([r.template.vector for r in gallery.references()]) @ probe.vector).max())
    assert gallery.search(probe, 1)[0][0].score != pytest.approx(plain, abs=1e-3)
    again = calibrate(PIPE, labelled(names), gallery, cohort="none")
    assert not again.calibration.corrected
    assert gallery.search(probe, 1)[0][0].score == pytest.approx(plain, abs=1e-5)


def test_corrected_for_the_people_enrolled(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll_others(gallery, 200)
    vectors, names = photos(150, 4)
    see(monkeypatch, vectors)
    found = calibrate(PIPE, labelled(names), gallery)
    assert (found.cohort, found.strangers) == ("gallery", 205)


def test_small_cohorts_are_left_alone(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, names = photos(160, 4)
    see(monkeypatch, vectors)
    found = calibrate(PIPE, labelled(names), gallery)
    assert found.cohort == "none (gallery 5, labelled 160 people, and it takes 200)"
    with pytest.raises(UsageError, match="cohort gallery 5 people, and it takes 200"):
        calibrate(PIPE, labelled(names), gallery, cohort="gallery")


def test_a_folder_of_strangers(gallery: Gallery, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    strange, of_whom = photos(220, 1, seed=9, first=300)
    hashes = [f"{number:064x}" for number in range(220)]
    found = Chosen(Strangers(strange, of_whom, hashes), str(tmp_path), tmp_path / "kept.db")
    monkeypatch.setattr(strangers, "find_strangers", lambda *given: found)
    vectors, names = photos(150, 4)
    see(monkeypatch, vectors)
    made = calibrate(PIPE, labelled(names), gallery, cohort=tmp_path)
    assert (made.cohort, made.strangers, made.kept) == (str(tmp_path), 220, tmp_path / "kept.db")


def test_strangers_who_are_among_the_labelled_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the name of their sub-folder, however it is written, or by one of their pictures."""
    pictures = ("Bob/1.jpg", "Bob/2.jpg", "Zoe\u0308/1.jpg", "other/1.jpg", "other/2.jpg", "3.jpg")
    for name in pictures:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    vectors = np.eye(6, dtype=np.float32)
    mine = Embedded(np.arange(2), vectors[:2], np.zeros((2, 5, 2), np.float32), ("f" * 64, "e" * 64), (), (), {})
    faces = LabelledFaces((), mine, (), np.arange(2), ("Ada", "Bob"), None)
    hashes = dict(zip(pictures, ("2" * 64, "f" * 64, "0" * 64, "1" * 64, "f" * 64, "e" * 64), strict=True))

    def embed(pipe: object, images: list[Path], cache: None, report: object) -> tuple[Embedded, None]:
        marks = tuple(hashes[str(path.relative_to(tmp_path))] for path in images)
        return Embedded(np.arange(6), vectors, np.zeros((6, 5, 2), np.float32), marks, (), (), {}), None

    monkeypatch.setattr(strangers, "embed_cached", embed)
    found = strangers.find_strangers(PIPE, tmp_path, faces, None, lambda *step: None).strangers
    assert found is not None
    assert dict(zip(found.images, found.people, strict=True)) == {
        "0" * 64: "Zo\u00eb",
        "1" * 64: "Ada",
        "f" * 64: "Ada",
        "e" * 64: "Bob",
    }  # Bob's sub-folder, with a picture that is said to be Ada's, is left out: it may be either


@pytest.mark.parametrize(
    ("cohort", "why"),
    [
        ("others", "cohort 'others': not a folder; expected gallery, labelled, none, auto, or a folder"),
        ("", "cohort '': not a folder"),
        ("gallery", "cohort gallery 5 people, and it takes 200"),
    ],
)
def test_what_can_be_refused_is_before_the_work(gallery: Gallery, cohort: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        calibrate(PIPE, labelled(["p0"]), gallery, cohort=cohort)
    with pytest.raises(UsageError, match="seed -1: expected a whole number"):
        calibrate(PIPE, labelled(["p0"]), gallery, seed=-1)
    with Gallery.open(gallery.path, read_only=True) as reader, pytest.raises(GalleryReadOnly):
        calibrate(PIPE, labelled(["p0"]), reader)


@pytest.mark.parametrize(
    ("people", "each", "why"),
    [
        (20, 1, "pairs of one person: 0, of two people: 190; expected at least 10 of each; 46 people"),
        (20, 2, r"pairs of two people: 760; expected at least 1000 for FMR 0.01 \(46 people with one photo"),
    ],
)
def test_too_few_photos(gallery: Gallery, monkeypatch: pytest.MonkeyPatch, people: int, each: int, why: str) -> None:
    vectors, names = photos(people, each)
    see(monkeypatch, vectors)
    with pytest.raises(UsageError, match=f"photos: {why}"):
        calibrate(PIPE, labelled(names), gallery, source="photos")
    assert gallery.calibration is None
