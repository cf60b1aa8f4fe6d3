"""Whole evaluations of real photos, and of people made of numbers, whose figures are known."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from facepipe import Pipeline
from facepipe.errors import UsageError
from facepipe.evaluate import Evaluation, evaluate_folders, evaluate_pairs, evaluate_people
from facepipe.evaluate.faces import find_faces, remembering
from facepipe.evaluate.measures.rates import match_rate, threshold_at_fmr

pytestmark = pytest.mark.slow

HEAD = "image_a,image_b,same_person\n"


@pytest.fixture(scope="module")
def of_folders(pipeline: Pipeline, album: Path, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate_folders(pipeline, album, cached=False)


def test_all_photos_against_all(pipeline: Pipeline, album: Path, of_folders: Evaluation) -> None:
    found = of_folders
    assert (found.images.images, found.images.people, found.images.named) == (7, 3, True)
    assert (found.images.no_face, found.images.failures, found.images.listed_pairs) == ((), (), None)
    (measured,) = found.measured
    v = measured.verification
    assert (v.genuine, v.impostor) == (3 + 1 + 1, 21 - 5)
    assert (v.eer.value, v.area) == (0, 1)  # these three people are not hard to tell apart
    assert [at.tmr for at in v.at] == [None] * 4  # too few pairs for any of the rates
    assert [at.threshold for at in v.stated] == list(pipeline.backbone.card.thresholds.values())
    assert v.stated[1].tmr.value == 1
    assert found.cohort == "none"
    assert found.backbone == pipeline.backbone.id
    identification = measured.identification
    assert identification is not None
    assert identification.sizes[-1].rank1.value == 1


def test_the_worst_pairs_are_kept_with_their_faces(album: Path, of_folders: Evaluation, pipeline: Pipeline) -> None:
    size = pipeline.backbone.card.chip.size
    for mistakes, same in ((of_folders.alike, False), (of_folders.unlike, True)):
        assert mistakes
        used = [path for one in mistakes for path in (one.a, one.b)]
        assert len(set(used)) == len(used)
        for one in mistakes:
            assert (Path(one.a).parent == Path(one.b).parent) == same
            assert one.faces.shape == (2, size, size, 3)
            a, b = (pipeline.faces(path)[0].template for path in (one.a, one.b))
            assert one.score == pytest.approx(a.cosine(b), abs=1e-4)
    assert of_folders.alike[0].score < of_folders.unlike[0].score  # no mistakes, then


def test_the_same_again_and_from_the_cache(pipeline: Pipeline, album: Path, of_folders: Evaluation) -> None:
    first = evaluate_folders(pipeline, album)
    again = evaluate_folders(pipeline, album)
    assert first.kept is not None
    assert again.kept is None
    for found in (first, again):
        assert {**found.to_json(), "kept": None} == of_folders.to_json()


def test_json_is_plain_and_finite(of_folders: Evaluation) -> None:
    text = json.dumps(of_folders.to_json(), allow_nan=False)
    assert "faces" not in json.loads(text)["alike"][0]
    assert json.loads(text)["measured"][0]["verification"]["genuine"] == 5


def test_listed_pairs_with_a_missing_image_and_one_without_a_face(
    pipeline: Pipeline, album: Path, tmp_path: Path
) -> None:
    shutil.copytree(album, tmp_path / "photos")
    PIL.Image.new("RGB", (64, 64)).save(tmp_path / "photos" / "black.png")
    path = tmp_path / "pairs.csv"
    path.write_text(
        HEAD + "obama/1.png,obama/2.png,1\nobama/1.png,biden/1.png,0\nnowhere.png,obama/1.png,1\n"
        "black.png,obama/1.png,1\nstranger/1.png,stranger/2.png,1\nobama/3.png,stranger/1.png,0\n"
        "nowhere.png,biden/1.png,0\n",
        "utf-8",
    )
    found = evaluate_pairs(pipeline, path, images=tmp_path / "photos")
    images = found.images
    assert images.no_face == (str(tmp_path / "photos" / "black.png"),)
    (failure,) = images.failures
    assert failure.row == 4
    assert failure.image.endswith("nowhere.png")
    assert "no such file" in failure.error
    assert (images.listed_pairs, images.pairs_failed, images.pairs_without_face) == (7, 2, 1)
    assert not images.named
    (measured,) = found.measured
    assert (measured.verification.genuine, measured.verification.impostor) == (2, 2)
    assert measured.accuracy is not None
    assert measured.accuracy.best == 1
    assert measured.identification is None


def test_folds_of_the_list_are_used_and_a_fold_of_one_kind_is_remarked_on(
    pipeline: Pipeline, album: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(
        "image_a,image_b,same_person,fold\nobama/1.png,obama/2.png,1,first\nobama/1.png,biden/1.png,0,first\n"
        "stranger/1.png,stranger/2.png,1,second\n",
        "utf-8",
    )
    found = evaluate_pairs(pipeline, path, images=album)
    assert found.remarks == (f"{path}: fold second has pairs of one person only",)
    accuracy = found.measured[0].accuracy
    assert accuracy is not None
    assert not accuracy.made
    assert [fold.name for fold in accuracy.folds] == ["second"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("obama/1.png,obama/2.png,1\nobama/1.png,nowhere.png,0\n", "all 1 usable pairs are of one person"),
        ("nowhere.png,obama/2.png,1\nobama/1.png,nowhere.png,0\n", "all 0 usable pairs are of"),
    ],
)
def test_pairs_that_fail_may_leave_one_kind(
    pipeline: Pipeline, album: Path, tmp_path: Path, rows: str, expected: str
) -> None:
    (tmp_path / "pairs.csv").write_text(HEAD + rows, "utf-8")
    with pytest.raises(UsageError, match=expected):
        evaluate_pairs(pipeline, tmp_path / "pairs.csv", images=album)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["obama/1", "obama/2"], "1 person; expected two or more"),
        (["obama/1", "biden/1"], "one photo of each person; expected several of some"),
    ],
)
def test_folders_that_cannot_be_compared(
    pipeline: Pipeline, album: Path, tmp_path: Path, names: list[str], expected: str
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(album / f"{name}.png", tmp_path / f"{name}.png")
    with pytest.raises(UsageError, match=expected):
        evaluate_folders(pipeline, tmp_path)


@pytest.mark.parametrize("share", [0, 1, -1, float("nan")])
def test_the_share_left_out_is_a_share(pipeline: Pipeline, album: Path, share: float) -> None:
    with pytest.raises(UsageError, match=r"left-out .*: expected a share of the people"):
        evaluate_folders(pipeline, album, left_out=share)


def test_cohorts_that_cannot_be_had(pipeline: Pipeline, album: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cohort others: 3 people; expected 200 or more, or take a folder"):
        evaluate_folders(pipeline, album, cohort="others")
    with pytest.raises(UsageError, match=r"cohort .*nowhere': not a folder; expected others, none, or a folder"):
        evaluate_folders(pipeline, album, cohort=tmp_path / "nowhere")
    with pytest.raises(UsageError, match="a cohort of 3 people: expected at least 200"):
        evaluate_folders(pipeline, album, cohort=album)
    (tmp_path / "pairs.csv").write_text(HEAD + "obama/1.png,obama/2.png,1\nobama/1.png,biden/1.png,0\n", "utf-8")
    with pytest.raises(UsageError, match="cohort others: expected columns person_a and person_b"):
        evaluate_pairs(pipeline, tmp_path / "pairs.csv", images=album, cohort="others")


def test_lfw(pipeline: Pipeline, lfw: Path) -> None:
    """25 pairs of each kind of fold 1, against all their scores at once."""
    with (lfw / "pairs.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["fold"] == "1"]
    rows = [row for kind in "10" for row in [r for r in rows if r["same_person"] == kind][::6][:25]]
    names = sorted({row[side] for row in rows for side in ("image_a", "image_b")})
    files, persons = [lfw / "images" / name for name in names], [name.rsplit("_", 1)[0] for name in names]
    found = evaluate_people(pipeline, zip(persons, files, strict=True))
    people = np.array(persons)
    with remembering(pipeline, cached=True) as cache:  # which has them by now
        vectors = find_faces(pipeline, files, persons, cache, lambda name, done, total: None).vectors
    assert len(vectors) == len(names)
    a, b = np.triu_indices(len(names), 1)
    scores, same = (vectors @ vectors.T)[a, b], people[a] == people[b]
    v = found.measured[0].verification
    assert (v.genuine, v.impostor) == (same.sum(), (~same).sum())
    for at in v.at[:2]:
        limit = threshold_at_fmr(scores[~same], at.fmr, least=1)
        assert at.threshold == pytest.approx(limit, abs=1e-5)
        assert at.tmr is not None
        assert at.tmr.value == pytest.approx(match_rate(scores[same], limit), abs=0.01)
        assert (at.tmr.low or 0) <= at.tmr.value <= (at.tmr.high or 1)
    accuracy = found.measured[0].accuracy
    assert accuracy is not None
    assert accuracy.mean is not None
    assert 0.95 < accuracy.mean <= accuracy.best
    assert len(accuracy.folds) == 10
