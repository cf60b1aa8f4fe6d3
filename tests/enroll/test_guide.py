"""Guided enrolment: with portraits in motion and the real networks, and with a puppet where exact angles matter."""

import weakref
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from facepipe import Gallery, Pipeline
from facepipe.enroll.gate import Limits, Problem
from facepipe.enroll.guide import MESSAGES, PATIENCE, POSES, STEADY, Guidance, Guide, oval
from facepipe.errors import EnrolledAlready, NameInvalid, SeveralPeople, UsageError
from facepipe.records import Chip, Consent, Detection, Face, Image, Template
from tests.moving_portrait import FIVE, View, held, landmarks, picture, squares

pytestmark = pytest.mark.slow


def perform(guide: Guide, pictures: Iterable[Image], start: float = 0, step: float = 0.1) -> list[Guidance]:
    return [guide.see(image, start + number * step) for number, image in enumerate(pictures)]


def guided(pipeline: Pipeline, *names: str) -> Guide:
    """A guide that has its five shots, of the samples ``names`` (the last one for all that are left)."""
    guide = Guide(pipeline)
    for number, view in enumerate(FIVE):
        name = names[min(number, len(names) - 1)]
        if name == names[0]:
            perform(guide, (picture(name, pipeline, seen) for seen in held([view])), start=number * 10)
        else:  # of somebody else any pose will do, after a while
            stranger = [View(yaw=36, pitch=-20)]
            perform(guide, (picture(name, pipeline, seen) for seen in held(stranger, 12)), start=number * 10, step=0.8)
    assert guide.taken == guide.wanted == 5
    return guide


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """Portraits set in motion are no real heads: MTCNN places their landmarks as they were turned."""
    return Pipeline(detector="mtcnn")


@pytest.fixture
def gallery(tmp_path: Path, pipeline: Pipeline) -> Iterator[Gallery]:
    with Gallery.open(tmp_path / "people.db", backbone=pipeline.backbone) as opened:
        yield opened


# With the real networks -----------------------------------------------------------------------------------------------


def test_whoever_follows_is_done_and_enrolled(pipeline: Pipeline, gallery: Gallery) -> None:
    guide = Guide(pipeline)
    told = perform(guide, (picture("obama", pipeline, view) for view in held(FIVE)))
    assert [g.hint for g in told if g.took] == ["turn-left", "turn-right", "look-up", "look-down", "done"]
    assert [g.taken for g in told if g.took] == [1, 2, 3, 4, 5]
    assert told[0].detection is not None
    assert told[0].measures is not None
    last = guide.see(picture("biden", pipeline))
    assert (last.done, last.hint, last.took, last.detection) == (True, "done", False, None)

    consent = Consent("my face may be stored", datetime(2026, 11, 24, tzinfo=timezone.utc))
    done = guide.enroll("Ada", gallery, consent=consent)
    assert [enrolment.person for enrolment in done] == ["Ada"] * 5
    stored = gallery.references("Ada")
    assert [enrolment.reference.id for enrolment in done if enrolment.reference] == [one.id for one in stored]
    assert all(one.consent == consent and gallery.thumbnail(one.id) for one in stored)
    assert pipeline.identify(picture("obama", pipeline, View(yaw=15)), gallery)[0].name == "Ada"


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        (View(light=0.2), Problem.TOO_DARK),
        (View(blur=4), Problem.BLURRED),
        (View(size=50), Problem.TOO_FAR),
        (View(centre=(20, 240)), Problem.CUT_OFF),
        (View(size=10), Problem.NO_FACE),
    ],
)
def test_it_says_what_is_wrong_and_takes_nothing(pipeline: Pipeline, view: View, problem: Problem) -> None:
    told = perform(Guide(pipeline), (picture("biden", pipeline, seen) for seen in [view] * 4))
    assert {g.hint for g in told} == {problem.value}
    assert all(problem in g.problems and g.message == problem.message and not g.taken for g in told)


def test_a_picture_without_a_face_is_searched_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    detect = pipeline.detector.detect
    monkeypatch.setattr(pipeline.detector, "detect", lambda image: searched.append(image.source) or detect(image))
    told = perform(Guide(pipeline), [squares()] * 3)
    assert [g.hint for g in told] == ["no-face"] * 3
    assert len(searched) == 3


def test_two_people(pipeline: Pipeline) -> None:
    left, right = (picture(name, pipeline, View(size=110, centre=(160, 240))) for name in ("obama", "biden"))
    both = Image(np.ascontiguousarray(np.hstack([left.pixels[:, :320], right.pixels[:, :320]])), "both")
    assert Guide(pipeline).see(both).hint == "two-faces"


def test_a_photo_held_still_is_one_shot(pipeline: Pipeline) -> None:
    noise = np.random.default_rng(0)
    guide = Guide(pipeline)
    for number in range(40):
        view = View(centre=(320 + noise.normal(0, 2), 240 + noise.normal(0, 2)))
        image = picture("obama", pipeline, view)
        grainy = np.clip(image.pixels + noise.normal(0, 3, image.pixels.shape), 0, 255).astype(np.uint8)
        last = guide.see(Image(grainy, "photo"), number * 0.4)
    assert last.taken == 1
    assert last.hint == "same-shot"


@pytest.mark.parametrize(("dark", "light"), [(1, 0.01), (2, 0.01), (1, 0.3)])
def test_the_dark_pictures_between_flashes_count_for_nothing(pipeline: Pipeline, dark: int, light: float) -> None:
    seen = list(held(FIVE, 4))
    views = [replace(view, light=view.light * (light if n else 1)) for view in seen for n in range(dark + 1)]
    told = perform(Guide(pipeline), (picture("obama", pipeline, view) for view in views), step=0.1 / (dark + 1))
    assert [g.taken for g in told if g.took] == [1, 2, 3, 4, 5]
    assert {problem for g in told for problem in g.problems} <= {Problem.NO_FACE, Problem.TOO_DARK}


def test_a_room_that_is_dark_is_told(pipeline: Pipeline) -> None:
    told = perform(Guide(pipeline), [picture("obama", pipeline, View(light=0.12))] * 12)
    assert told[-1].hint in (Problem.TOO_DARK.value, Problem.NO_FACE.value)
    went_dark = [View()] * 6 + [View(light=0.12)] * 12
    told = perform(Guide(pipeline), (picture("obama", pipeline, view) for view in went_dark))
    assert told[-1].hint in (Problem.TOO_DARK.value, Problem.NO_FACE.value)


def test_shots_of_two_people_are_not_enrolled(pipeline: Pipeline, gallery: Gallery) -> None:
    guide = guided(pipeline, "obama", "obama", "obama", "obama", "biden")
    with pytest.raises(
        SeveralPeople, match=r"^Ada: biden does not show .* the other 4 pictures .* \([\d.]+ % likely\)"
    ):
        guide.enroll("Ada", gallery)
    with pytest.raises(SeveralPeople, match=r"\(0\.[01]\d+ < 0\.450\)"):
        guide.enroll("Ada", gallery, threshold=0.45)
    assert len(gallery) == 0
    guide.enroll("Ada", gallery, anyway=True)
    assert len(gallery) == 5


def test_who_is_enrolled_already_is_found(pipeline: Pipeline, gallery: Gallery, samples: Path) -> None:
    pipeline.enroll("Barack", samples / "obama.jpg", gallery)
    pipeline.enroll("Joe", samples / "biden.jpg", gallery)
    guide = guided(pipeline, "obama")
    with pytest.raises(EnrolledAlready, match=r"^Ada: is enrolled already, as Barack \(9\d(\.\d)? % likely\); use"):
        guide.enroll("Ada", gallery)
    assert len(gallery) == 2
    guide.enroll("Barack", gallery)  # more of the same person
    assert len(gallery.references("Barack")) == 6
    guide.enroll("Ada", gallery, anyway=True)
    assert len(gallery.references("Ada")) == 5


def test_pictures_are_let_go(pipeline: Pipeline) -> None:
    guide = Guide(pipeline, shots=1)
    seen = []
    for view in held([View()]):
        image = picture("obama", pipeline, view)
        seen.append(weakref.ref(image))
        guide.see(image, len(seen) / 10)
        del image
    assert guide.taken == 1
    assert [ref() for ref in seen] == [None] * 4


# With a puppet --------------------------------------------------------------------------------------------------------


class Puppet:
    """A pipeline that sees a head just as it is posed, and each pose as a template of its own."""

    def __init__(self) -> None:
        self.detector = self
        self.yaw = self.pitch = self.roll = 0.0
        self.size, self.x, self.faces = 160.0, 320.0, 1
        self.embedded = 0

    def detect(self, image: Image) -> list[Detection]:
        points = landmarks(self.yaw, self.pitch, self.roll) * self.size / 2.6 + (self.x, 240)
        x0, y0 = self.x - self.size / 2, 240 - self.size / 2
        box = np.array([x0, y0, x0 + self.size, y0 + self.size], np.float32)
        return [Detection(box, 1.0, points.astype(np.float32))] * self.faces

    def threshold(self) -> float:
        return 0.9  # so that 0.994 is the same shot

    def describe(self, image: Image, detections: list[Detection]) -> list[Face]:
        self.embedded += 1
        vector = np.array([10, *np.radians((self.yaw, self.pitch)) * 14, 0], np.float32)
        chip = Chip(np.zeros((8, 8, 3), np.uint8), np.eye(2, 3, dtype=np.float32))
        return [Face(detections[0], chip, Template.from_embedding(vector, "puppet"))]


class Session:
    """A guide and its puppet, ten pictures a second."""

    def __init__(self, shots: int = 5, in_oval: bool = False) -> None:
        self.puppet = Puppet()
        self.guide = Guide(self.puppet, shots=shots, limits=Limits(sharpness=0), in_oval=in_oval)  # type: ignore[arg-type]
        self.now = 0.0

    def show(self, seconds: float = 0.5, **pose: float) -> list[Guidance]:
        """Hold a pose; what was said."""
        vars(self.puppet).update(pose)
        told = []
        for _ in range(round(seconds * 10)):
            told.append(self.guide.see(squares(), self.now))
            self.now += 0.1
        return told


def test_the_poses_are_asked_for_one_after_the_other() -> None:
    session = Session()
    assert session.show(yaw=0)[-1].hint == "turn-left"
    assert session.show(yaw=14)[-1].hint == "turn-right"
    assert session.show(yaw=-14)[-1].hint == "look-up"
    assert session.show(yaw=0, pitch=12)[-1].hint == "look-down"
    last = session.show(pitch=-12)[-1]
    assert (last.hint, last.done, last.taken, last.wanted) == ("done", True, 5, 5)
    assert session.puppet.embedded == 5  # only for what became a shot


def test_they_are_taken_in_any_order() -> None:
    session = Session()
    for pose in ({}, {"pitch": -12}, {"pitch": 12}, {"pitch": 0, "yaw": -14}):
        assert session.show(**pose)[-1].hint == "turn-left"
    assert session.show(yaw=14)[-1].done


def test_poses_count_from_the_first_shot() -> None:
    session = Session()
    assert session.show(yaw=8, pitch=-14)[-1].taken == 1  # the camera stands aside and above
    assert session.show(yaw=14)[-1].taken == 1
    assert session.show(yaw=20)[-1].taken == 2
    assert session.show(yaw=8, pitch=-4)[-1].taken == 3


def test_only_ahead_begins() -> None:
    session = Session()
    told = session.show(yaw=24)
    assert [g.hint for g in told] == ["look-ahead"] * 5
    assert told[-1].message == "look straight into the camera"
    assert session.show(yaw=3)[-1].taken == 1


def test_after_a_while_any_other_pose_will_do() -> None:
    session = Session(shots=3)
    session.show()
    told = session.show(seconds=PATIENCE + 1, yaw=6)
    assert {g.taken for g in told[:50]} == {1}
    assert told[-1].taken == 2
    assert session.show(seconds=PATIENCE + 1, yaw=7)[-1].hint == "same-shot"  # but not one that is hardly another
    assert session.show(yaw=0, pitch=-6)[-1].done


def test_the_wait_counts_only_while_pictures_are_good() -> None:
    session = Session()
    session.show()
    session.show(seconds=60, faces=0)
    assert session.show(faces=1, yaw=6)[-1].taken == 1


def test_who_does_not_get_on_is_offered_a_way_out() -> None:
    session = Session()
    told = session.show(seconds=PATIENCE + 1)
    assert {g.stuck for g in told[:60]} == {False}
    assert told[-1].stuck
    assert told[-1].taken == 1
    assert session.show(yaw=14)[-1].taken == 2
    assert session.show()[-1].stuck  # whoever needed it once is offered it from then on


def test_nobody_in_view_is_offered_nothing() -> None:
    assert not Session().show(seconds=3 * PATIENCE, faces=0)[-1].stuck


def test_a_shot_is_taken_as_it_is_without_the_pose() -> None:
    session = Session()
    session.show(seconds=1)
    for taken in (2, 3):  # the head is held still
        session.guide.take_as_it_is()
        told = session.show(seconds=1)
        assert [g.taken for g in told] == [taken] * 10
    session.guide.take_as_it_is()
    assert session.show(roll=33)[-1].taken == 4  # as it has to be held
    assert session.show(roll=33)[-1].taken == 4  # once
    session.guide.take_as_it_is()
    assert session.show(faces=2)[-1].taken == 4
    assert session.show(faces=1, size=40)[-1].hint == "too-far"
    assert session.show(size=160)[-1].done  # it waited for a good one


def test_what_was_taken_may_be_enough(gallery: Gallery) -> None:
    session = Session()
    with pytest.raises(UsageError, match="0 of 5 shots were taken; at least one is needed"):
        session.guide.enough()
    session.show()
    session.show(yaw=14)
    session.guide.enough()
    told = session.show()[-1]
    assert (told.done, told.hint, told.taken, told.wanted) == (True, "done", 2, 2)


def test_in_an_oval_only_what_is_in_it_is_taken() -> None:
    x0, y0, x1, y1 = oval(640, 480)
    assert (x0 + x1, y0 + y1) == (640, 480)
    session = Session(in_oval=True)
    for x in (180, 480):
        told = session.show(x=x)
        assert (told[-1].taken, told[-1].hint) == (0, "off-centre")
        assert told[-1].problems == (Problem.OFF_CENTRE,)
    session.guide.take_as_it_is()
    assert session.show(x=500)[-1].taken == 0
    assert session.show(x=300)[-1].taken == 1
    assert Session().show(x=500)[-1].taken == 1  # where none is drawn


def test_nothing_is_taken_in_motion() -> None:
    session = Session()
    for number in range(20):
        (told,) = session.show(seconds=0.1, x=200 + number * 14)
    assert (told.taken, told.hint) == (0, "hold-still")
    assert session.show()[-1].taken == 1


def test_one_odd_picture_is_no_pose() -> None:
    session = Session()
    session.show()
    for _ in range(6):
        session.show(yaw=0)
        session.show(seconds=0.1, yaw=-16)
    assert session.guide.taken == 1


def test_a_hint_does_not_flicker() -> None:
    session = Session()
    session.show()
    told = []
    for _ in range(8):
        told += session.show(seconds=0.2, faces=1) + session.show(seconds=0.1, faces=2)
    assert {g.hint for g in told} == {"turn-left"}
    assert {g.problems for g in told} == {(), (Problem.TWO_FACES,)}
    changed = session.show(seconds=1, faces=2)
    assert [g.hint for g in changed].index("two-faces") in range(1, round(STEADY * 10) + 1)
    assert changed[-1].message == Problem.TWO_FACES.message


def test_more_shots_than_poses() -> None:
    session = Session(shots=7)
    for pose in ({}, {"yaw": 14}, {"yaw": -14}, {"yaw": 0, "pitch": 12}, {"pitch": -12}):
        session.show(**pose)
    assert session.show(seconds=1, pitch=0, yaw=15)[-1].taken == 5  # was taken like this
    assert session.show(yaw=25)[-1].taken == 6
    assert session.show(yaw=-25)[-1].done


def test_without_times_the_clock_counts() -> None:
    guide = Guide(Puppet(), limits=Limits(sharpness=0))  # type: ignore[arg-type]
    assert [guide.see(squares()).taken for _ in range(3)] == [0, 0, 1]


@pytest.mark.parametrize("shots", [0, -1, 21])
def test_a_sensible_number_of_shots(shots: int) -> None:
    with pytest.raises(UsageError, match=f"shots {shots}: expected 1 to 20"):
        Guide(Puppet(), shots=shots)  # type: ignore[arg-type]


def test_it_must_be_done_first(gallery: Gallery) -> None:
    session = Session()
    session.show()
    with pytest.raises(UsageError, match="1 of 5 shots were taken"):
        session.guide.enroll("Ada", gallery)
    with pytest.raises(NameInvalid):
        session.guide.enroll(" ", gallery)


def test_every_hint_has_a_message() -> None:
    assert len(set(MESSAGES.values())) == len(POSES) + 2
    assert not set(MESSAGES) & {problem.value for problem in Problem}
