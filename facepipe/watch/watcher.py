"""Who is in each frame: detector, tracks, the best chips of each track, gallery."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from facepipe.batches import within_memory
from facepipe.detect.base import CloseDetector, Detector
from facepipe.errors import FaceError, UsageError
from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.records import Candidate, Detection, Floats, Frame, Image
from facepipe.scoring.decide import decide
from facepipe.track.strobe import Strobe
from facepipe.track.tracker import EVERY, Track, Tracker
from facepipe.watch.faces import Event, TrackedFace
from facepipe.watch.naming import Levels, levels
from facepipe.watch.relink import relink
from facepipe.watch.sightings import Sighting, Sightings, Worths

REFRESH = 0.5  # seconds by the clock, after which the gallery is asked again whatever happened: it may have changed
SCANS, AFTER = 2, 0.1  # a track is believed when so many scans found it, and so many seconds after it began
CHIP = 0.01  # seconds that a chip takes to summarise on one core: as many in a frame as there is time, and one always
SPARE = 0.2  # seconds between frames that leave time for a scan and a chip
FACES_AT_ONCE = 4  # summarised together, the largest, where they may be tracks that were lost
LOOK_BACK = 5  # candidates among which one who was named before is looked for
STRIKES = 2  # good chips in a row that are clearly somebody else's end a track


@dataclass(eq=False)
class Story:
    """What is known of a track beside where it is."""

    track: Track
    start_at: datetime | None
    end_at: datetime | None
    sightings: Sightings = field(default_factory=Sightings)
    confirmed: bool = False
    told: str | None = None  # the name in the last event
    name: str | None = None
    candidates: tuple[Candidate, ...] = ()
    strikes: int = 0

    @property
    def decided(self) -> bool:
        return self.sightings.decidable or self.name is not None


class Watcher:
    """Recognises faces over time: give it every frame of one source in turn, and take the events now and then.

    A track's name is decided over its best chips, not frame by frame, and stays until they clearly say otherwise. Who
    is removed from the gallery is not named any more after ``REFRESH`` seconds, and who is enrolled is named as soon.
    ``threshold``: a cosine; None takes the usual one (``Pipeline.threshold``), as it is then.
    ``every``: frames from one search of the whole picture to the next; ``top``: candidates reported; ``clock``:
    seconds, by which the gallery is asked again.

    ``worths``: what the faces of the last frame are worth, as far as somebody asks.

    One thread at a time uses a watcher; several watchers may share ``pipe`` and ``gallery`` (None: no names).
    Raises UsageError, ModelError.
    """

    def __init__(
        self,
        pipe: Pipeline,
        gallery: Gallery | None,
        *,
        threshold: float | None = None,
        every: int = EVERY,
        top: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if top < 1:
            raise UsageError(f"top: expected a whole number from 1, got {top!r}")
        self._pipe = pipe
        self._gallery = gallery
        self._top = top
        self._clock = clock
        self._threshold = threshold
        self._levels = self._measured()
        self.worths = Worths()
        self._tracker = Tracker(_Finder(pipe.detector), every)
        self._stories: dict[Track, Story] = {}
        self._sightings: dict[Detection, Sighting] = {}  # of this frame's detections, where they were taken already
        self._strobe = Strobe()
        self._events: list[Event] = []
        self._time = -SPARE  # there is time for a chip in the first frame
        self._apart = 0.0  # seconds from the last frame to this one
        self._asked = clock()
        self._idle = True  # there was time to summarise a chip in the last frame, and none was wanted

    def see(self, frame: Frame) -> list[TrackedFace]:
        """The faces in view in ``frame``, by track; as they were in one that is dark between two flashes of a lamp.
        Raises GalleryError, ImageError."""
        if self._strobe.off(frame.image.pixels):
            self._tracker.skip()
            return self._faces(unseen=True)
        self._apart = max(0.0, frame.time - self._time)
        self._time += self._apart
        self._sightings = {}
        ended = self._tracker.advance(frame.image, self._time, self._relink)
        for track in self._tracker.tracks:
            self._stories.setdefault(track, Story(track, frame.at, frame.at)).end_at = frame.at
        try:
            self._ask(self._learn(frame))
            for story in self._stories.values():
                self._tell(story)
        finally:
            self._leave(ended)
        return self._faces()

    def _faces(self, unseen: bool = False) -> list[TrackedFace]:
        """Those in view, by track; ``unseen``: they are not to be seen in this very frame."""
        for track in self._tracker.tracks if unseen else ():
            track.detected = False
        return [self._face(track) for track in sorted(self._tracker.tracks, key=lambda track: track.id)]

    def finish(self) -> None:
        """End all tracks: the source has ended."""
        self._leave(self._tracker.end())

    def take_events(self) -> list[Event]:
        """What happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    # Chips

    def _relink(self, image: Image, faces: Sequence[Detection], lost: Sequence[Track]) -> dict[int, Track]:
        """Which of the ``lost`` tracks ``faces`` continue. The chips summarised for it are kept for ``_learn``."""
        if any(self._stories[track].sightings.kept for track in lost):
            self._sightings = self._summarise(image, sorted(faces, key=lambda face: -face.size)[:FACES_AT_ONCE])
        pairs = [(face, self._sightings.get(face)) for face in faces]
        sightings = {track: self._stories[track].sightings for track in lost}
        return relink(pairs, lost, sightings, self._time, self._levels)

    def _learn(self, frame: Frame) -> list[Story]:
        """Take in what was seen of the faces in this frame; returns the stories that changed by it."""
        sightings = dict(self._sightings)
        busy = self._tracker.scanned and self._idle and self._apart < SPARE
        if not (sightings or busy):  # else this frame has taken its time
            sightings = self._best_sightings(frame.image)
        self._idle = not (sightings or busy)
        changed = []
        for track in list(self._tracker.tracks):
            sighting = sightings.get(track.face)
            if sighting is None:
                continue
            story = self._stories[track]
            story.strikes = story.strikes + 1 if self._is_other(story, sighting) else 0
            if (
                0 < story.strikes < STRIKES
            ):  # not to be believed yet, and not to be taken in: it would be alike next time
                story.sightings.looked = self._time
                continue
            if story.strikes:
                track = self._tracker.split(track, self._time)
                story = self._stories[track] = Story(track, frame.at, frame.at)
            if story.sightings.add(sighting, self._time):
                changed.append(story)
        return changed

    def _best_sightings(self, image: Image) -> dict[Detection, Sighting]:
        """Sightings of the faces that have waited longest for one, among those that would be of use."""
        wanting = []
        for track in self._tracker.tracks:
            sightings = self._stories[track].sightings
            if not (track.detected and sightings.may_want(self._time)):
                continue
            if (found := self.worths.of(image, track.face)) is not None and sightings.wants(*found, self._time):
                wanting.append((sightings.looked, -found[0], track.id, track.face))
        most = min(max(1, int(self._apart / CHIP)), FACES_AT_ONCE)
        return self._summarise(image, [face for *_, face in sorted(wanting, key=lambda row: row[:3])[:most]])

    def _summarise(self, image: Image, faces: Sequence[Detection]) -> dict[Detection, Sighting]:
        """Sightings of ``faces``, but of those that cannot be cut or summarised: they are there, and tell nothing."""
        measured = [(face, found) for face in faces if (found := self.worths.of(image, face)) is not None]
        if not measured:
            return {}
        try:
            templates = self._pipe.summarise(image, [face for face, _ in measured])
        except FaceError:
            if len(faces) == 1:
                return {}
            singly = [self._summarise(image, [face]) for face in faces]
            return {face: sighting for sightings in singly for face, sighting in sightings.items()}
        return {face: Sighting(template, *found) for (face, found), template in zip(measured, templates, strict=True)}

    def _is_other(self, story: Story, sighting: Sighting) -> bool:
        """Has the track slid onto another face? Not to be believed of a bad chip."""
        sightings = story.sightings
        if not (sighting.good and sightings.decidable):
            return False
        return sightings.alike(sighting.template) < self._levels.loose - self._levels.slack

    # Names

    def _measured(self) -> Levels:
        """What scores mean by the gallery's calibration, which may be a new one, or by the card."""
        return levels(self._pipe.backbone.card.threshold, self._pipe.threshold(self._threshold, gallery=self._gallery))

    def _ask(self, changed: Sequence[Story]) -> None:
        """Search the gallery for the stories that changed; now and then for all, as the gallery may have changed."""
        if self._gallery is None:
            return
        if self._clock() - self._asked >= REFRESH:
            changed, self._asked, self._levels = list(self._stories.values()), self._clock(), self._measured()
        asking = [story for story in changed if story.sightings.kept]
        summaries = [story.sightings.template() for story in asking]
        templates, lengths = [template for template, _ in summaries], [length for _, length in summaries]
        top, evidence = max(self._top, LOOK_BACK), self._pipe.backbone.card.evidence
        found = self._gallery.search(templates, top, lengths=lengths, evidence=evidence)
        for story, row in zip(asking, found, strict=True):
            story.candidates = row
            clear = story.sightings.telling and (_score(story) or -1) >= self._levels.clear
            if story.decided or clear:
                story.name = self._named(story)

    def _named(self, story: Story) -> str | None:
        """The name that a story has now: that of before until its score is clearly too low, or another's higher."""
        limit, slack = self._levels.limit, self._levels.slack
        return decide(story.candidates, limit, before=story.name, slack=slack)

    def _tell(self, story: Story) -> None:
        """The events of a story, if there are any."""
        track = story.track
        if not story.confirmed and track.scans >= SCANS and track.seen - track.start >= AFTER:
            story.confirmed = True
            self._event("appeared", story)
        if story.confirmed and story.name != story.told:
            story.told = story.name
            if story.name is not None:
                self._event("named", story)

    def _leave(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            story = self._stories.pop(track)
            if story.confirmed:
                self._event("left", story)

    def _event(self, kind: str, story: Story) -> None:
        track, appeared = story.track, kind == "appeared"  # which is told first, whatever is known by then
        times = (track.start, track.seen, story.start_at, story.end_at)
        name, decided = (None, False) if appeared else (story.name, story.decided)
        last = track.face.box, self._reported(story)
        self._events.append(Event(kind, track.id, name, _score(story), self._levels.limit, decided, *times, *last))

    def _face(self, track: Track) -> TrackedFace:
        story = self._stories[track]
        return TrackedFace(
            track.id,
            track.face,
            story.name,
            _score(story),
            self._levels.limit,
            self._reported(story),
            story.decided,
            len(story.sightings.kept),
            track.detected,
        )

    def _reported(self, story: Story) -> tuple[Candidate, ...]:
        """The best candidates, and whoever is named."""
        named = [one for one in story.candidates[self._top :] if one.person == story.name]
        return (*story.candidates[: self._top], *named)


def _score(story: Story) -> float | None:
    return story.candidates[0].score if story.candidates else None


class _Finder:
    """The pipeline's detector as the tracker knows it."""

    def __init__(self, detector: Detector) -> None:
        close = detector if isinstance(detector, CloseDetector) else None  # asked once: it takes 0.1 ms
        self._scan = detector.detect if close is None else close.scan
        self._look = None if close is None else close.look

    def scan(self, image: Image) -> list[Detection]:
        with within_memory(image):
            return self._scan(image)

    def look(self, image: Image, boxes: Floats) -> list[Detection] | None:
        return None if self._look is None else self._look(image, boxes)
