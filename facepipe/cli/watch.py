"""watch: recognise live, or in a video."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facepipe import words
from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.cli import window as win
from facepipe.cli.film import LIVE_FPS, Film
from facepipe.cli.snapshots import Snapshots
from facepipe.cli.webcam import say_state
from facepipe.defaults import EVERY
from facepipe.errors import UsageError

if TYPE_CHECKING:
    from facepipe.draw import Annotator, Mark
    from facepipe.records import Frame
    from facepipe.sources import Source
    from facepipe.watch import Event, TrackedFace, Watcher

UNKNOWN, UNDECIDED = "unknown", "undecided"


def watch(
    source: Annotated[
        str,
        typer.Argument(metavar="SOURCE", help="A camera (webcam:0), stream (rtsp://…, http://…) or video file."),
    ],
    as_json: opt.Json = False,
    window: opt.ShowWindow = False,
    video: Annotated[
        Path | None, typer.Option("--video", metavar="FILE", help="Write a video with the faces marked: .mp4 or .avi.")
    ] = None,
    snapshots: Annotated[
        Path | None,
        typer.Option(
            "--snapshots", metavar="FOLDER", file_okay=False, help="Save the best picture of each face in this folder."
        ),
    ] = None,
    every: Annotated[
        int, typer.Option("--every", min=1, help="Search the whole picture for new faces once in so many frames.")
    ] = EVERY,
    max_fps: Annotated[
        float | None, typer.Option("--max-fps", metavar="FPS", help="Skip frames that come faster than this.")
    ] = None,
    gallery: opt.GalleryPath = None,
    threshold: opt.Threshold = None,
    fmr: opt.Fmr = None,
    fpir: opt.Fpir = None,
    backbone: opt.GalleryBackbone = None,
    weights: opt.Weights = None,
    device: opt.Device = "cpu",
    min_face: opt.MinFace = opt.MIN_FACE,
    min_score: opt.MinScore = None,
    detector: opt.DetectorName = opt.DETECTOR,
) -> None:
    """Recognise faces in a video or live.

    Prints a line when a face appears, when it is named, and when it leaves. Ctrl-C ends it.
    """
    from facepipe.watch import Watcher

    _check_files(source, video)
    shown = win.wanted(bool(window))
    with opt.gallery_with_network(gallery, backbone, weights) as (people, network), ExitStack() as stack:
        if not len(people):
            out.say(f"warning: {people.path}: nobody is enrolled, so everybody is unknown; see facepipe enroll")
        pipe = opt.open_pipeline(network, weights, device, min_face, min_score, detector)
        asked = opt.limit(pipe, people, threshold, fmr, fpir)
        usual = threshold is None and fmr is None and fpir is None  # that follows the gallery while it changes
        watcher = Watcher(pipe, people, threshold=None if usual else asked.threshold, every=every)
        frames = stack.enter_context(_opened(opt.camera(source), max_fps))
        ticker = out.Ticker(not shown and not frames.live)
        report = Reporter(as_json, None if snapshots is None else Snapshots(snapshots, watcher.worths), ticker)
        if video is not None:
            rate = LIVE_FPS if frames.live or not frames.fps else frames.fps
            report.film = stack.enter_context(Film(video, min(rate, max_fps or rate)))
        if shown:
            report.window = stack.enter_context(win.Window(f"facepipe: {frames.label}"))
        opt.say_limit(asked)
        stopped = _run(watcher, frames, report)
    if stopped and not frames.live:
        raise typer.Exit(out.INTERRUPTED)


def _check_files(source: str, video: Path | None) -> None:
    """Raise UsageError at a folder, and at a film that would be written over its own source, by whatever name."""
    if os.path.isdir(source):
        raise _pictures(source)
    try:
        same = video is not None and os.path.samefile(source, video)
    except (OSError, ValueError):  # one of them is not there, or is no path
        return
    if same:
        raise UsageError(f"--video {video}: that is the source, which would be lost; name another file")


def _opened(source: str, max_fps: float | None) -> Source:
    """The source. Raises SourceError, and UsageError when it is a picture."""
    from facepipe.sources import open_source
    from facepipe.sources.stills import Stills

    frames = open_source(source, max_fps=max_fps, on_state=lambda state, message: say_state(frames, state, message))
    if isinstance(frames, Stills):
        raise _pictures(source)
    return frames


def _pictures(source: str) -> UsageError:
    """Nobody is followed from one still to the next, so all would be strangers to each other."""
    return UsageError(
        f"{source}: expected a video, a camera or a stream; of pictures, facepipe identify says who it is"
    )


def _run(watcher: Watcher, frames: Source, report: Reporter) -> bool:
    """Watch until the end; whether Ctrl-C cut it short. What happened until an error is reported, too."""
    try:
        with _terminating_as_ctrl_c():
            for frame in frames:
                faces = watcher.see(frame)
                report.events(watcher.take_events())
                if not report.frame(frame, faces):
                    return False
    except KeyboardInterrupt:
        return True
    finally:
        watcher.finish()
        report.events(watcher.take_events())
        report.end(frames)
    return False


@contextmanager
def _terminating_as_ctrl_c() -> Iterator[None]:
    """How services are ended: what is half done is finished then, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class Reporter:
    """All that is told and shown of what the watcher sees."""

    def __init__(self, as_json: bool, snapshots: Snapshots | None, ticker: out.Ticker) -> None:
        self.film: Film | None = None
        self.window: win.Window | None = None
        self._as_json, self._snapshots, self._ticker = as_json, snapshots, ticker
        self._annotator: Annotator | None = None
        self._frames, self._started = 0, time.monotonic()
        self._people: dict[int, str] = {}  # who is in view, by track
        self._left: Counter[str] = Counter()

    def frame(self, frame: Frame, faces: Sequence[TrackedFace]) -> bool:
        """Show a frame; whether to go on."""
        self._frames += 1
        self._ticker.tell(f"{clock(frame.time)}  {self._rate():.0f} frames a second")
        if self._snapshots is not None:
            self._snapshots.look(frame, faces)
        if self.film is None and self.window is None:
            return True
        if self._annotator is None:
            from facepipe.draw import Annotator

            self._annotator = Annotator()
        picture = self._annotator.annotate(frame.image, [mark(face) for face in faces])
        if self.film is not None:
            self.film.add(picture, frame.time)
        return self.window is None or self.window.show(picture)

    def events(self, events: Sequence[Event]) -> None:
        if events:
            self._ticker.step_aside()
        for event in events:
            self._people[event.track] = who(event)
            if event.kind == "left":
                self._left[self._people.pop(event.track)] += 1
            picture = None
            if event.kind == "left" and self._snapshots is not None:
                picture = self._snapshots.write(event.track)
            if self._as_json:
                out.line(event.to_dict() | ({} if picture is None else {"snapshot": str(picture)}))
            else:
                typer.echo(event_text(event))
                if picture is not None:
                    typer.echo(f"{'':13}{out.printable(str(picture))}")

    def end(self, frames: Source) -> None:
        """A remark on what there was."""
        self._ticker.step_aside()
        seen = self._left + Counter(self._people.values())
        nameless = [f"{seen.pop(what)} {what}" for what in (UNKNOWN, UNDECIDED) if what in seen]
        everybody = [*sorted(seen), *nameless]
        dropped = f", {frames.dropped} dropped" if frames.dropped else ""
        out.say(
            f"{out.count(self._frames, 'frame')}, {self._rate():.1f} a second{dropped};"
            f" {', '.join(everybody) or 'nobody was seen'}"
        )

    def _rate(self) -> float:
        return self._frames / max(time.monotonic() - self._started, 1e-3)


def mark(face: TrackedFace) -> Mark:
    """Who it is and how sure that is, with the number of the track; "…" while it is too early to tell."""
    from facepipe.draw import Mark, label

    if not face.decided:
        return Mark(face.detection, "…", number=face.track)
    return Mark(face.detection, label(face.name, face.guess), face.name is not None, face.track)


def who(event: Event) -> str:
    """The name; or that it is a stranger, or that too little was seen of the face to tell."""
    return event.name or (UNKNOWN if event.decided else UNDECIDED)


def event_text(event: Event) -> str:
    """When, which track, what, where; the score against the threshold where nothing says how sure it makes. Within 80
    columns, but for long names."""
    moment, at = (event.start, event.start_at) if event.kind == "appeared" else (event.end, event.end_at)
    when = clock(moment) if at is None else f"{at.astimezone():%H:%M:%S}"
    shown = out.printable(words.who(event.name, event.guess) if event.decided or event.name else UNDECIDED)
    what = {"appeared": "appears", "named": f"is {shown}", "left": f"leaves: {shown}"}[event.kind]
    if event.kind != "appeared" and event.guess is not None and event.guess.probability is None:
        what = f"{what:22} {words.against(event.guess.score, event.threshold)}"
    return f"{when}  {event.track:>3}  {what:36}  {words.place(event.box)}"


def clock(seconds: float) -> str:
    """0:07.3, 1:02:07.3"""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{ahead}:{rest // 10:02}.{rest % 10}"
