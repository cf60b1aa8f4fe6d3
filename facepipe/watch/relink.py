"""Which lost track a new detection continues: by how alike they are, and how near in place and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from facepipe.records import Detection
from facepipe.track.matching import assign, centre, side
from facepipe.track.tracker import Track
from facepipe.watch.naming import Levels
from facepipe.watch.sightings import Sighting, Sightings

AT_ONCE = 0.5  # seconds out of view for which the place alone may do, of a face that was never summarised
SHORT = 1.0  # seconds out of view for which being in place counts as much
REACH, SPEED, GROWTH = 0.75, 1.5, 1.7  # in place: within so many sides, and as many more a second; of about one size


def in_place(track: Track, face: Detection, time: float) -> bool:
    """Could ``track``, which was lost some time before ``time``, have come to where ``face`` is?"""
    if track.cut:
        return False
    sides = float(side(track.face.box)), float(side(face.box))
    reach = REACH + SPEED * (time - track.seen)
    near = float(np.linalg.norm(centre(track.face.box) - centre(face.box))) <= reach * max(sides)
    return near and max(sides) <= GROWTH * min(sides)


def needed(track: Track, face: Detection, time: float, levels: Levels) -> float:
    """The least mean cosine for ``face`` to be ``track``."""
    if not in_place(track, face, time):
        return levels.strict
    return levels.loose if time - track.seen <= SHORT else max(levels.loose, (levels.loose + levels.strict) / 2)


def relink(
    faces: Sequence[tuple[Detection, Sighting | None]],
    lost: Sequence[Track],
    sightings: Mapping[Track, Sightings],
    time: float,
    levels: Levels,
) -> dict[int, Track]:
    """Of ``faces``, each with a sighting where one was taken, those (by index) that are one of ``lost`` again."""
    affinity = np.zeros((len(faces), len(lost)))
    for row, (face, sighting) in enumerate(faces):
        for column, track in enumerate(lost):
            known = sightings[track]
            if sighting is not None and known.kept:
                alike = known.alike(sighting.template)
                if alike >= needed(track, face, time, levels):
                    affinity[row, column] = 1 + alike
            elif time - track.seen <= AT_ONCE and in_place(track, face, time):
                affinity[row, column] = 0.5
    return {row: lost[column] for row, column in assign(affinity, 0.5)}
