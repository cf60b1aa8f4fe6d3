"""Faces in a picture that lies on its side or stands on its head.

A detector looks for upright faces. It finds nothing in such a picture or, worse, reads a face upside down, mouth for
eyes, and what is cut out by those landmarks is no face: such templates are like each other, whoever they are of. So
where nothing is found, the picture is turned by quarters; and a face that is not found as surely as most upright ones
are is looked at in all four directions.

The limits were chosen on fold 0 of lfw-dev, as it is and within a larger picture, in four directions, with YuNet: of
193 faces that were read wrongly none had a score from SURE on, of 376 upright ones 238; of the others a closer look saw
all 138 best upright, and none of those that were not. They are as they were with MTCNN. YuNet itself does not tell: it
reads every face as an upright one, and of a third of those that lie on their side it sees nothing at all; a picture in
which it finds nobody is so searched four times. scripts/measure_turned.py measures the other half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from facepipe.detect.base import CloseDetector, Detector
from facepipe.detect.boxes import squared, suppress
from facepipe.detect.crops import cut
from facepipe.records import Detection, Floats, Image, Pixels

WAYS = (0, 1, 2, 3)  # quarter turns anticlockwise
SURE = 0.998  # score from which on a face is believed to be upright
SEEN = 0.9  # least score of a closer look that says that a face lies on its side or stands on its head
ASIDE = 0.98  # least score of a face that lies otherwise than the surest face of the picture
SAME = 0.5  # share of the smaller box from which on two faces are one
TILE = 96  # px, the side of a closer look: twice what O-Net is shown


def find_faces(detector: Detector, image: Image, upright: Sequence[Detection] | None = None) -> list[Detection]:
    """Every face of the image, largest first, whichever way up it is; landmarks are in their order as it stands.

    ``upright``: what ``detector.detect`` found, where that is known.
    """
    found = list(detector.detect(image) if upright is None else upright)
    ways = _ways(detector, image, found)
    lying = sorted({way for way in ways if way})
    if not lying and 0 in ways:
        return found
    turned = {way: _detect_turned(detector, image, way) for way in lying or WAYS[1:]}
    return _settled({0: found, **turned}) if any(turned.values()) else found


def _ways(detector: Detector, image: Image, found: Sequence[Detection]) -> list[int | None]:
    """By how many quarters the picture has to be turned to see each face best; None for one that is not seen at all."""
    ways: list[int | None] = [0] * len(found)
    doubtful = [number for number, face in enumerate(found) if face.score < SURE]
    if doubtful and isinstance(detector, CloseDetector):
        scores = looks(detector, [_tile(image, found[number]) for number in doubtful])
        for number, seen in zip(doubtful, scores, strict=True):
            best = int(seen.argmax())
            ways[number] = best if best == 0 or seen[best] >= SEEN else None
    return ways


def looks(detector: CloseDetector, tiles: Sequence[Pixels], ways: Sequence[int] = WAYS) -> Floats:
    """How surely each of the square ``tiles``, of one size, shows a face when it is turned in each of ``ways``: scores
    (N, len(ways))."""
    side = len(tiles[0])
    mosaic = np.vstack([np.hstack([np.rot90(tile, way) for way in ways]) for tile in tiles])
    corners = [(side * column, side * row) for row in range(len(tiles)) for column in range(len(ways))]
    boxes = np.array([(x, y, x + side - 1, y + side - 1) for x, y in corners], np.float32)
    seen = detector.look(Image(mosaic, "faces in all directions"), boxes)
    return np.array([face.score for face in seen], np.float32).reshape(len(tiles), len(ways))


def _tile(image: Image, face: Detection) -> Pixels:
    """The square around a face, going on in grey beyond the image."""
    x0, y0, x1, y1 = squared(face.box[None])[0].round().astype(int).tolist()
    square = cut(image.pixels, x0, y0, x1 + 1, y1 + 1)
    return np.asarray(cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA), np.uint8)


def _detect_turned(detector: Detector, image: Image, way: int) -> list[Detection]:
    """The faces of the image turned by ``way`` quarters, where they are in the image as it is."""
    pixels = np.ascontiguousarray(np.rot90(image.pixels, way))
    faces = detector.detect(Image(pixels, image.source))
    return [_turned_back(face, image, way) for face in faces]


def _turned_back(face: Detection, image: Image, way: int) -> Detection:
    points = np.vstack([face.box.reshape(2, 2), face.landmarks])
    last = image.height - 1, image.width - 1
    for turn in range(way, 0, -1):  # each took (x, y) to (y, width - 1 - x)
        points = np.stack([last[turn % 2] - points[:, 1], points[:, 0]], axis=1)
    corners = np.sort(points[:2], axis=0)
    return Detection(corners.ravel(), face.score, points[2:])


def _settled(seen: Mapping[int, Sequence[Detection]]) -> list[Detection]:
    """Of a face that is seen several ways up the surest; beside the way that has the surest of all, only sure ones."""
    ways, faces = zip(*((way, face) for way, found in seen.items() for face in found), strict=True)
    boxes, scores = np.stack([face.box for face in faces]), np.array([face.score for face in faces], np.float32)
    kept = suppress(boxes, scores, SAME, over_smaller=True)
    own = ways[kept[0]]
    counting = [faces[number] for number in kept if ways[number] == own or faces[number].score >= ASIDE]
    return sorted(counting, key=lambda face: -face.size)
