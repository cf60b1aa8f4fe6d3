"""The watcher on made films of real faces: who is where is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from facepipe import Gallery, Pipeline
from facepipe.errors import EmbeddingInvalid, UsageError
from facepipe.records import Candidate, Detection, Frame, Image, Template
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.watch import Event, TrackedFace, Watcher
from facepipe.watch.watcher import REFRESH
from tests.watch.moving_faces import FPS, HEADS, Film, Head, Place, background, head, located, show

pytestmark = pytest.mark.slow

OBAMA, OTHER, BIDEN, STRANGER = "obama.jpg", "obama3.jpg", "biden.jpg", "astronaut.png"


@pytest.fixture(scope="session")
def heads(samples: Path) -> dict[str, Head]:
    return {name: head(samples, name) for name in HEADS}


@pytest.fixture
def gallery(tmp_path: Path, pipeline: Pipeline, samples: Path) -> Iterator[Gallery]:
    """Obama by another photograph than those shown, Biden by the one there is."""
    with Gallery.open(tmp_path / "people.db", backbone=pipeline.backbone) as gallery:
        pipeline.enroll("Barack", samples / "obama2.jpg", gallery)
        pipeline.enroll("Joe", samples / "biden.jpg", gallery)
        yield gallery


class Clock:
    """Seconds that go by only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def tracks(seen: list[dict[str, TrackedFace]], name: str) -> list[int]:
    """The tracks that ``name`` had, in order, each once for as long as it lasted."""
    numbers = [faces[name].track for faces in seen if name in faces]
    return [number for i, number in enumerate(numbers) if i == 0 or numbers[i - 1] != number]


def names(seen: list[dict[str, TrackedFace]], name: str) -> list[str | None]:
    """The names that ``name`` was given, in order, each once for as long as it lasted."""
    given = [faces[name].name for faces in seen if name in faces]
    return [one for i, one in enumerate(given) if i == 0 or given[i - 1] != one]


def share(seen: list[dict[str, TrackedFace]], name: str) -> float:
    """In how many of the frames ``name`` was followed."""
    return sum(name in faces for faces in seen) / len(seen)


def told(events: list[Event]) -> list[tuple[str, int, str | None]]:
    return [(event.kind, event.track, event.name) for event in events]


def test_faces_that_move_keep_their_tracks_and_names(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]
) -> None:
    def path(number: int) -> Mapping[str, Place]:  # 5 px a frame one way, swaying, standing still
        return {
            OBAMA: (70 + 5 * number, 60 + number / 2),
            BIDEN: (80 + 25 * np.sin(number / 4), 172),
            STRANGER: (330, 170),
        }

    seen = list(show(Watcher(pipeline, gallery), Film(heads), 50, path))
    for name, person in ((OBAMA, "Barack"), (BIDEN, "Joe"), (STRANGER, None)):
        assert share(seen, name) == 1, name
        assert len(tracks(seen, name)) == 1, name
        assert names(seen, name) == ([None, person] if person else [None]), name
        last = seen[-1][name]
        assert last.decided
        assert last.candidates[0].score == last.score
        assert last.guess is last.candidates[0]
        assert last.guess.probability is not None
        assert (last.guess.probability > 0.99) == (person is not None)
        assert (last.score >= last.threshold) == (person is not None)
        assert not seen[0][name].decided
    errors = [
        float(np.linalg.norm(faces[OBAMA].detection.landmarks.mean(axis=0) - path(number)[OBAMA] - (0, 6)))
        for number, faces in enumerate(seen)
    ]
    assert max(errors) < 8  # px, the face is 60 wide


def test_faces_that_cross_keep_their_names(pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]) -> None:
    def path(number: int) -> Mapping[str, Place]:  # Biden walks past in front of both
        return {OBAMA: (150, 120), STRANGER: (300, 120), BIDEN: (60 + 5 * number, 126)}

    seen = list(show(Watcher(pipeline, gallery), Film(heads), 68, path))
    assert len(tracks(seen, BIDEN)) == 1
    # Whoever comes out from behind another is first found half hidden, and may be too unlike then to be known at once
    assert all(len(tracks(seen, name)) <= 2 for name in (OBAMA, STRANGER))
    assert not set(tracks(seen, OBAMA)) & set(tracks(seen, STRANGER))
    assert share(seen, BIDEN) == 1
    assert names(seen, OBAMA) in ([None, "Barack"], [None, "Barack", None, "Barack"])
    assert names(seen, BIDEN) == [None, "Joe"]
    assert names(seen, STRANGER) == [None]


def test_a_face_that_was_hidden_is_the_same_track(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    film, watcher = Film(heads), Watcher(pipeline, None)

    def frame(number: int) -> Frame:  # a bar 110 px wide passes over the faces
        plain = film.frame({OBAMA: (120, 120), STRANGER: (300, 120)})
        left = max(0, 8 * number - 180)
        plain.image.pixels[:, left : max(left, 8 * number - 70)] = (90, 80, 70)
        return plain

    seen = []
    for number in range(60):
        seen.append(located(watcher.see(frame(number)), {OBAMA: (120, 120), STRANGER: (300, 120)}))
    hidden = [number for number, faces in enumerate(seen) if OBAMA not in faces]
    assert 8 <= len(hidden) <= 25
    assert seen[-1][OBAMA].track == seen[0][OBAMA].track
    assert len(tracks(seen, STRANGER)) == 1
    passing = [faces[OBAMA] for faces in seen if OBAMA in faces and faces[OBAMA].track != seen[0][OBAMA].track]
    assert len(passing) <= 2  # a half of a face, which the next scan does not find again


def test_a_cut_ends_a_shot_and_a_face_of_before_is_known_again(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    watcher, film = Watcher(pipeline, None), Film(heads)
    first = list(show(watcher, film, 25, lambda number: {OBAMA: (150 + number, 120)}))
    film.seed = 2  # another scene, with somebody else where Obama was
    second = list(show(watcher, film, 20, lambda number: {STRANGER: (175, 120)}))
    film.seed = 3
    third = list(show(watcher, film, 10, lambda number: {OBAMA: (320, 100)}))
    assert tracks(first, OBAMA) == [1]
    assert tracks(second, STRANGER) == [2]
    assert tracks(third, OBAMA) == [1]
    assert [share(part, name) for part, name in ((second, STRANGER), (third, OBAMA))] == [1, 1]


def test_the_gallery_may_change_meanwhile(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], samples: Path
) -> None:
    clock = Clock()
    watcher, film = Watcher(pipeline, gallery, clock=clock, top=2), Film(heads)

    def go_on(frames: int) -> list[dict[str, TrackedFace]]:
        return list(show(watcher, film, frames, lambda number: {OBAMA: (120, 120), STRANGER: (300, 120)}))

    seen = go_on(30)[-1]
    assert (seen[OBAMA].name, seen[STRANGER].name) == ("Barack", None)
    assert [candidate.person for candidate in seen[OBAMA].candidates] == ["Barack", "Joe"]
    gallery.rename("Barack", "Mr Obama")
    pipeline.enroll("Eileen", samples / "astronaut.png", gallery)
    clock.now += REFRESH
    seen = go_on(1)[0]
    assert (seen[OBAMA].name, seen[STRANGER].name) == ("Mr Obama", "Eileen")
    gallery.remove("Mr Obama")
    gallery.remove("Eileen")
    clock.now += REFRESH
    seen = go_on(1)[0]
    assert (seen[OBAMA].name, seen[STRANGER].name) == (None, None)
    assert seen[OBAMA].decided
    assert {candidate.person for candidate in seen[OBAMA].candidates} == {"Joe"}
    assert told(watcher.take_events())[-2:] == [("named", 1, "Mr Obama"), ("named", 2, "Eileen")]


def test_a_calibration_made_meanwhile_counts_but_not_against_a_threshold_that_was_given(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]
) -> None:
    clock = Clock()
    own, given = (Watcher(pipeline, gallery, clock=clock, threshold=limit) for limit in (None, 0.5))
    films = {watcher: Film(heads) for watcher in (own, given)}

    def seen_by(watcher: Watcher, frames: int) -> TrackedFace:
        return list(show(watcher, films[watcher], frames, lambda number: {OBAMA: (120, 120)}))[-1][OBAMA]

    before = [seen_by(watcher, 30) for watcher in (own, given)]
    assert [(face.name, face.threshold) for face in before] == [("Barack", pipeline.threshold()), ("Barack", 0.5)]
    says = ByReferences((1,), (Evidence(slope=300.0, offset=-279.0, lapse=1e-4, most=9.9),))
    now = datetime.now(timezone.utc)
    gallery.calibrate(Calibration(pipeline.backbone.id, now, "nobody", False, says, people=2, fmr={"1e-3": 0.9999}))
    clock.now += REFRESH
    after = [seen_by(watcher, 1) for watcher in (own, given)]
    assert [(face.name, face.threshold) for face in after] == [(None, 0.9999), ("Barack", 0.5)]
    assert [face.candidates[0].probability is not None for face in after] == [True, True]


def test_what_happened_is_told_once(pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]) -> None:
    watcher, film = Watcher(pipeline, gallery), Film(heads)
    list(show(watcher, film, 25, lambda number: {OBAMA: (120, 120)}))
    appeared, named = watcher.take_events()
    assert told([appeared, named]) == [("appeared", 1, None), ("named", 1, "Barack")]
    assert appeared.start == named.start == 0
    assert 0 < appeared.end <= named.end < 25 / FPS
    assert named.score is not None
    assert named.score >= named.threshold
    assert watcher.take_events() == []
    list(show(watcher, film, 90, lambda number: {}))
    (left,) = watcher.take_events()
    assert told([left]) == [("left", 1, "Barack")]
    assert left.end == pytest.approx(24 / FPS)
    assert np.linalg.norm(left.box.reshape(2, 2).mean(axis=0) - (120, 120)) < 5
    list(show(watcher, film, 12, lambda number: {OBAMA: (120, 120)}))
    watcher.finish()
    assert told(watcher.take_events()) == [("appeared", 2, None), ("named", 2, "Barack"), ("left", 2, "Barack")]


def test_a_face_of_a_few_frames_is_no_event(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    """As a false detection is: one search found it, the next one does not."""
    watcher, film = Watcher(pipeline, None), Film(heads)
    seen = list(show(watcher, film, 4, lambda number: {OBAMA: (120, 120)}))
    assert share(seen, OBAMA) == 1
    list(show(watcher, film, 3, lambda number: {}))
    watcher.finish()
    assert watcher.take_events() == []


def test_who_takes_the_place_of_another_does_not_take_the_name(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]
) -> None:
    """From one frame to the next, in the same place, with no cut: the track slides onto the other face."""
    watcher, film = Watcher(pipeline, gallery), Film(heads)
    before = list(show(watcher, film, 25, lambda number: {OBAMA: (120, 120)}))[-1][OBAMA]
    after = list(show(watcher, film, 75, lambda number: {STRANGER: (120, 120)}))
    assert before.name == "Barack"
    assert after[-1][STRANGER].track != before.track
    assert names(after, STRANGER)[-1] is None
    assert after[-1][STRANGER].decided


def test_the_score_is_the_mean_cosine_of_the_best_chips(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]
) -> None:
    watcher = Watcher(pipeline, gallery)
    seen = list(show(watcher, Film(heads), 30, lambda number: {OBAMA: (120 + 3 * number, 120)}))[-1][OBAMA]
    (story,) = watcher._stories.values()
    (reference,) = gallery.references("Barack")
    cosines = [view.template.cosine(reference.template) for view in story.sightings.kept]
    assert len(cosines) == seen.chips > 3
    assert seen.score == pytest.approx(np.mean(cosines), abs=1e-5)


def test_who_keeps_a_name_is_reported_even_when_somebody_else_is_nearer(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben, eve = (Candidate(name, 0.97 - rank / 100, rank, rank, 1 / 2**rank) for rank, name in enumerate("ABC", 1))
    monkeypatch.setattr(gallery, "search", lambda templates, *_, **__: [(ada, ben, eve)] * len(templates))
    monkeypatch.setattr("facepipe.watch.watcher.decide", lambda *_, **__: "B")
    watcher = Watcher(pipeline, gallery)
    seen = list(show(watcher, Film(heads), 30, lambda number: {OBAMA: (150, 100)}))[-1][OBAMA]
    watcher.finish()
    left = watcher.take_events()[-1]
    for told in (seen, left):
        assert told.name == "B"
        assert told.candidates == (ada, ben)  # the best, which is all that was asked for, and who is named
        assert told.guess is ben


def test_a_face_that_cannot_be_summarised_is_still_followed(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(image: Image, faces: Sequence[Detection]) -> list[Template]:
        raise EmbeddingInvalid("no direction")

    monkeypatch.setattr(pipeline, "summarise", refuse)
    seen = list(show(Watcher(pipeline, gallery), Film(heads), 12, lambda number: {OBAMA: (120, 120)}))
    assert tracks(seen, OBAMA) == [1]
    assert (seen[-1][OBAMA].chips, seen[-1][OBAMA].decided, seen[-1][OBAMA].name) == (0, False, None)


def test_a_clock_that_is_set_back_turns_no_time(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    watcher, film = Watcher(pipeline, None), Film(heads)
    list(show(watcher, film, 12, lambda number: {OBAMA: (120, 120)}))
    film.number = 0
    assert tracks(list(show(watcher, film, 3, lambda number: {OBAMA: (120, 120)})), OBAMA) == [1]
    watcher.finish()
    (_, left) = watcher.take_events()
    assert left.end == pytest.approx(11 / FPS)


def test_without_a_gallery_there_are_tracks_and_no_names(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    seen = list(show(Watcher(pipeline, None), Film(heads), 20, lambda number: {OBAMA: (120, 120), OTHER: (300, 120)}))
    assert tracks(seen, OBAMA) != tracks(seen, OTHER)
    assert [(face.name, face.score, face.candidates) for face in seen[-1].values()] == [(None, None, ())] * 2
    assert all(face.decided for face in seen[-1].values())


def test_without_a_good_chip_only_a_clear_likeness_gives_a_name(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facepipe.watch.sightings.is_good", lambda measures: False)  # as for faces in profile
    gallery.remove("Barack")
    path: Mapping[str, Place] = {BIDEN: (120, 120), STRANGER: (300, 120)}
    clock, film = Clock(), Film(heads)
    watcher = Watcher(pipeline, gallery, clock=clock)
    seen = list(show(watcher, film, 50, lambda number: path))
    assert names(seen, BIDEN) == [None, "Joe"]  # the very photograph
    assert {faces[BIDEN].chips for faces in seen if faces[BIDEN].name} == {2, 3, 4, 5}
    assert [seen[-1][name].decided for name in (BIDEN, STRANGER)] == [True, False]
    assert seen[-1][STRANGER].chips == 5
    gallery.remove("Joe")
    clock.now += REFRESH
    (last,) = show(watcher, film, 1, lambda number: path)
    assert (last[BIDEN].name, last[BIDEN].decided) == (None, False)


def test_two_who_look_alike_are_two_while_both_are_in_view(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]
) -> None:
    """Obama twice: what looks alike is not merged, and both are named."""
    path: Mapping[str, Place] = {OBAMA: (120, 120), OTHER: (300, 120)}
    seen = list(show(Watcher(pipeline, gallery), Film(heads), 30, lambda number: path))
    assert tracks(seen, OBAMA) == [1] or tracks(seen, OTHER) == [1]
    assert {face.name for face in seen[-1].values()} == {"Barack"}
    assert len({face.track for face in seen[-1].values()}) == 2


def test_odd_frames_are_taken_as_they_come(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    """No face, another size, tiny, black."""
    watcher, film = Watcher(pipeline, None), Film(heads)
    list(show(watcher, film, 12, lambda number: {OBAMA: (120, 120)}))
    for number, pixels in enumerate(
        [background(1)[:100], background(1)[:3, :5], background(1)[:1, :1], background(5) * 0]
    ):
        assert watcher.see(Frame(Image(pixels, "odd"), number, number / FPS)) == []
    watcher.finish()
    (_, left) = watcher.take_events()
    assert left.end == pytest.approx(11 / FPS)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"top": 0}, {"threshold": 1.5}])
def test_parameters_out_of_range_are_refused(pipeline: Pipeline, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Watcher(pipeline, None, **wrong)  # type: ignore[arg-type]


def sparse(watcher: Watcher, film: Film, frames: int, path: Mapping[str, Place], apart: float) -> None:
    """Show ``frames`` frames that are ``apart`` seconds from each other."""
    for _ in range(frames):
        list(show(watcher, film, 1, lambda number: path))
        film.number += round(apart * FPS) - 1


@pytest.mark.parametrize("every", [1, 5, 15, 100])
@pytest.mark.parametrize("apart", [1 / FPS, 0.2, 1, 3])
def test_whoever_stays_is_named_however_few_frames_there_are(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], apart: float, every: int
) -> None:
    watcher, film = Watcher(pipeline, gallery, every=every), Film(heads)
    sparse(watcher, film, max(4, round(1 / apart)), {OBAMA: (120, 120)}, apart)
    assert told(watcher.take_events()) == [("appeared", 1, None), ("named", 1, "Barack")]
    sparse(watcher, film, max(5, round(4 / apart)), {}, apart)
    assert told(watcher.take_events()) == [("left", 1, "Barack")]


@pytest.mark.parametrize("apart", [0.2, 1])
def test_whoever_walks_before_a_slow_camera_keeps_the_number(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], apart: float
) -> None:
    watcher, film = Watcher(pipeline, gallery), Film(heads)
    for number in range(6):  # half a face further each time, so that nothing can be followed
        sparse(watcher, film, 1, {BIDEN: (90 + 30 * number, 110), STRANGER: (330 - 20 * number, 180)}, apart)
    watcher.finish()
    events = told(watcher.take_events())
    assert [event for event in events if event[2] is not None] == [("named", 1, "Joe"), ("left", 1, "Joe")] or [
        event for event in events if event[2] is not None
    ] == [("named", 2, "Joe"), ("left", 2, "Joe")]
    assert [kind for kind, *_ in events].count("appeared") == [kind for kind, *_ in events].count("left") == 2


def test_fewer_frames_leave_time_for_more_chips_in_each(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    watcher, film = Watcher(pipeline, None), Film(heads)
    places = {OBAMA: (90, 110), BIDEN: (210, 110), STRANGER: (330, 110)}
    sparse(watcher, film, 5, places, 0.08)
    assert [face.chips for face in watcher.see(film.frame(places))] == [3, 3, 3]


def test_who_comes_later_is_found_within_a_second(pipeline: Pipeline, heads: dict[str, Head]) -> None:
    watcher, film = Watcher(pipeline, None, every=1000), Film(heads)
    sparse(watcher, film, 3, {OBAMA: (120, 120)}, 0.5)
    (seen,) = show(watcher, film, 1, lambda number: {OBAMA: (120, 120), BIDEN: (300, 120)})
    film.number += FPS
    (seen,) = show(watcher, film, 1, lambda number: {OBAMA: (120, 120), BIDEN: (300, 120)})
    assert set(seen) == {OBAMA, BIDEN}


def test_a_name_that_changes_is_told_again(pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head]) -> None:
    """Renamed, removed, and enrolled again while in view, at one frame a second."""
    clock, film, path = Clock(), Film(heads), {OBAMA: (120, 120)}
    watcher = Watcher(pipeline, gallery, clock=clock)
    names = []
    for change in (None, lambda: gallery.rename("Barack", "Barry"), lambda: gallery.remove("Barry"), None):
        if change is not None:
            change()
        clock.now += REFRESH
        sparse(watcher, film, 3, path, 1)
        names += [event.name for event in watcher.take_events() if event.kind == "named"]
    assert names == ["Barack", "Barry"]
    watcher.finish()
    assert told(watcher.take_events()) == [("left", 1, None)]


def test_a_frame_is_searched_for_upright_faces_alone(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    class Detector:
        searched = 0

        def detect(self, image: Image) -> list[Detection]:
            self.searched += 1
            return []

    monkeypatch.setattr(pipeline, "detector", detector := Detector())
    watcher, nobody = Watcher(pipeline, None, every=1), np.full((120, 160, 3), 90, np.uint8)
    for number in range(3):
        assert watcher.see(Frame(Image(nobody, "film"), number, number / 25)) == []
    assert detector.searched == 3


@pytest.mark.parametrize(("dark", "light"), [(1, 0.02), (2, 0.02), (1, 0.25), (2, 0.25)])
def test_a_lamp_that_flashes_does_not_end_tracks(
    pipeline: Pipeline, gallery: Gallery, heads: dict[str, Head], dark: int, light: float
) -> None:
    watcher, film = Watcher(pipeline, gallery), Film(heads)
    for number in range(60):
        frame = film.frame({OBAMA: (120 + number, 120)})
        if number % (dark + 1):
            pixels = (frame.image.pixels * light).astype(np.uint8)
            frame = Frame(Image(pixels, "film"), frame.index, frame.time)
        faces = watcher.see(frame)
        if number > 9:
            assert [face.track for face in faces] == [1]
            assert not (faces[0].detected and number % (dark + 1))
    watcher.finish()
    events = told(watcher.take_events())
    assert events == [("appeared", 1, None), ("named", 1, "Barack"), ("left", 1, "Barack")]
