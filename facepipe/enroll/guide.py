"""Guided enrolment: the shots of one person, taken out of a stream of pictures as they turn their head a little.

The first good shot that looks ahead is the person's own zero: faces differ, and so do the places where cameras stand.
The other poses are asked for as changes from it, in any order: whichever is seen is taken.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from statistics import median
from time import monotonic

import numpy as np

from facepipe.align.quality import Measures
from facepipe.batches import within_memory
from facepipe.enroll.enrolment import Enroller, Enrolment, Policy, new_reference
from facepipe.enroll.gate import DEFAULTS, Limits, Problem, assess
from facepipe.errors import UsageError
from facepipe.gallery import Gallery, NewReference
from facepipe.gallery.names import clean_name
from facepipe.pipeline import Pipeline
from facepipe.records import Consent, Detection, Floats, Image
from facepipe.track.strobe import Strobe

HOLD_STILL, DONE = "hold-still", "done"
POSES = {  # hint -> message, in the order in which they are asked for
    "look-ahead": "look straight into the camera",
    "turn-left": "turn your head a little to your left",
    "turn-right": "turn your head a little to your right",
    "look-up": "lift your chin a little",
    "look-down": "lower your chin a little",
}
MESSAGES = {**POSES, HOLD_STILL: "hold still", DONE: "done"}
MOST = 20  # shots

YAW, PITCH = 10.0, 8.0  # degrees from the first shot that make another pose
AHEAD_YAW, AHEAD_PITCH = 15.0, 25.0  # degrees: as far from ahead the first shot may be
NEW = 0.5  # of these steps away from every shot taken: not the same shot again
# Of what two photos of a person may differ by: a photo shown again, smaller, lighter or cut otherwise, differs by
# less (95 %), a person who turned by 8° by 0.15 and more (99 %)
SAME = 0.06
STILL = 0.08  # of the face's size: as far a landmark may have moved since the picture before
GLANCE = 3  # good pictures one after the other, whose median is the pose: single ones are up to 10° off
PATIENCE = 6.0  # seconds of good pictures without the pose asked for, until any other will do
STEADY = 0.3  # seconds a hint stays at least after it last held
POSED = {Problem.TURNED, Problem.TILTED}  # what a shot that is taken as it is may be
OVAL = 0.34, 0.44  # half its width and its height, as parts of the picture's shorter side


@dataclass(frozen=True, slots=True, eq=False)
class Guidance:
    """What to tell the person in front of the camera, after each picture.

    ``problems``: what is wrong with this picture. ``hint``: what to show, a Problem's value, a pose of ``POSES``,
    "hold-still" or "done"; it does not flicker as ``problems`` may. ``message``: the hint in English. ``took``: this
    picture became a shot, the ``taken``-th of ``wanted``. ``detection`` and ``measures``: of the largest face, if any.
    ``stuck``: somebody was seen for ``PATIENCE`` seconds and no shot taken, now or before: the time to offer
    ``take_as_it_is`` and ``enough``.
    """

    problems: tuple[Problem, ...]
    hint: str
    message: str
    taken: int
    wanted: int
    took: bool
    done: bool
    detection: Detection | None
    measures: Measures | None
    stuck: bool


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What is kept of a picture that was taken: its template and chip, not the picture; ``yaw`` and ``pitch`` in
    degrees."""

    reference: NewReference
    yaw: float
    pitch: float


class Guide:
    """Takes ``shots`` (1 to 20) good and different pictures of one person; for one thread at a time, without I/O.

    Faces have to be upright. A picture costs one detection; the backbone runs only when it becomes a shot. With
    ``in_oval`` a face must be in the oval of ``oval``: for those who draw it. Raises UsageError.
    """

    def __init__(self, pipe: Pipeline, *, shots: int = 5, limits: Limits = DEFAULTS, in_oval: bool = False) -> None:
        if not 1 <= shots <= MOST:
            raise UsageError(f"shots {shots}: expected 1 to {MOST}")
        self._pipe = pipe
        self._limits = limits
        self._in_oval = in_oval
        self._shots: list[Shot] = []
        order = list(POSES)
        self._open = [order[0], *(order[1 + i % 4] for i in range(shots - 1))]  # poses still wanted
        self._hint = _Steady()
        self._strobe = Strobe()
        self._told: Guidance | None = None  # the last
        self._before: Floats | None = None  # landmarks in the picture before, where it was good
        self._poses: deque[tuple[float, float]] = deque(maxlen=GLANCE)  # yaw and pitch of the last ones, all good
        self._time = 0.0  # seconds, of the picture before
        self._waited = 0.0  # seconds of good pictures since the last shot
        self._faced: float | None = None  # time of the picture before, where a face was in it
        self._idle = 0.0  # seconds with a face since the last shot
        self._stuck = self._as_it_is = False

    @property
    def taken(self) -> int:
        return len(self._shots)

    @property
    def wanted(self) -> int:
        return len(self._shots) + len(self._open)

    def take_as_it_is(self) -> None:
        """Take the next picture that is light, sharp and near enough, whatever the pose and however like another shot:
        for who cannot turn their head, or holds it as it has to be held."""
        self._as_it_is = True

    def enough(self) -> None:
        """Be done with the shots that were taken. Raises UsageError where there is none."""
        if not self._shots:
            raise UsageError(f"0 of {self.wanted} shots were taken; at least one is needed")
        self._open.clear()

    def see(self, image: Image, time: float | None = None) -> Guidance:
        """Look at the next picture. ``time``: its time in seconds, as ``Frame.time``; None: now.

        After the last shot nothing more is looked at, nor at pictures that are dark between two flashes of a lamp:
        what was told last still holds. Raises ImageError, FaceError.
        """
        if not self._open:
            return self._guidance((), DONE, False, None, None)
        if self._strobe.off(image.pixels) and self._told is not None:
            return replace(self._told, took=False)
        self._told = self._look(image, time)
        return self._told

    def _look(self, image: Image, time: float | None) -> Guidance:
        now = monotonic() if time is None else time
        with within_memory(image):
            faces = self._pipe.detector.detect(image)  # upright ones: to search all ways up costs four times as much
        found = assess(image, faces, self._limits)
        problems, took = self._problems(image, faces, found.problems), False
        self._idle_until(now, bool(faces))
        if found.measures is None or problems:
            hint = problems[0].value
            self._forget()
        else:
            hint, took = self._consider(image, faces[0], found.measures, now)
            problems = (Problem.SAME_SHOT,) if hint == Problem.SAME_SHOT.value else ()
        hint = self._hint.shown(hint, now, at_once=took)
        return self._guidance(problems, hint, took, faces[0] if faces else None, found.measures)

    def _guidance(
        self,
        problems: tuple[Problem, ...],
        hint: str,
        took: bool,
        detection: Detection | None,
        measures: Measures | None,
    ) -> Guidance:
        message = MESSAGES.get(hint) or Problem(hint).message
        done = not self._open
        return Guidance(problems, hint, message, self.taken, self.wanted, took, done, detection, measures, self._stuck)

    def _problems(self, image: Image, faces: list[Detection], found: tuple[Problem, ...]) -> tuple[Problem, ...]:
        """``found``, with what only counts here: in the oval, and as it is."""
        if self._in_oval and faces and not _within(oval(image.width, image.height), faces[0]):
            found = (*found, Problem.OFF_CENTRE)
        return tuple(problem for problem in found if not (self._as_it_is and problem in POSED))

    def _idle_until(self, now: float, faced: bool) -> None:
        """Count the time in which somebody is seen and no shot taken."""
        if faced and self._faced is not None:
            self._idle += now - self._faced
        self._faced = now if faced else None
        self._stuck = self._stuck or self._idle > PATIENCE

    def _forget(self) -> None:
        self._before = None
        self._poses.clear()

    def _consider(self, image: Image, face: Detection, measures: Measures, now: float) -> tuple[str, bool]:
        """What to show after a good picture, and whether it became a shot."""
        moved = STILL if self._before is None else _moved(self._before, face)
        self._waited += 0.0 if self._before is None else now - self._time
        self._before, self._time = face.landmarks, now
        self._poses.append((measures.yaw, measures.pitch))
        late = self._waited > PATIENCE
        yaw, pitch = (median(angles) for angles in zip(*self._poses, strict=True))
        if self._as_it_is:
            return self._take(image, face, yaw, pitch)
        pose = self._name(yaw, pitch)
        if not (pose in self._open or late):
            return self._open[0], False
        if not all(math.hypot(*_steps(shot, yaw, pitch)) >= NEW for shot in self._shots):
            return (Problem.SAME_SHOT.value if late else self._open[0]), False
        if moved >= STILL or len(self._poses) < GLANCE:
            return HOLD_STILL, False
        return self._take(image, face, yaw, pitch)

    def _take(self, image: Image, face: Detection, yaw: float, pitch: float) -> tuple[str, bool]:
        """Make it a shot unless its template is another shot's."""
        reference = new_reference(image, self._pipe.describe(image, [face]))
        if not self._as_it_is and any(
            shot.reference.template.cosine(reference.template) > self._same() for shot in self._shots
        ):
            return Problem.SAME_SHOT.value, False
        pose = self._name(yaw, pitch)
        self._open.remove(pose if pose in self._open else self._open[0])
        self._shots.append(Shot(reference, yaw, pitch))
        self._waited = self._idle = 0.0
        self._as_it_is = False
        self._forget()
        return (self._open[0] if self._open else DONE), True

    def _same(self) -> float:
        """The cosine from which on two shots are the same; 1 where nothing says how alike photos of a person are."""
        try:
            return 1 - SAME * (1 - self._pipe.threshold())
        except UsageError:
            return 1.0

    def _name(self, yaw: float, pitch: float) -> str | None:
        """Which of ``POSES`` this is; None before the first shot for one that does not look ahead."""
        if not self._shots:
            return "look-ahead" if abs(yaw) <= AHEAD_YAW and abs(pitch) <= AHEAD_PITCH else None
        turned, nodded = _steps(self._shots[0], yaw, pitch)
        if max(abs(turned), abs(nodded)) < 1:
            return "look-ahead"
        if abs(turned) > abs(nodded):
            return "turn-left" if turned > 0 else "turn-right"
        return "look-up" if nodded > 0 else "look-down"

    def enroll(
        self,
        person: str,
        gallery: Gallery,
        *,
        consent: Consent | None = None,
        anyway: bool = False,
        threshold: float | None = None,
    ) -> list[Enrolment]:
        """Store all shots under ``person``, in one transaction, when they and what is enrolled under that name are of
        one person, whom no other name has (facepipe.enroll.identity).

        ``threshold``: the cosine that decides both, in place of what was measured. ``anyway``: whoever they are. Raises
        UsageError (shots are missing), SeveralPeople, EnrolledAlready, GalleryError.
        """
        name = clean_name(person)
        if self._open:
            raise UsageError(f"{self.taken} of {self.wanted} shots were taken; go on until it is done")
        shots = [replace(shot.reference, consent=consent) for shot in self._shots]
        enroller = Enroller(gallery, self._pipe.backbone.card, Policy(anyway=anyway, threshold=threshold))
        return [done for done in enroller.store(name, shots) if isinstance(done, Enrolment)]


def _steps(shot: Shot, yaw: float, pitch: float) -> tuple[float, float]:
    """How far the head has turned and nodded since ``shot``, as parts of what makes another pose."""
    return (yaw - shot.yaw) / YAW, (pitch - shot.pitch) / PITCH


def _moved(before: Floats, face: Detection) -> float:
    """How far the landmark that moved most did, as a part of the face's size."""
    return float(np.linalg.norm(face.landmarks - before, axis=1).max()) / max(face.size, 1.0)


def oval(width: int, height: int) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the oval that a face should be in, in the middle of a picture of this size, px."""
    across, down = OVAL[0] * min(width, height), OVAL[1] * min(height, 1.2 * width)
    return width / 2 - across, height / 2 - down, width / 2 + across, height / 2 + down


def _within(area: tuple[float, float, float, float], face: Detection) -> bool:
    """Whether eyes, nose and mouth are all in the oval that fills ``area``."""
    x0, y0, x1, y1 = area
    middle, radii = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0]) / 2
    return bool((np.square((face.landmarks - middle) / radii).sum(axis=1) <= 1).all())


class _Steady:
    """Shows another hint once the one that is shown has not held for a while."""

    def __init__(self) -> None:
        self._hint: str | None = None
        self._held = 0.0

    def shown(self, hint: str, now: float, at_once: bool) -> str:
        if self._hint is None or at_once or hint == self._hint or now - self._held >= STEADY:
            self._hint, self._held = hint, now
        return self._hint
