import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from facepipe import records
from facepipe.records import (
    Activation,
    BaseRecord,
    Candidate,
    Chip,
    Consent,
    Detection,
    Face,
    Frame,
    Identification,
    Image,
    Quality,
    Reference,
    StoredChip,
    Template,
    Verification,
)

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
BOX = np.array([10, 20, 40, 80], np.float32)
POINTS = np.arange(10, dtype=np.float32).reshape(5, 2)
UNIT = np.array([0.6, 0, 0.8], np.float32)
AFFINE = np.eye(2, 3, dtype=np.float32)
NAN = np.float32("nan")


def with_nan(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.flat[-1] = NAN
    return changed


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Image(PIXELS[..., 0], "a"), r"Image\.pixels: expected shape .*, got \(4, 6\)"),
        (lambda: Image(np.zeros((4, 6, 4), np.uint8), "a"), r"Image\.pixels: .* got \(4, 6, 4\)"),
        (lambda: Image(PIXELS.astype(np.float32), "a"), r"Image\.pixels: expected uint8 array, got float32"),
        (lambda: Image([[1]], "a"), r"Image\.pixels: expected uint8 array, got <class 'list'>"),  # type: ignore[arg-type]
        (
            lambda: Detection(BOX.astype(np.float64), 0.9, POINTS),
            r"Detection\.box: expected float32 array, got float64",
        ),
        (lambda: Detection(BOX[:3], 0.9, POINTS), r"Detection\.box: expected shape \(4,\), got \(3,\)"),
        (lambda: Detection(with_nan(BOX), 0.9, POINTS), r"Detection\.box: expected finite values"),
        (lambda: Detection(BOX, 0.9, POINTS.T), r"Detection\.landmarks: expected shape \(5, 2\), got \(2, 5\)"),
        (lambda: Detection(BOX, 0.9, with_nan(POINTS)), r"Detection\.landmarks: expected finite values"),
        (lambda: Detection(BOX, 1.01, POINTS), r"Detection\.score: expected 0\.\.1, got 1\.01"),
        (lambda: Detection(BOX, -0.01, POINTS), r"Detection\.score"),
        (lambda: Detection(BOX, float("nan"), POINTS), r"Detection\.score: expected 0\.\.1, got nan"),
        (lambda: Chip(PIXELS[..., :2], AFFINE), r"Chip\.pixels"),
        (lambda: Chip(PIXELS, np.eye(3, dtype=np.float32)), r"Chip\.to_chip: expected shape \(2, 3\)"),
        (lambda: Template(UNIT * 2, 1, "a"), r"Template\.vector: expected norm 1, got 2"),
        (lambda: Template(UNIT * np.float32(1.002), 1, "a"), r"Template\.vector: expected norm 1, got 1\.002"),
        (lambda: Template(with_nan(UNIT), 1, "a"), r"Template\.vector: expected finite values"),
        (lambda: Template(UNIT[None], 1, "a"), r"Template\.vector: expected shape"),
        (lambda: Template(UNIT, 0, "a"), r"Template\.norm: expected a positive number, got 0"),
        (lambda: Template(UNIT, float("inf"), "a"), r"Template\.norm"),
        (lambda: Activation("conv", np.zeros((3, 4), np.float32)), r"Activation\.values: expected shape"),
        (lambda: Activation("conv", np.full((1, 1, 1), NAN)), r"Activation\.values: expected finite"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_expected(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=rf"^{message}"):
        make()


def test_records_are_frozen() -> None:
    records = {"source": Image(PIXELS, "a"), "score": Detection(BOX, 0.9, POINTS), "norm": Template(UNIT, 1, "a")}
    for field, record in records.items():
        with pytest.raises(FrozenInstanceError):
            setattr(record, field, 0.5)


def test_image_sides_and_hash() -> None:
    image = Image(PIXELS, "a")
    assert (image.height, image.width) == (4, 6)
    assert image.sha256 == Image(PIXELS.copy(), "elsewhere").sha256 == Image(np.asfortranarray(PIXELS), "a").sha256
    assert len(image.sha256) == 64
    changed = PIXELS.copy()
    changed[3, 5, 2] ^= 1
    others = [Image(changed, "a"), Image(PIXELS.reshape(6, 4, 3), "a"), Image(PIXELS.reshape(3, 8, 3), "a")]
    assert len({image.sha256, *(other.sha256 for other in others)}) == 4  # the same bytes in another shape are another


def test_size_is_the_shorter_side() -> None:
    assert Detection(BOX, 0.9, POINTS).size == 30
    assert Detection(BOX[[1, 0, 3, 2]], 0, POINTS).size == 30


def test_from_embedding_keeps_the_norm_apart() -> None:
    template = Template.from_embedding(np.array([3, 0, 4], np.float64), "a@1")
    assert template.vector.tolist() == pytest.approx([0.6, 0, 0.8])
    assert template.vector.dtype == np.float32
    assert (template.norm, template.backbone) == (5, "a@1")


@pytest.mark.parametrize("embedding", [(0, 0), (float("nan"), 1), (float("inf"), 1)])
def test_an_embedding_without_a_direction_is_refused(embedding: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="expected a finite vector of positive norm"):
        Template.from_embedding(np.array(embedding, np.float32), "a")


def test_many_templates_are_as_one_by_one() -> None:
    vectors = np.stack([UNIT, -UNIT])
    made = Template.many(vectors, [2, 3.5], "toy@1")
    assert [(t.vector.tolist(), t.norm, t.backbone) for t in made] == [
        (vector.tolist(), norm, "toy@1") for vector, norm in zip(vectors, (2, 3.5), strict=True)
    ]
    with pytest.raises(FrozenInstanceError):
        made[0].norm = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("vectors", "norms", "message"),
    [
        (np.stack([UNIT, UNIT * 2]), [1, 1], r"Template\.vector: expected norm 1, got 2"),
        (np.stack([UNIT, UNIT * NAN]), [1, 1], r"Template\.vector: expected finite values"),
        (np.stack([UNIT, UNIT]), [1, 0], r"Template\.norm: expected positive numbers"),
        (np.stack([UNIT, UNIT]), [1, float("nan")], r"Template\.norm: expected positive numbers"),
        (np.stack([UNIT, UNIT]), [1], "argument 3 is shorter"),
    ],
)
def test_many_templates_are_refused_for_one(vectors: np.ndarray, norms: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Template.many(vectors, norms, "toy@1")


def test_long_vectors_pass_the_norm_check() -> None:
    Template.from_embedding(np.random.default_rng(0).normal(size=4096).astype(np.float32), "a")


@pytest.mark.parametrize(
    ("scores", "threshold", "name"),
    [
        ((), 0.5, None),
        ((0.9, 0.8), 0.5, "0"),
        ((0.5,), 0.5, "0"),
        ((0.4999,), 0.5, None),
        ((0.1,), 0.0, "0"),
        ((-0.1,), 0.0, None),
        ((-0.9,), -1.0, "0"),
    ],
)
def test_the_name_is_the_best_candidates_if_it_reaches_the_threshold(
    scores: tuple[float, ...], threshold: float, name: str | None
) -> None:
    candidates = tuple(Candidate(str(i), score, i + 1, i) for i, score in enumerate(scores))
    assert Identification(Detection(BOX, 0.9, POINTS), candidates, threshold).name == name


@pytest.mark.parametrize(("score", "match"), [(0.9, True), (0.5, True), (0.4999, False)])
def test_a_score_at_the_threshold_is_a_match(score: float, match: bool) -> None:
    face = Detection(BOX, 0.9, POINTS)
    assert Verification(score, 0.5, face, face).match is match


FOUND = Detection(BOX, 0.98765, POINTS)
CANDIDATE = Candidate("Ada", 0.77774, 1, 3, 0.9999994)
WHEN = datetime(2026, 11, 23, 9, 30, tzinfo=timezone.utc)
SEEN = Quality(0.98765, 30, 0.25)
MADE: list[tuple[BaseRecord, str, dict[str, Any]]] = [
    (Image(PIXELS, "a.jpg"), "a.jpg, 6×4 px", {"source": "a.jpg", "size": [6, 4], "shrunk": 1}),
    (
        Frame(Image(PIXELS, "cam"), 7, 0.28, WHEN),
        "7, at 0.280 s, cam, 6×4 px",
        {
            "index": 7,
            "time": 0.28,
            "at": "2026-11-23T09:30:00+00:00",
            "image": {"source": "cam", "size": [6, 4], "shrunk": 1},
        },
    ),
    (Chip(PIXELS, AFFINE), "6×4 px", {"size": [6, 4], "to_chip": [[1, 0, 0], [0, 1, 0]]}),
    (StoredChip(b"\xff\xd8\xff"), "3 bytes", {"bytes": 3, "landmarks": None}),
    (
        FOUND,
        "30×60 px at (10, 20), score 0.988",
        {"box": [10, 20, 40, 80], "score": 0.9877, "landmarks": POINTS.tolist()},
    ),
    (
        Template(UNIT, 5.0, "toy@1"),
        "3 numbers by toy@1",
        {"backbone": "toy@1", "norm": 5.0, "vector": UNIT.tolist()},
    ),
    (SEEN, "30 px, sharpness 0.25, score 0.988", {"size": 30, "sharpness": 0.25, "score": 0.9877}),
    (
        Face(FOUND, Chip(PIXELS, AFFINE), Template(UNIT, 5.0, "toy@1")),
        str(FOUND),
        FOUND.to_dict() | {"template": Template(UNIT, 5.0, "toy@1").to_dict()},
    ),
    (
        Consent("Yes", WHEN),
        "2026-11-23T09:30:00+00:00: Yes",
        {"wording": "Yes", "given_at": "2026-11-23T09:30:00+00:00"},
    ),
    (
        Reference(3, "Ada", Template(UNIT, 5.0, "toy@1"), None, "a.jpg", "", WHEN),
        "3, Ada, a.jpg",
        {
            "id": 3,
            "person": "Ada",
            "source": "a.jpg",
            "enrolled_at": "2026-11-23T09:30:00+00:00",
            "quality": None,
            "consent": None,
        },
    ),
    (
        CANDIDATE,
        "1, Ada, 99.9 %, score 0.778",
        {"person": "Ada", "score": 0.7777, "rank": 1, "reference": 3, "probability": 0.999999},
    ),
    (
        Identification(FOUND, (CANDIDATE,), 0.33564),
        "Ada, 99.9 %, 30×60 px at (10, 20)",
        FOUND.to_dict() | {"name": "Ada", "threshold": 0.3356, "candidates": [CANDIDATE.to_dict()]},
    ),
    (
        Verification(0.2, 0.33564, FOUND, FOUND, 0.02, ("a.jpg", None)),
        "no match, 2 % likely to be one person  (0.200 < 0.336)",
        {
            "a": {"source": "a.jpg"} | FOUND.to_dict(),
            "b": {"source": None} | FOUND.to_dict(),
            "score": 0.2,
            "threshold": 0.3356,
            "match": False,
            "probability": 0.02,
        },
    ),
    (Activation("conv", np.zeros((3, 4, 5), np.float32)), "conv, 3×4×5", {"layer": "conv", "shape": [3, 4, 5]}),
]


@pytest.mark.parametrize(("record", "said", "told"), MADE, ids=lambda given: type(given).__name__)
def test_a_record_says_itself_and_tells_itself_to_json(record: BaseRecord, said: str, told: dict[str, Any]) -> None:
    assert str(record) == said
    assert repr(record) == f"<{type(record).__name__}: {said}>"
    assert json.loads(json.dumps(record.to_dict(), allow_nan=False)) == told


def test_every_record_is_tried() -> None:
    there = [getattr(records, name) for name in records.__all__]
    kinds = {kind for kind in there if BaseRecord in getattr(kind, "__mro__", ())} - {BaseRecord}
    assert kinds == {type(record) for record, _, _ in MADE}


def test_a_name_cannot_repaint_the_terminal() -> None:
    face = Identification(FOUND, (Candidate("A\x1b[2J", 0.9, 1, 1, 0.9),), 0.3)
    assert str(face).startswith(r"A\x1b[2J, 90 %")


def test_where_nothing_says_how_likely_it_is_the_score_is_said() -> None:
    face = Identification(FOUND, (Candidate("Ada", 0.5, 1, 1),), 0.3)
    assert str(face) == "Ada, 0.500 ≥ 0.300, 30×60 px at (10, 20)"
    assert str(Identification(FOUND, (), 0.3)) == "unknown, 30×60 px at (10, 20)"
