"""From photos to names, with the real networks and a real gallery."""

import io
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from facepipe import Faces, Gallery, Pipeline, read_image
from facepipe.align.cut import cut_chip
from facepipe.align.kept import WIDE
from facepipe.align.quality import measure
from facepipe.batches import AHEAD, GROUP, Done, Failed
from facepipe.draw import side_by_side
from facepipe.errors import (
    DeviceUnavailable,
    EmbeddingInvalid,
    FaceError,
    FacepipeError,
    GalleryMismatch,
    ImageNotFound,
    ImageTooLarge,
    ImageTruncated,
    ModelNotFound,
    NameInvalid,
    NoFace,
    SeveralFaces,
    UsageError,
    WeightsAltered,
    WeightsMissing,
)
from facepipe.image import ImageLike
from facepipe.pipeline import pick_face
from facepipe.records import Detection, Identification, Image, Template
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences, Evidence

NOBODY = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


@pytest.fixture(scope="module")
def photo(samples: Path) -> Callable[[str], Image]:
    """A sample, shrunk to 600 px so that tests are quick."""
    made: dict[str, Image] = {}

    def read(name: str) -> Image:
        if name not in made:
            with PIL.Image.open(next(samples.glob(f"{name}.*"))) as picture:
                small = picture.convert("RGB")
                small.thumbnail((600, 600))
            made[name] = Image(np.asarray(small), name)
        return made[name]

    return read


@pytest.fixture(scope="module")
def party(photo: Callable[[str], Image]) -> Image:
    """Biden, the astronaut and Obama in a row."""
    portraits = [PIL.Image.fromarray(photo(name).pixels) for name in ("biden", "astronaut", "obama2")]
    return Image(np.asarray(side_by_side(portraits)), "party")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture
def gallery(path: Path, pipeline: Pipeline) -> Iterator[Gallery]:
    with Gallery.open(path, backbone=pipeline.backbone) as opened:
        yield opened


@pytest.fixture
def enrolled(gallery: Gallery, pipeline: Pipeline, photo: Callable[[str], Image]) -> Gallery:
    """Obama with two references, Biden with one."""
    pipeline.enroll("Obama", [photo("obama"), photo("obama2")], gallery)
    pipeline.enroll("Biden", photo("biden"), gallery)
    return gallery


def watch_detector(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources of the images that the detector is shown from now on."""
    seen: list[str] = []
    detect = pipeline.detector.detect

    def watched(image: Image) -> list[Detection]:
        seen.append(image.source)
        return detect(image)

    monkeypatch.setattr(pipeline.detector, "detect", watched)
    return seen


def same(a: Identification, b: Identification) -> bool:
    """But for the last digits, in which faces embedded together differ from those embedded alone."""
    scores = [candidate.score for candidate in b.candidates]
    return (
        a.name == b.name
        and [c.person for c in a.candidates] == [c.person for c in b.candidates]
        and [c.score for c in a.candidates] == pytest.approx(scores, abs=1e-5)
        and a.detection.box.tolist() == pytest.approx(b.detection.box.tolist(), abs=0.01)
    )


# The story ------------------------------------------------------------------------------------------------------------


def test_the_example_of_the_api(samples: Path, path: Path) -> None:
    pipe = Pipeline()
    with Gallery.open(path, backbone=pipe.backbone) as gallery:
        done = pipe.enroll("Obama", [read_image(samples / "obama.jpg"), read_image(samples / "obama2.jpg")], gallery)
        (face,) = pipe.identify(read_image(samples / "obama3.jpg"), gallery, top=3)
    assert [entry.person for entry in done] == ["Obama", "Obama"]
    assert [entry.source for entry in done] == [str(samples / "obama.jpg"), str(samples / "obama2.jpg")]
    assert face.name == "Obama"
    assert face.candidates[0].score > 0.7
    assert face.threshold == pipe.backbone.card.thresholds["1e-3"]
    ((detection, template),) = pipe.templates(read_image(samples / "obama3.jpg"))
    assert detection.box.tolist() == face.detection.box.tolist()
    assert template.vector.shape == (128,)
    assert pipe.verify(samples / "obama.jpg", samples / "obama3.jpg").match
    assert not pipe.verify(samples / "obama.jpg", samples / "biden.jpg").match


def test_a_stranger_is_unknown_with_the_nearest_people_as_candidates(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image]
) -> None:
    (face,) = pipeline.identify(photo("astronaut"), enrolled, top=5)
    assert face.name is None
    assert {candidate.person for candidate in face.candidates} == {"Obama", "Biden"}
    assert [candidate.rank for candidate in face.candidates] == [1, 2]
    assert face.candidates[1].score <= face.candidates[0].score < face.threshold


def test_everybody_in_a_picture_of_several_is_named(pipeline: Pipeline, enrolled: Gallery, party: Image) -> None:
    found = pipeline.identify(party, enrolled)
    assert {face.name for face in found} == {"Biden", "Obama", None}
    assert len(found) == 3
    assert [face.detection.size for face in found] == sorted((face.detection.size for face in found), reverse=True)
    assert [len(face.candidates) for face in found] == [1, 1, 1]


def test_nobody_in_a_picture_and_nobody_in_the_gallery(
    pipeline: Pipeline, gallery: Gallery, photo: Callable[[str], Image]
) -> None:
    assert pipeline.identify(NOBODY, gallery) == []
    assert pipeline.faces(NOBODY) == pipeline.detect(NOBODY) == pipeline.templates(NOBODY) == []
    (face,) = pipeline.identify(photo("obama"), gallery)
    assert (face.name, face.candidates) == (None, ())


def test_verify_gives_the_cosine_and_both_faces(pipeline: Pipeline, photo: Callable[[str], Image]) -> None:
    found = pipeline.verify(photo("obama"), photo("biden"))
    ((a, first),), ((b, second),) = pipeline.templates(photo("obama")), pipeline.templates(photo("biden"))
    assert found.score == pytest.approx(float(first.vector @ second.vector), abs=1e-6)
    assert (found.a.box.tolist(), found.b.box.tolist()) == (a.box.tolist(), b.box.tolist())
    assert pipeline.verify(photo("obama"), photo("obama")).score == pytest.approx(1)


def test_the_cosine_of_a_face_with_itself_is_not_above_one(
    pipeline: Pipeline, photo: Callable[[str], Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    face = pipeline.faces(photo("obama"))[0]
    vector = face.template.vector * np.float32(1.0001)  # within a template's tolerance
    over = replace(face, template=Template(vector, 1.0, "toy@1"))
    monkeypatch.setattr(pipeline, "_describe", lambda seen: [Faces.of(image, [over]) for image, _ in seen])
    assert pipeline.verify(photo("obama"), photo("obama")).score == 1


def test_a_verification_says_which_images_it_is_of(pipeline: Pipeline, photo: Callable[[str], Image]) -> None:
    found = pipeline.verify(photo("obama"), photo("biden"))
    assert found.sources == ("obama", "biden")
    assert found.to_dict()["b"] == {"source": "biden"} | found.b.to_dict()


# Thresholds -----------------------------------------------------------------------------------------------------------


def test_rates_may_be_asked_for(pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image]) -> None:
    image = photo("obama3")
    strict: dict[str, Any] = {"fmr": "1e-4"}
    loose: dict[str, Any] = {"fpir": "1e-1"}
    for asked in (strict, loose):
        expected = pipeline.threshold(**asked, gallery=enrolled)
        (face,) = pipeline.identify(image, enrolled, **asked)
        (outcome,) = pipeline.identify_each([image], enrolled, **asked)
        assert face.threshold == outcome.unwrap()[0].threshold == expected
    usual = pipeline.identify(image, enrolled)[0].threshold
    assert len({usual, *(pipeline.threshold(**asked, gallery=enrolled) for asked in (strict, loose))}) == 3
    assert pipeline.verify(image, image, fmr="1e-4").threshold == pipeline.threshold(fmr="1e-4")
    with pytest.raises(UsageError, match="fpir 2"):
        pipeline.identify(image, enrolled, fpir=2)


def test_a_pipeline_says_what_it_is_made_of_and_loads_nothing_for_it() -> None:
    pipe = Pipeline("dlib_resnet", detector="mtcnn")
    assert repr(pipe) == "<Pipeline: mtcnn, dlib_resnet, cpu>"
    assert pipe._load.cache_info().currsize == 0


def test_a_threshold_of_nought_is_a_threshold(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image]
) -> None:
    (face,) = pipeline.identify(photo("astronaut"), enrolled, threshold=0.0)
    assert face.threshold == 0.0
    assert face.name in {"Obama", "Biden"}
    (outcome,) = pipeline.identify_each([photo("astronaut")], enrolled, threshold=0.0)
    assert outcome.unwrap()[0].threshold == 0.0
    assert pipeline.verify(photo("astronaut"), photo("biden"), threshold=0.0).match
    assert not pipeline.verify(photo("obama"), photo("obama2"), threshold=1.0).match


@pytest.mark.parametrize("threshold", [1.01, -1.01, float("nan"), float("inf")])
def test_thresholds_that_are_no_cosine_are_refused(pipeline: Pipeline, gallery: Gallery, threshold: float) -> None:
    calls: list[Callable[[], object]] = [
        lambda: pipeline.identify(NOBODY, gallery, threshold=threshold),
        lambda: pipeline.match([], gallery, threshold=threshold),
        lambda: list(pipeline.identify_each([NOBODY], gallery, threshold=threshold)),
        lambda: pipeline.verify(NOBODY, NOBODY, threshold=threshold),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="expected a cosine, -1 to 1"):
            call()


def test_the_cards_thresholds_by_false_match_rate(pipeline: Pipeline) -> None:
    limits = [pipeline.threshold(fmr=rate) for rate in ("1e-2", "1e-3", "1e-4")]
    assert limits == sorted(limits)
    assert pipeline.threshold() == limits[1]
    assert pipeline.threshold(fmr="0.001") == pipeline.threshold(fmr=0.001) == limits[1]
    assert pipeline.threshold(fmr="1e-6") > pipeline.threshold(fmr="1e-5") > limits[2]
    with pytest.raises(UsageError, match="1e-2, 1e-3, 1e-4, 1e-5"):
        pipeline.threshold(fmr="5e-3")


@pytest.mark.parametrize(("people", "warned"), [(1, True), (2, False)])
def test_an_fpir_of_a_smaller_gallery_comes_with_a_warning(
    pipeline: Pipeline, enrolled: Gallery, people: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    evidence = ByReferences((1,), (Evidence(300.0, -279.0, lapse=1e-4, most=9.9),))
    at, id = datetime(2026, 11, 28, tzinfo=timezone.utc), pipeline.backbone.id
    enrolled.calibrate(Calibration(id, at, "photos", False, evidence, people, {"1e-2": 0.91}, {"1e-1": 0.94}))
    assert pipeline.threshold(fpir="1e-1", gallery=enrolled) == 0.94
    assert ("measured with 1 enrolled; now there are 2" in caplog.text) is warned
    caplog.clear()
    pipeline.threshold(fmr="1e-2", gallery=enrolled)
    assert not caplog.text


@pytest.mark.parametrize("top", [0, -1, 1.5])
def test_top_is_a_whole_number_from_one(pipeline: Pipeline, enrolled: Gallery, top: int) -> None:
    with pytest.raises(UsageError, match="top"):
        pipeline.identify(NOBODY, enrolled, top=top)


# Enrolment ------------------------------------------------------------------------------------------------------------


def test_an_enrolment_keeps_where_it_came_from(
    pipeline: Pipeline, gallery: Gallery, photo: Callable[[str], Image]
) -> None:
    image = photo("obama")
    (done,) = pipeline.enroll("Obama", image, gallery)
    (face,) = pipeline.faces(image)
    (kept,) = gallery.references("Obama")
    assert done.reference is not None
    assert kept.id == done.reference.id
    assert (kept.source, kept.image_sha256) == ("obama", image.sha256)
    measures = measure(image, face.detection)  # the gate's
    assert kept.quality is not None
    assert measures is not None
    assert (kept.quality.size, kept.quality.sharpness) == (round(face.size, 2), round(measures.sharpness, 4))
    assert kept.template.vector == pytest.approx(face.template.vector, abs=1e-6)
    thumbnail = gallery.thumbnail(kept.id)
    assert thumbnail is not None
    with PIL.Image.open(io.BytesIO(thumbnail)) as picture:
        wide = cut_chip(image, face.detection.landmarks, WIDE).pixels
        assert np.abs(np.asarray(picture).astype(int) - wide).mean() < 6  # RGB, not BGR


def test_the_same_image_again_adds_nothing_and_says_so(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image]
) -> None:
    before = len(enrolled)
    old, new = pipeline.enroll("Obama", [photo("obama"), photo("obama3")], enrolled)
    assert old.reference is None
    assert new.reference is not None
    assert len(enrolled) == before + 1
    twice = pipeline.enroll("Astronaut", [photo("astronaut"), photo("astronaut")], enrolled)
    assert [entry.reference is None for entry in twice] == [False, True]
    (other,) = pipeline.enroll("Barack", photo("obama"), enrolled, anyway=True)  # another name: another enrolment
    assert other.reference is not None


@pytest.mark.parametrize(
    ("bad", "error"),
    [(NOBODY, NoFace), ("/nowhere/a.jpg", ImageNotFound), ("party", SeveralFaces)],
    ids=["no face", "missing", "several"],
)
def test_all_or_nothing(
    pipeline: Pipeline,
    gallery: Gallery,
    photo: Callable[[str], Image],
    party: Image,
    tmp_path: Path,
    bad: ImageLike,
    error: type[FacepipeError],
) -> None:
    given = party if isinstance(bad, str) and bad == "party" else bad
    with pytest.raises(error):
        pipeline.enroll("Obama", [photo("obama"), given], gallery)
    assert gallery.people() == []
    assert list(tmp_path.iterdir()) == []  # not even a file


def test_half_a_picture_leaves_nothing(pipeline: Pipeline, gallery: Gallery, samples: Path, path: Path) -> None:
    data = (samples / "obama.jpg").read_bytes()
    with pytest.raises(ImageTruncated):
        pipeline.enroll("Obama", [data, data[: len(data) // 2]], gallery)
    assert not path.exists()


def test_of_several_faces_one_can_be_picked(pipeline: Pipeline, enrolled: Gallery, party: Image) -> None:
    faces = pipeline.faces(party)
    with pytest.raises(SeveralFaces, match=r"party: 3 faces \(\d+ px, \d+ px, \d+ px\)"):
        pipeline.enroll("Somebody", party, enrolled)
    for pick in (1, 3):
        pipeline.enroll(f"number {pick}", party, enrolled, pick=pick, anyway=True)
        (kept,) = enrolled.references(f"number {pick}")
        assert kept.template.vector == pytest.approx(faces[pick - 1].template.vector, abs=1e-6)
    with pytest.raises(NoFace, match="face 4 was picked, but it has 3"):
        pipeline.enroll("Somebody", party, enrolled, pick=4)
    with pytest.raises(UsageError, match="from 1"):
        pipeline.enroll("Somebody", party, enrolled, pick=0)
    with pytest.raises(SeveralFaces):
        pipeline.verify(party, party)
    assert pipeline.verify(party, party, pick=2).match
    assert pipeline.verify(party, party, pick=2).a.box.tolist() == faces[1].detection.box.tolist()
    assert "Somebody" not in {person.name for person in enrolled.people()}


@pytest.mark.parametrize("pick", [0, -1])
def test_a_pick_below_one_is_refused_before_the_faces_are_counted(pick: int) -> None:
    with pytest.raises(UsageError, match=f"pick {pick}"):
        pick_face(Image(NOBODY, "a"), [], pick)


def test_no_face_says_what_to_do(pipeline: Pipeline, gallery: Gallery, photo: Callable[[str], Image]) -> None:
    with pytest.raises(NoFace, match=r"^<array>: no face found; use"):
        pipeline.verify(photo("obama"), NOBODY)
    with pytest.raises(NoFace):
        pipeline.enroll("Nobody", NOBODY, gallery, pick=1)


# Many -----------------------------------------------------------------------------------------------------------------


def test_many_are_identified_as_one_by_one(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image], party: Image
) -> None:
    images = [photo("obama3"), Image(NOBODY, "nobody"), party, photo("astronaut"), photo("biden"), party] * 2
    outcomes = list(pipeline.identify_each(images, enrolled, top=2))
    assert [outcome.source for outcome in outcomes] == [image.source for image in images]
    for image, outcome in zip(images[:6], outcomes[:6], strict=True):
        alone = pipeline.identify(image, enrolled, top=2)
        assert len(alone) == len(outcome.unwrap())
        assert all(same(a, b) for a, b in zip(alone, outcome.unwrap(), strict=True))
    assert [len(outcome.unwrap()) for outcome in pipeline.detect_each(images[:3])] == [1, 0, 3]
    assert [len(outcome.unwrap()) for outcome in pipeline.faces_each(images[:3])] == [1, 0, 3]


def test_the_results_of_many_hold_no_picture_but_for_who_asks(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Image]] = []

    def copies() -> Iterator[Image]:
        for name in ("obama3", "biden", "astronaut"):
            image = Image(photo(name).pixels.copy(), name)
            made.append(weakref.ref(image))
            yield image

    calls: list[Callable[..., Iterator[object]]] = [
        pipeline.detect_each,
        pipeline.faces_each,
        partial(pipeline.identify_each, gallery=enrolled),
    ]
    for call in calls:
        made.clear()
        kept = list(call(copies()))
        assert [ref() is None for ref in made] == [True] * 3, call
        made.clear()
        kept = list(call(copies(), pictures=True))
        assert [ref() is None for ref in made] == [False] * 3, call
        assert [outcome.image.source for outcome in kept] == ["obama3", "biden", "astronaut"]  # type: ignore[attr-defined]


def test_the_good_of_many_are_enrolled(
    pipeline: Pipeline,
    gallery: Gallery,
    photo: Callable[[str], Image],
    party: Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items: list[tuple[str, ImageLike]] = [
        ("Obama", photo("obama")),
        ("Nobody", NOBODY),
        ("Missing", "/nowhere/a.jpg"),
        ("Party", party),
        ("bad\0name", photo("obama2")),
        ("Biden", photo("biden")),
        ("Obama", photo("obama")),
    ]
    outcomes = list(pipeline.enroll_each(iter(items), gallery))
    errors = [type(outcome.error) if isinstance(outcome, Failed) else None for outcome in outcomes]
    assert errors == [None, NoFace, ImageNotFound, SeveralFaces, NameInvalid, None, None]
    assert [outcomes[i].unwrap().reference is None for i in (0, 5, 6)] == [False, False, True]
    assert {person.name: person.references for person in gallery.people()} == {"Obama": 1, "Biden": 1}

    seen = watch_detector(pipeline, monkeypatch)  # a second run finds nothing to do
    again = list(pipeline.enroll_each(items, gallery))
    assert [type(outcome.error) if isinstance(outcome, Failed) else None for outcome in again] == errors
    assert all(again[i].unwrap().reference is None for i in (0, 5, 6))
    assert len(gallery) == 2
    assert list(dict.fromkeys(seen)) == ["<array>", "party", "obama2"]  # what was enrolled is not even looked at


def test_an_image_of_another_person_is_enrolled_under_both(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image]
) -> None:
    (outcome,) = pipeline.enroll_each([("Barack", photo("obama"))], enrolled, anyway=True)
    assert outcome.unwrap().reference is not None


def test_an_enrolment_says_which_reference_holds_the_image_and_who_else_has_it(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image]
) -> None:
    image = photo("obama")
    held = enrolled.holders(image.sha256)["Obama"]
    for (done,) in (
        pipeline.enroll("Obama", image, enrolled),
        [outcome.unwrap() for outcome in pipeline.enroll_each([("Obama", image)], enrolled)],
    ):
        assert (done.reference, done.before, done.others) == (None, held, ())
    (other,) = pipeline.enroll("Barack", image, enrolled, anyway=True)
    assert (other.before, other.others) == (None, ("Obama",))


def test_enrolment_takes_any_iterable_and_lets_its_images_go(
    pipeline: Pipeline, gallery: Gallery, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PIL.Image.open(samples / "astronaut.png") as opened:
        portrait = np.asarray(opened.convert("RGB").resize((200, 200)))
    alive: list[weakref.ref[Image]] = []
    most = 0

    def pictures() -> Iterator[Image]:
        nonlocal most
        for number in range(40):
            image = Image(np.maximum(portrait, np.uint8(number)), str(number))
            alive.append(weakref.ref(image))
            most = max(most, sum(ref() is not None for ref in alive))
            yield image
            del image

    done = pipeline.enroll("Astronaut", pictures(), gallery)
    assert [entry.source for entry in done] == [str(number) for number in range(40)]
    assert len(gallery) == 40
    assert most <= 2 * GROUP + AHEAD + 3  # a group at work, one growing, those ahead and one in each hand


def test_what_was_yielded_is_stored(pipeline: Pipeline, gallery: Gallery, photo: Callable[[str], Image]) -> None:
    items = [(name, photo(name)) for name in ("obama", "biden", "astronaut")]
    outcomes = pipeline.enroll_each(items, gallery)
    for count in (1, 2, 3):
        next(outcomes)
        assert len(gallery) == count


def test_a_face_that_cannot_be_aligned_stops_nothing_else(
    pipeline: Pipeline, gallery: Gallery, photo: Callable[[str], Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    detect = pipeline.detector.detect

    def broken(image: Image) -> list[Detection]:
        faces = detect(image)
        if image.source == "biden":
            faces[0].landmarks[:] = 40
        return faces

    monkeypatch.setattr(pipeline.detector, "detect", broken)
    items = [(name, photo(name)) for name in ("obama", "biden", "astronaut")]
    outcomes = list(pipeline.enroll_each(items, gallery))
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True, False, True]
    with pytest.raises(FaceError, match=r"^biden: a face cannot be aligned"):
        outcomes[1].unwrap()
    identified = list(pipeline.identify_each([image for _, image in items], gallery))
    assert [isinstance(outcome, Done) for outcome in identified] == [True, False, True]
    assert [person.name for person in gallery.people()] == ["obama", "astronaut"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")])
def test_running_out_of_memory_over_an_image_stops_nothing_else(
    pipeline: Pipeline, photo: Callable[[str], Image], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    detect = pipeline.detector.detect

    def greedy(image: Image) -> list[Detection]:
        if image.source == "biden":
            raise error
        return detect(image)

    monkeypatch.setattr(pipeline.detector, "detect", greedy)
    outcomes = list(pipeline.faces_each([photo(name) for name in ("obama", "biden", "astronaut")]))
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True, False, True]
    with pytest.raises(ImageTooLarge, match=r"^biden: \d+x\d+ px take more memory"):
        outcomes[1].unwrap()
    with pytest.raises(ImageTooLarge, match="biden"):
        pipeline.verify(photo("obama"), photo("biden"))


def test_an_embedding_that_is_no_number_is_that_images_outcome_alone(
    pipeline: Pipeline, photo: Callable[[str], Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [photo(name) for name in ("obama", "biden", "astronaut")]
    bad, embed = pipeline.faces(images[1])[0].chip.pixels, pipeline.backbone.embed

    def broken(pixels: np.ndarray) -> np.ndarray:
        found = embed(pixels)
        found[(pixels == bad).all(axis=(1, 2, 3))] = np.nan
        return found

    monkeypatch.setattr(pipeline.backbone, "embed", broken)
    outcomes = list(pipeline.faces_each(images))
    assert [isinstance(outcome, Done) for outcome in outcomes] == [True, False, True]
    with pytest.raises(EmbeddingInvalid, match=r"^biden: sface: the network put out no usable embedding"):
        outcomes[1].unwrap()


@pytest.mark.parametrize("one", ["samples", b"data", Path("samples"), NOBODY], ids=["str", "bytes", "path", "array"])
def test_one_where_many_are_expected_is_refused_at_once(pipeline: Pipeline, gallery: Gallery, one: ImageLike) -> None:
    calls: list[Callable[..., object]] = [
        pipeline.detect_each,
        pipeline.faces_each,
        lambda given: pipeline.identify_each(given, gallery),
        lambda given: pipeline.enroll_each(given, gallery),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="expected several images"):
            call(one)


# Images in every wrapping ---------------------------------------------------------------------------------------------


def test_one_picture_in_every_wrapping_is_one_template(pipeline: Pipeline, samples: Path) -> None:
    file = samples / "astronaut.png"
    with PIL.Image.open(file) as opened:
        picture = opened.convert("RGB")
    given: list[ImageLike] = [file, str(file), file.read_bytes(), picture, np.asarray(picture), read_image(file)]
    vectors = [pipeline.templates(one)[0][1].vector.tolist() for one in given]
    assert all(vector == vectors[0] for vector in vectors)


TURNED = {  # EXIF orientation -> how a camera stores the upright picture
    1: None,
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_90,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNED)
def test_every_exif_orientation_is_the_same_person_with_an_upright_box(
    pipeline: Pipeline, enrolled: Gallery, photo: Callable[[str], Image], tmp_path: Path, orientation: int
) -> None:
    upright = photo("obama3")
    picture, turn = PIL.Image.fromarray(upright.pixels), TURNED[orientation]
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "phone.jpg"
    (picture if turn is None else picture.transpose(turn)).save(file, exif=exif, quality=95)
    (expected,) = pipeline.detect(upright)
    (face,) = pipeline.identify(file, enrolled)
    assert face.name == "Obama"
    assert face.detection.box == pytest.approx(expected.box, abs=0.15 * expected.size)
    assert face.detection.landmarks == pytest.approx(expected.landmarks, abs=0.05 * expected.size)


# Layers ---------------------------------------------------------------------------------------------------------------


def test_layers_of_the_largest_face_by_name(pipeline: Pipeline, party: Image) -> None:
    assert [found.layer for found in pipeline.layers(party)] == list(pipeline.backbone.layers)
    convolutions = list(pipeline.layers(party, "blocks.*wise"))
    assert len(convolutions) == 26
    largest = pipeline.faces(party)[0]
    (first,) = pipeline.backbone.activations(largest.chip.pixels, ["blocks.0.depthwise"])
    assert (convolutions[0].values == first.values).all()
    (last,) = pipeline.layers(party, "fc")
    assert last.values.shape == (128, 1, 1)


def test_layers_need_a_face_and_a_name_that_is_there(pipeline: Pipeline, party: Image) -> None:
    with pytest.raises(NoFace):
        pipeline.layers(NOBODY)
    with pytest.raises(UsageError, match="nothing: no layer of sface"):
        pipeline.layers(party, "nothing")


# Refused --------------------------------------------------------------------------------------------------------------


def test_a_gallery_of_another_backbone_is_refused(
    pipeline: Pipeline, enrolled: Gallery, path: Path, photo: Callable[[str], Image]
) -> None:
    with pytest.raises(GalleryMismatch, match="--backbone sface"):
        Gallery.open(path, backbone="other@0123")
    with Gallery.open(path.with_name("other.db"), backbone="other@0123") as other:
        for call in (
            lambda: pipeline.enroll("Ada", photo("obama"), other),
            lambda: pipeline.identify(photo("obama"), other),
        ):
            with pytest.raises(GalleryMismatch):
                call()
    assert not path.with_name("other.db").exists()


@pytest.mark.parametrize(
    ("options", "error", "when_made"),
    [
        ({"backbone": "dlib"}, ModelNotFound, True),
        ({"backbone": "mtcnn"}, ModelNotFound, True),
        ({"detector": "dlib_resnet"}, ModelNotFound, True),
        ({"device": "cuda:99"}, DeviceUnavailable, True),
        ({"min_face": 3}, UsageError, True),
        ({"weights": Path("/nowhere.dat")}, WeightsMissing, False),
    ],
)
def test_what_is_not_there_is_refused(options: dict[str, object], error: type[FacepipeError], when_made: bool) -> None:
    with pytest.raises(error):
        Pipeline(**options) if when_made else Pipeline(**options).backbone  # type: ignore[arg-type]


def test_the_backbone_loads_when_it_is_first_needed(photo: Callable[[str], Image]) -> None:
    pipe = Pipeline(weights=Path("/nowhere.dat"))
    assert len(pipe.detect(photo("obama"))) == 1
    with pytest.raises(WeightsMissing):
        pipe.faces(photo("obama"))


def test_weights_may_be_named_by_a_string(tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsAltered, match=r"other\.onnx: not an ONNX model"):
        _ = Pipeline(weights=str(tmp_path / "other.onnx")).backbone
