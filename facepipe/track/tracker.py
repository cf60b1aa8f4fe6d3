"""Keeps faces apart and together over time: follows each by optical flow, looks at it again, scans for new ones.

Each frame: every face in view is moved by the flow; where the detector can take a second look at a place (it costs a
millisecond, a whole scan fifty), that puts box and landmarks right and says whether a face is still there. A scan of
the whole picture runs every few frames, once a second at least, after a cut, and when a face was lost; its detections
are assigned to the tracks in view by overlap. What is left over may be a track that was lost: the caller is asked, who
can compare faces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from facepipe.defaults import EVERY
from facepipe.errors import UsageError
from facepipe.records import Detection, Floats, Image, Pixels
from facepipe.track.cuts import Cuts
from facepipe.track.flow import Flow, shrunk
from facepipe.track.matching import assign, centre, overlaps, side, stacked

EVERY_IDLE = 3  # at most, while nobody is in view
# Seconds from one scan to the next, of sources with few frames: while nobody is in view, while one scan alone found a
# face that is in view, and else
LONGEST_IDLE, LONGEST_UNSURE, LONGEST = 0.25, 0.5, 1.0
# Where frames are fewer than usual a scan is also due after the time that it would take as many usual ones, but no more
# often than every second frame: a computer that falls behind has to keep time for the rest
USUAL, LEAST_BETWEEN = 25, 2  # frames a second; frames
SURE = 0.7  # least score of a second look; MTCNN's own for its last network
AGREE = 0.5  # least overlap of what a second look finds with where the flow led
SAME = 0.3  # least overlap of a scan's detection with a track in view, or as much nearness: see ``_affinity``
MERGED = 0.5  # overlap from which two tracks are on one face
ALIKE = 0.6  # correlation with how the face looked when last seen, from which the flow alone is believed
UNSEEN = 1.0  # seconds for which it is
OVERLOOKED, DOUBTED = 8, 2  # scans in a row without the face, until second looks no longer count; of a face of one scan
LEAST_INSIDE = 0.4  # share of the box within the picture
KEPT = 3.0  # seconds a lost track is kept
MOST_LOST = 50
PATCH = 20  # px, the side of the picture by which a face is known from frame to frame


class Finder(Protocol):
    """Finds faces in a whole picture, or, where it can (else None), at given places alone."""

    def scan(self, image: Image) -> list[Detection]:
        """Every face."""

    def look(self, image: Image, boxes: Floats) -> list[Detection] | None:
        """The best guess at a face at each of ``boxes`` (N, 4), whatever its score."""


@dataclass(eq=False)
class Track:
    """One face over time. ``face`` is where it is, or was when last in view; ``detected``: the detector saw it in this
    frame; ``scans``: how often a scan found it; ``overlooked``: how many in a row did not since. Times in seconds.

    ``lost``: None while in view; ``cut``: there was a cut since, so that its place means nothing.
    """

    id: int
    face: Detection
    start: float
    seen: float  # last time in view
    found: float  # last time the detector saw it
    scans: int = 1
    overlooked: int = 0
    detected: bool = True
    lost: float | None = None
    cut: bool = False
    patch: Pixels | None = field(default=None, repr=False)


Relink = Callable[[Image, Sequence[Detection], Sequence[Track]], dict[int, Track]]


class Tracker:
    """``tracks`` are those in view, ``lost`` those that may come back. One thread at a time."""

    def __init__(self, finder: Finder, every: int = EVERY) -> None:
        if every < 1:
            raise UsageError(f"every: expected a whole number of frames from 1, got {every}")
        self._finder = finder
        self._every = every
        self._flow = Flow()
        self._cuts = Cuts()
        self._since_scan, self._scan_time = every, 0.0
        self._last_id = 0
        self.tracks: list[Track] = []
        self.lost: list[Track] = []
        self.scanned = False

    def advance(self, image: Image, time: float, relink: Relink) -> list[Track]:
        """Take the next frame; ``tracks`` and ``lost`` are brought up to it. Returns the tracks that ended.

        ``relink(image, detections, lost)``: which of ``lost`` each of ``detections``, by its index, is. ``time``:
        seconds, not going back.
        """
        grey, scale = shrunk(image.pixels)
        cut, followed = self._cuts.between(grey), self._flow.advance(grey, scale)
        self._since_scan += 1
        urgent = cut or not followed
        if urgent:
            self._lose(self.tracks, time)
            for track in self.lost:
                track.cut = True
        else:
            urgent = self._follow(image, grey, scale, time)
        self.scanned = urgent or self._is_due(time)
        if self.scanned:
            self._scan(image, time, relink)
        for track in self.tracks:
            track.seen = time
            if track.detected or track.patch is None:
                track.patch = _patch(grey, track.face.box * scale)
        return self._end(time)

    def skip(self) -> None:
        """A frame is left out: it counts on the way to the next scan, which so comes no later."""
        self._since_scan += 1

    def _is_due(self, time: float) -> bool:
        """Is the next scan due, by the frames or by the time since the last?"""
        unsure = any(track.scans == 1 for track in self.tracks)
        every = self._every if self.tracks else min(self._every, EVERY_IDLE)
        longest = LONGEST_IDLE if not self.tracks else LONGEST_UNSURE if unsure else LONGEST
        since = time - self._scan_time
        slow = self._since_scan >= LEAST_BETWEEN and since >= every / USUAL - 1e-3
        return self._since_scan >= every or since >= longest or slow

    def split(self, track: Track, time: float) -> Track:
        """Give the face of ``track``, which is in view, to a new track; the old one counts as lost, as by a cut."""
        self._last_id += 1
        new = Track(self._last_id, track.face, time, time, track.found, patch=track.patch)
        self._lose([track], time)
        track.cut = True
        self.tracks.append(new)
        return new

    def end(self) -> list[Track]:
        """All tracks, which end here."""
        ended = self.tracks + self.lost
        self.tracks, self.lost = [], []
        return ended

    # One frame to the next

    def _follow(self, image: Image, grey: Pixels, scale: float, time: float) -> bool:
        """Move the tracks in view; returns whether one went out of view that was sure to be a face."""
        motions = self._flow.motions(stacked([track.face.box for track in self.tracks]))
        before = list(self.tracks)
        guesses = [
            track.face if motion is None else motion.face(track.face)
            for track, motion in zip(before, motions, strict=True)
        ]
        looks = self._finder.look(image, stacked([face.box for face in guesses])) if guesses else []
        for number, (track, motion, guess) in enumerate(zip(before, motions, guesses, strict=True)):
            look = looks[number] if looks else None
            track.detected = look is not None and _convincing(track, look, guess)
            if _outside(image, guess.box) or (track.scans == 1 and track.overlooked >= DOUBTED):
                self._lose([track], time)
            elif track.detected and look is not None:
                track.face, track.found = look, time
            elif motion is not None and self._unchanged(track, guess, grey, scale, time):
                track.face = guess
            else:
                self._lose([track], time)
        self._part(guesses, before, time)
        return any(track.lost is not None and track.scans > 1 for track in before)

    def _unchanged(self, track: Track, guess: Detection, grey: Pixels, scale: float, time: float) -> bool:
        """Without the detector's word: may the flow be believed? Not where something else is to be seen by now."""
        if time - track.found > UNSEEN or track.patch is None:
            return False
        patch = _patch(grey, guess.box * scale)
        return patch is not None and float(cv2.matchTemplate(patch, track.patch, cv2.TM_CCOEFF_NORMED)[0, 0]) >= ALIKE

    def _part(self, guesses: list[Detection], before: list[Track], time: float) -> None:
        """Where two tracks came to lie on one face, it is the one's that had less far to go; the other is hidden."""
        guess = dict(zip(before, guesses, strict=True))
        boxes = stacked([track.face.box for track in self.tracks])
        pairs = np.argwhere(np.triu(overlaps(boxes, boxes) >= MERGED, 1))
        twins = [(self.tracks[a], self.tracks[b]) for a, b in pairs]
        for pair in twins:
            if all(track in self.tracks for track in pair):
                strayed = [float(np.abs(track.face.box - guess[track].box).sum()) for track in pair]
                self._lose([pair[int(np.argmax(strayed))]], time)

    # The whole picture

    def _scan(self, image: Image, time: float, relink: Relink) -> None:
        detections = [face for face in self._finder.scan(image) if not _outside(image, face.box)]
        self._since_scan, self._scan_time = 0, time
        pairs = assign(_affinity(self.tracks, detections), SAME)
        new = sorted(set(range(len(detections))) - {column for _, column in pairs})
        for track in self.tracks:
            track.overlooked += 1
        for row, column in pairs:
            self._saw(self.tracks[row], detections[column], time)
        if not new:
            return
        left = [detections[index] for index in new]
        again = relink(image, left, self.lost) if self.lost else {}
        for number, detection in enumerate(left):
            if number in again:
                track = again[number]
                self.lost.remove(track)
                track.lost, track.cut = None, False
                self._saw(track, detection, time)
            else:
                self._last_id += 1
                track = Track(self._last_id, detection, time, time, time)
            self.tracks.append(track)

    def _saw(self, track: Track, detection: Detection, time: float) -> None:
        track.face, track.detected, track.found, track.overlooked = detection, True, time, 0
        track.scans += 1

    def _lose(self, tracks: Sequence[Track], time: float) -> None:
        for track in list(tracks):
            track.lost, track.cut, track.detected, track.patch = time, False, False, None
            self.tracks.remove(track)
            self.lost.append(track)

    def _end(self, time: float) -> list[Track]:
        """Let go of the tracks that were lost too long ago, and of the longest lost where there are too many."""
        kept = [track for track in self.lost if track.lost is None or time - track.lost <= KEPT][-MOST_LOST:]
        ended = [track for track in self.lost if track not in kept]
        self.lost = kept
        return ended


def _convincing(track: Track, look: Detection, guess: Detection) -> bool:
    """Is what a second look found the face of ``track``, which the flow expected at ``guess``?"""
    fits = float(overlaps(look.box[None], guess.box[None])[0, 0]) >= AGREE
    return fits and look.score >= SURE and track.overlooked < OVERLOOKED


def _outside(image: Image, box: Floats) -> bool:
    """Is too little of ``box`` within the picture?"""
    frame = np.array([[-0.5, -0.5, image.width - 0.5, image.height - 0.5]])
    shared = np.minimum(frame[0, 2:], box[2:]) - np.maximum(frame[0, :2], box[:2])
    return float(np.prod(np.maximum(shared, 0))) < LEAST_INSIDE * float(np.prod(box[2:] - box[:2]))


def _affinity(tracks: Sequence[Track], detections: Sequence[Detection]) -> np.ndarray:
    """How much tracks in view and detections lie on one another (N, M), 0 to 1: as their overlap, or, where a profile's
    box is drawn much larger once and smaller then, as the nearness of centres: 0.3 at a third of a side, then 0."""
    a, b = (stacked([face.box for face in faces]) for faces in ([track.face for track in tracks], detections))
    sides = np.minimum(side(a)[:, None], side(b)[None])
    apart = np.linalg.norm(centre(a)[:, None] - centre(b)[None], axis=2) / np.maximum(sides, 1e-6)
    return np.maximum(overlaps(a, b), np.where(apart <= 1 / 3, 0.5 - 0.6 * apart, 0.0))


def _patch(grey: Pixels, box: Floats) -> Pixels | None:
    """What is inside ``box``, in px of ``grey``, shrunk to ``PATCH`` px; None where it is outside of the picture."""
    x0, y0, x1, y1 = (round(float(v)) for v in box)
    inside = grey[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
    return np.asarray(cv2.resize(inside, (PATCH, PATCH), interpolation=cv2.INTER_AREA)) if inside.size else None
