"""The tracker with a detector that knows where its squares are, and errs on demand."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from facepipe.errors import UsageError
from facepipe.records import Detection, Floats, Image, Pixels
from facepipe.track.tracker import KEPT, MOST_LOST, UNSEEN, Track, Tracker

FPS, SIDE = 25, 40
Where = dict[str, tuple[float, float]]  # the squares' middles
PATTERNS = {name: np.random.default_rng(ord(name)).uniform(0, 255, (10, 10)).astype(np.float32) for name in "ABCD"}


def face(x: float, y: float, score: float = 0.99, side: float = SIDE) -> Detection:
    corners = np.array([[-0.2, -0.2], [0.2, -0.2], [0, 0], [-0.15, 0.2], [0.15, 0.2]])
    box = np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32)
    return Detection(box, score, (corners * side + (x, y)).astype(np.float32))


class Toy:
    """Finds what is at ``where`` and not in ``blind``; sees faces at ``ghosts`` in scans alone. ``close``: it can look
    at places."""

    def __init__(self, close: bool = True) -> None:
        self.where: Where = {}
        self.blind: set[str] = set()
        self.ghosts: list[Detection] = []
        self.close = close
        self.scans = 0

    def scan(self, image: Image) -> list[Detection]:
        self.scans += 1
        return [face(*place) for name, place in self.where.items() if name not in self.blind] + self.ghosts

    def look(self, image: Image, boxes: Floats) -> list[Detection] | None:
        if not self.close:
            return None
        found = []
        for box in boxes:
            middle = box.reshape(2, 2).mean(axis=0)
            near = [p for name, p in self.where.items() if name not in self.blind and np.linalg.norm(middle - p) < 15]
            x, y = near[0] if near else middle.tolist()
            found.append(face(x, y, score=0.95 if near else 0.1))
        return found


class Run:
    """Draws the squares where the detector says they are, and feeds the tracker."""

    def __init__(self, every: int = 5, close: bool = True, size: tuple[int, int] = (320, 200)) -> None:
        self.toy = Toy(close)
        self.tracker = Tracker(self.toy, every)
        self.size = size
        self.scene = 0
        self.number = 0
        self.asked: list[tuple[int, list[int]]] = []
        self.same: dict[int, int] = {}  # which lost track a new detection is, by the detection's index
        self.ended: list[int] = []

    def picture(self, where: Where) -> Pixels:
        ground = np.random.default_rng(self.scene).uniform(0, 200, (6, 9)).astype(np.float32)
        grey = cv2.resize(ground, self.size, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        for name, (x, y) in where.items():
            patch = cv2.resize(PATTERNS[name], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 255)
            shift = np.array([[1, 0, x - (SIDE - 1) / 2], [0, 1, y - (SIDE - 1) / 2]], np.float32)
            cv2.warpAffine(patch.astype(np.uint8), shift, self.size, dst=grey, borderMode=cv2.BORDER_TRANSPARENT)
        return np.repeat(grey[..., None], 3, axis=2)

    def __call__(self, where: Where, drawn: Where | None = None) -> dict[int, tuple[float, float]]:
        """The next frame: by track, where it is."""
        self.toy.where = where
        image = Image(self.picture(where if drawn is None else drawn), "toy")
        self.ended += [track.id for track in self.tracker.advance(image, self.number / FPS, self.relink)]
        self.number += 1
        return {track.id: tuple(track.face.box.reshape(2, 2).mean(axis=0)) for track in self.tracker.tracks}

    def relink(self, image: Image, faces: Sequence[Detection], lost: Sequence[Track]) -> dict[int, Track]:
        self.asked.append((len(faces), sorted(track.id for track in lost)))
        return {index: track for track in lost for index, id in self.same.items() if track.id == id}


@pytest.mark.parametrize("close", [True, False])
def test_a_square_is_followed_between_scans(close: bool) -> None:
    run = Run(every=10, close=close)
    for number in range(30):
        x, y = 60 + 4 * number, 60 + 2 * number
        assert run({"A": (x, y)}) == {1: (pytest.approx(x, abs=1.5), pytest.approx(y, abs=1.5))}
        (track,) = run.tracker.tracks
        assert track.detected == (close or number % 10 == 0)
    assert run.toy.scans == 3


def test_frames_that_are_left_out_put_no_scan_off() -> None:
    run = Run(every=10)
    for _ in range(10):
        run({"A": (100, 100)})
        run.tracker.skip()
    assert run.toy.scans == 2


def test_squares_that_cross_do_not_swap() -> None:
    run = Run()
    first = run({"A": (50, 90), "B": (270, 110)})
    assert first == {1: (50, 90), 2: (270, 110)}
    for number in range(1, 54):
        where: Where = {"B": (270.0 - 4 * number, 110.0), "A": (50.0 + 4 * number, 90.0)}
        run.toy.blind = {"B"} if abs(where["A"][0] - where["B"][0]) < 30 else set()  # A is in front
        run.same = {0: 2}  # as one would say who compares faces
        seen = run(where)
        assert seen[1] == pytest.approx(where["A"], abs=3)
    assert seen[2] == pytest.approx(where["B"], abs=3)
    assert run.tracker._last_id == 2


def test_of_two_tracks_on_one_face_the_one_that_strayed_is_hidden() -> None:
    run = Run(every=50)
    assert run({"A": (100, 100), "B": (113, 100)}) == {1: (100, 100), 2: (113, 100)}
    assert run({"A": (100, 100)}) == {1: (100, 100)}  # what was B looks like A's face now
    assert [track.id for track in run.tracker.lost] == [2]


def test_a_second_look_that_finds_a_neighbour_is_not_believed() -> None:
    run = Run(every=50)
    drawn = {"A": (100.0, 100.0), "B": (114.0, 100.0)}
    run(drawn)
    run.toy.blind = {"B"}
    assert run(drawn)[2] == pytest.approx((114, 100), abs=1)
    assert [track.detected for track in run.tracker.tracks] == [True, False]


def test_a_face_the_detector_misses_is_followed_for_a_while() -> None:
    run = Run()
    for number in range(10):
        run({"A": (60 + number, 100)})
    run.toy.blind = {"A"}
    frames = 0
    while run({"A": (70 + frames, 100)}):
        frames += 1
    assert frames == pytest.approx(UNSEEN * FPS, abs=2)


def test_where_something_else_came_before_it_it_is_hidden_at_once() -> None:
    run = Run(every=100)
    for _ in range(4):
        run({"A": (100, 100)})
    assert run({}, drawn={"B": (100, 100)}) == {}


def test_a_lost_track_is_asked_about_and_comes_back_or_ends() -> None:
    run = Run(every=3)
    for _ in range(4):
        run({"A": (100, 100)})
    run({}, drawn={})
    assert [track.id for track in run.tracker.lost] == [1]
    run.same = {0: 1}
    for _ in range(3):
        seen = run({"A": (200, 100)})
    assert list(seen) == [1]
    assert run.asked == [(1, [1])]
    run({}, drawn={})
    run.same = {}
    for _ in range(3):
        seen = run({"A": (60, 60)})
    assert list(seen) == [2]
    assert run.ended == []
    for _ in range(int(KEPT * FPS)):
        run({"A": (60, 60)})
    assert run.ended == [1]
    assert [track.id for track in run.tracker.end()] == [2]
    assert run.tracker.tracks == run.tracker.lost == []


def test_after_a_cut_there_is_a_scan_and_no_place_counts() -> None:
    run = Run(every=50)
    for _ in range(3):
        run({"A": (100, 100)})
    run.scene = 1
    assert list(run({"A": (100, 100)})) == [2]
    (lost,) = run.tracker.lost
    assert lost.cut
    assert run.toy.scans == 2


def test_a_scan_follows_at_once_when_a_face_is_lost() -> None:
    run = Run(every=5)
    for _ in range(7):
        run({"A": (100, 100)})
    scans = run.toy.scans
    run({}, drawn={})
    assert run.toy.scans == scans + 1


def test_a_face_seen_in_one_scan_alone_is_soon_let_go() -> None:
    run = Run(every=2)
    run.toy.ghosts = [face(250, 150)]
    run({"A": (100, 100)})
    run.toy.ghosts = []
    alive = 0
    while len(run({"A": (100, 100)})) == 2:
        alive += 1
    assert alive <= 5


def test_a_face_that_leaves_the_picture_is_lost() -> None:
    run = Run(every=100)
    for number in range(20):
        seen = run({"A": (280 + 4 * number, 100)})
        if not 320 <= 280 + 4 * number <= 332:
            assert bool(seen) == (280 + 4 * number < 320)


def test_while_nobody_is_in_view_scans_come_sooner() -> None:
    run = Run(every=6)
    for _ in range(7):
        run({})
    assert run.toy.scans == 3
    for _ in range(13):
        run({"A": (100, 100)})
    assert run.toy.scans == 5


def test_lost_tracks_are_few() -> None:
    run = Run(every=50)
    for run.scene in range(5):  # each cut loses 20
        run.toy.ghosts = [face(30 + 60 * (number % 5), 30 + 45 * (number // 5)) for number in range(20)]
        run({})
    assert len(run.tracker.lost) == MOST_LOST
    assert run.ended == list(range(1, 31))


def test_a_track_can_be_split() -> None:
    run = Run()
    run({"A": (100, 100)})
    (track,) = run.tracker.tracks
    new = run.tracker.split(track, 1.0)
    assert (new.id, new.face) == (2, track.face)
    assert run.tracker.tracks == [new]
    assert run.tracker.lost == [track]
    assert track.cut


def test_every_is_a_whole_number_from_one() -> None:
    with pytest.raises(UsageError, match="every"):
        Tracker(Toy(), 0)
