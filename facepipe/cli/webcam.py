"""``enroll --webcam``: guided enrolment in front of a camera, with a window or with hints in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facepipe.cli import output as out
from facepipe.cli import window as win
from facepipe.errors import PoorShot

if TYPE_CHECKING:
    import PIL.Image

    from facepipe.enroll.guide import Guidance, Guide
    from facepipe.gallery import Gallery
    from facepipe.pipeline import Enrolment, Pipeline
    from facepipe.records import Consent, Frame
    from facepipe.sources import Source


TAKE, ENOUGH = "t", "e"  # keys, offered to who does not get on
OFFER = "t: take it as it is"


@dataclass(frozen=True)
class Plan:
    """How to go about it: the options of the command."""

    shots: int
    threshold: float | None
    anyway: bool
    window: bool | None
    consent: Consent | None


def enroll(name: str, source: str, gallery: Gallery, pipe: Pipeline, plan: Plan) -> list[Enrolment]:
    """Take ``plan.shots`` shots from ``source`` and enrol them under ``name``, all or none.

    Leaves the command when it is cancelled. Raises SourceError, PoorShot (the source ended before), SeveralPeople,
    EnrolledAlready, GalleryError, UsageError.
    """
    from facepipe.enroll.guide import Guide
    from facepipe.sources import open_source

    pipe.threshold(plan.threshold)  # or it would be found missing when the shots are taken
    shown = win.wanted(plan.window)
    guide = Guide(pipe, shots=plan.shots)
    with (
        _cancelling(),
        open_source(source, on_state=lambda state, message: say_state(frames, state, message)) as frames,
        win.Window(f"facepipe: {name}") if shown else nullcontext() as window,
    ):
        told = _guided(guide, frames, window)
    if told is None or not told.done:
        last = "" if told is None else f" (the last hint was: {told.message})"
        raise PoorShot(
            f"{frames.label}: it ended after {guide.taken} of {plan.shots} good shots{last}, so nobody was"
            " enrolled; give it longer, or ask for fewer --shots"
        )
    return guide.enroll(name, gallery, consent=plan.consent, anyway=plan.anyway, threshold=plan.threshold)


def _guided(guide: Guide, frames: Source, window: win.Window | None) -> Guidance | None:
    """Look at the frames, and tell the person what the guide says, until it is done; the last thing it said."""
    hints, told = Hints(), None
    for frame in frames:
        told = guide.see(frame.image, frame.time)
        hints.tell(told)
        if window is not None and not window.show(picture(frame, told, mirror=frames.live)):
            raise KeyboardInterrupt
        if told.done:
            break
        if told.stuck:
            _heed(guide, (window.pressed if window is not None else "") or win.typed())
    return told


def _heed(guide: Guide, key: str) -> None:
    """Do what was offered, if it is that which was typed."""
    key = key.strip().lower()
    if key == TAKE:
        guide.take_as_it_is()
    elif key == ENOUGH and guide.taken:
        guide.enough()


def offer(told: Guidance) -> str:
    """What to press, beside the hint, where somebody does not get on; else nothing."""
    if not told.stuck or told.done:
        return ""
    return f" ({OFFER}, e: {told.taken} will do)" if told.taken else f" ({OFFER})"


@contextmanager
def _cancelling() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        out.complain("cancelled; nobody was enrolled")
        raise SystemExit(out.INTERRUPTED) from None  # rather than typer.Exit, which has its own line for this code


class Hints:
    """The guide's hints as lines on a terminal, one when it changes or a shot was taken. Silent in a pipe."""

    def __init__(self) -> None:
        self._told: tuple[str, int] | None = None  # the line's words and how many shots

    def tell(self, told: Guidance) -> None:
        now = (told.message + offer(told), told.taken)
        if now != self._told and sys.stderr.isatty():
            out.say(f"{told.taken}/{told.wanted}  {now[0]}")
        self._told = now


def say_state(frames: Source, state: str, message: str) -> None:
    """A remark when a live source stalls, is looked for, is back, or is gone."""
    if frames.live:
        out.say(f"{frames.label}: {state}: {message}")


def picture(frame: Frame, told: Guidance, mirror: bool) -> PIL.Image.Image:
    """The frame with the face's box, the hint and the progress below; ``mirror``: as people see themselves."""
    from facepipe.draw import Mark, annotate, caption, mirrored

    image, faces = frame.image, [] if told.detection is None else [told.detection]
    if mirror:
        image, faces = mirrored(image, faces)
    good = told.done or not told.problems
    drawn = annotate(image, [Mark(face, "", good) for face in faces])
    return caption(drawn, told.message + offer(told), told.taken, told.wanted, good)
