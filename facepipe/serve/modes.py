"""What a live connection does with its frames: recognise who is in them, or take the shots of an enrolment."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from facepipe.enroll.enrolment import agreed
from facepipe.enroll.guide import MOST, Guide, oval
from facepipe.records import MOST_WORDING, Frame
from facepipe.records.arrays import cosine
from facepipe.serve import schemas
from facepipe.serve.context import Context
from facepipe.serve.keys import as_spelt
from facepipe.watch import Watcher

TOP = 3  # candidates told of each face
SHOTS = 5


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ToMode(Message):
    type: Literal["mode"]
    mode: Annotated[Literal["recognise", "enroll"], BeforeValidator(as_spelt)]
    shots: Annotated[int, Field(ge=1, le=MOST)] = SHOTS


class ToEnroll(Message):
    type: Literal["enroll", "enrol"]  # the latter is how it was spelt before
    name: Annotated[str, Field(max_length=1000)]
    consent: Annotated[str | None, Field(min_length=1, max_length=MOST_WORDING)] = None
    anyway: bool = False


class ToGuide(Message):
    """take: the next good picture becomes a shot as it is; enough: the shots taken will do."""

    type: Literal["take", "enough"]


Told = Annotated[ToMode | ToEnroll | ToGuide, Field(discriminator="type")]
MESSAGE: TypeAdapter[ToMode | ToEnroll | ToGuide] = TypeAdapter(Told)


class Mode(Protocol):
    name: str
    threshold: float

    def see(self, frame: Frame) -> dict[str, Any]:
        """What to tell of the next frame. Raises FacepipeError."""


class RecogniseMode:
    """A calibration that is made meanwhile counts as soon as the watcher asks the gallery again: each face has the
    threshold in force."""

    name = "recognise"

    def __init__(self, server: Context) -> None:
        self._server = server
        self._begin()

    def _begin(self) -> None:
        self._pipe, gallery = self._server.pipe, self._server.gallery
        self.threshold = cosine(self._pipe.threshold(gallery=gallery))
        self._watcher = Watcher(self._pipe, gallery, top=TOP)

    def see(self, frame: Frame) -> dict[str, Any]:
        if self._pipe is not self._server.pipe:  # the gallery has another network
            self._begin()
        faces = self._watcher.see(frame)
        self._watcher.take_events()  # the page goes by what it sees; kept, they would grow without end
        return {"faces": [face.to_dict() for face in faces]}


class EnrollMode:
    name = "enroll"

    def __init__(self, server: Context, shots: int) -> None:
        self.threshold = cosine(server.pipe.threshold())
        self._server = server
        self._guide = Guide(server.pipe, shots=shots, in_oval=True)

    def see(self, frame: Frame) -> dict[str, Any]:
        found = self._guide.see(frame.image, frame.time)
        guidance = {
            "problems": [problem.value for problem in found.problems],
            "hint": found.hint,
            "message": found.message,
            "taken": found.taken,
            "wanted": found.wanted,
            "took": found.took,
            "done": found.done,
            "stuck": found.stuck,
            "oval": [round(value, 2) for value in oval(frame.image.width, frame.image.height)],
        }
        return {"faces": [] if found.detection is None else [found.detection.to_dict()], "guidance": guidance}

    def guide(self, asked: ToGuide) -> None:
        """Heed what the person in front of the camera wants. Raises UsageError."""
        if asked.type == "take":
            self._guide.take_as_it_is()
        else:
            self._guide.enough()

    def enroll(self, asked: ToEnroll) -> dict[str, Any]:
        """Store the shots. Raises UsageError, SeveralPeople, EnrolledAlready, GalleryError."""
        gallery, consent = self._server.gallery, agreed(asked.consent)
        done = self._guide.enroll(asked.name, gallery, consent=consent, anyway=asked.anyway)
        person = gallery.person(done[0].person)
        references = [
            {"id": one.reference and one.reference.id, "before": one.before, "source": one.source} for one in done
        ]
        return {
            "type": "enrolled",
            "person": schemas.PersonBrief(**person.to_dict()).model_dump(),
            "references": references,
        }
