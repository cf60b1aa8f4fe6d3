import numpy as np
import pytest

from facepipe.records import Detection, Template
from facepipe.track.tracker import Track
from facepipe.watch.naming import Levels
from facepipe.watch.relink import AT_ONCE, SHORT, in_place, relink
from facepipe.watch.sightings import Sighting, Sightings

LEVELS = Levels(limit=0.90, loose=0.88, strict=0.94, slack=0.02)


def face(x: float, y: float = 100, side: float = 40) -> Detection:
    box = np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2], np.float32)
    return Detection(box, 0.9, np.zeros((5, 2), np.float32))


def lost(number: int, x: float, cut: bool = False) -> Track:
    """A track that was last seen at 0 s."""
    return Track(number, face(x), 0, 0, 0, lost=0, cut=cut)


def sighting(cosine: float) -> Sighting:
    """With this cosine to ``sighting(1)``."""
    vector = np.array([cosine, np.sqrt(1 - cosine**2)], np.float32)
    return Sighting(Template.from_embedding(vector, "toy"), 0.5, True)


def known(*sightings: Sighting) -> Sightings:
    kept = Sightings()
    for number, one in enumerate(sightings):
        kept.add(one, number)
    return kept


@pytest.mark.parametrize(
    ("cosine", "x", "seconds", "cut", "same"),
    [
        (0.89, 110, 0.5, False, True),  # near, soon: alike enough
        (0.87, 110, 0.5, False, False),
        (0.89, 110, SHORT + 0.5, False, False),  # near, but later
        (0.92, 110, SHORT + 0.5, False, True),
        (0.92, 300, 0.5, False, False),  # elsewhere
        (0.95, 300, 0.5, False, True),
        (0.92, 110, 0.5, True, False),  # another shot: its place says nothing
        (0.95, 110, 0.5, True, True),
    ],
)
def test_the_less_speaks_for_it_the_more_alike_they_must_be(
    cosine: float, x: float, seconds: float, cut: bool, same: bool
) -> None:
    track = lost(7, 100, cut)
    found = relink([(face(x), sighting(cosine))], [track], {track: known(sighting(1))}, seconds, LEVELS)
    assert found == ({0: track} if same else {})


def test_a_track_of_which_nothing_is_known_is_found_by_its_place_alone_and_soon() -> None:
    track = lost(7, 100)
    for x, seconds, same in ((105, AT_ONCE, True), (105, AT_ONCE + 0.1, False), (260, 0.1, False)):
        assert bool(relink([(face(x), None)], [track], {track: Sightings()}, seconds, LEVELS)) == same
        assert bool(relink([(face(x), sighting(1))], [track], {track: Sightings()}, seconds, LEVELS)) == same


def test_each_is_taken_once_and_the_likeliest_wins() -> None:
    one, two = lost(1, 100), lost(2, 120)
    sightings = {one: known(sighting(1)), two: known(sighting(0.9))}
    faces = [(face(105), sighting(0.91)), (face(115), sighting(0.99))]
    assert relink(faces, [one, two], sightings, 0.2, LEVELS) == {0: two, 1: one}
    assert relink(faces[:1], [one, two], sightings, 0.2, LEVELS) == {0: two}


def test_a_place_is_reached_in_time_and_size() -> None:
    track = lost(1, 100)
    assert in_place(track, face(125), 0)
    assert not in_place(track, face(145), 0)
    assert in_place(track, face(145), 0.5)
    assert not in_place(track, face(100, side=80), 0.5)
