"""enroll: store faces under a name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, model_validator

from facepipe import errors as e
from facepipe.batches import Failed
from facepipe.enroll.enrolment import Enroller, Enrolment, Policy, Taken, agreed, pick_face
from facepipe.enroll.gate import problems_of
from facepipe.errors import FaceError, ImageError, UsageError
from facepipe.gallery.names import clean_name
from facepipe.records import Detection, Face, Image
from facepipe.serve import schemas
from facepipe.serve.bodies import body, documented
from facepipe.serve.context import Context, Server, attended
from facepipe.serve.example import FACE
from facepipe.serve.needs import needs
from facepipe.serve.routes.asks import Name, Points, WithPlace, Wording, face_at
from facepipe.serve.routes.docs import ONE_FACE, PICTURE, WRITING, errors, with_links
from facepipe.serve.routes.faces import decoder, gathered
from facepipe.serve.uploads import Upload

MOST_IMAGES = 20
TOGETHER = 4  # images of one request in the queue at once: others have their turn in between

router = APIRouter(tags=["people"], dependencies=[Depends(needs("enroll"))])


class EnrollAsk(WithPlace):
    name: Name
    images: Annotated[list[Upload], Field(min_length=1, max_length=MOST_IMAGES)]
    at: Points | None = None
    gate: Annotated[bool, Field(description="Take only good shots: size, light, sharpness, pose.")] = True
    consent: Wording | None = None
    anyway: Annotated[
        bool, Field(description="Enrol although the images show several people, or somebody known under another name.")
    ] = False
    partial: Annotated[
        bool, Field(description="Enrol the images that can be used, and say what is wrong with the others.")
    ] = False

    @model_validator(mode="after")
    def _a_place_each(self) -> EnrollAsk:
        if self.at is not None and len(self.at.split(";")) not in (1, len(self.images)):
            raise ValueError("expected one point for all images, or one for each")
        return self

    def number_in(self, place: int, image: Image, faces: Sequence[Detection]) -> int | None:
        """As ``number``, in the ``place``-th of the images."""
        if self.at is None:
            return self.pick
        points = self.at.split(";")
        return face_at(points[place] if len(points) > 1 else points[0], image, faces)


class Enrolled(BaseModel):
    id: Annotated[int | None, Field(description="The new reference; null where there is none.")]
    before: Annotated[int | None, Field(description="The reference that this image has been before.")]
    source: str
    problems: Annotated[list[schemas.Problem], Field(description="Why it was not enrolled.")]


class EnrolledAnswer(BaseModel):
    model_config = schemas.answer(
        {"person": schemas.PERSON, "references": [{"id": 3, "before": None, "source": "ada.jpg", "problems": []}]}
    )
    person: schemas.PersonBrief
    references: Annotated[list[Enrolled], Field(description="One for each image, in their order.")]


@router.post(
    "/enroll",
    summary="Enrol a person",
    openapi_extra=documented(EnrollAsk, {"name": "Ada", "images": [FACE]}),
    responses=with_links(
        errors(*PICTURE, *ONE_FACE, *WRITING, e.PoorShot, e.SeveralPeople, e.EnrolledAlready, e.NameInvalid),
        person="person/id",
        reference="references/0/id",
    ),
)
async def enroll(request: Request, server: Server, ask: Annotated[EnrollAsk, body(EnrollAsk)]) -> EnrolledAnswer:
    """Store a face of each image under a name: all of them or, when one cannot be used, none; ``details`` of the error
    then say what is wrong with which. Each image must show one face, or ``pick`` or ``at`` says which.

    All must be of one person, with what is enrolled under the name, whom no other name has; else none is stored, with
    ``partial`` neither, as nothing says which of them are right. ``anyway`` stores them all the same."""
    name, consent = clean_name(ask.name), agreed(ask.consent)

    policy = Policy(gate=ask.gate, consent=consent, anyway=ask.anyway, partial=ask.partial)
    enroller = Enroller(server.gallery, server.pipe.backbone.card, policy)

    def store(taken: list[Taken]) -> EnrolledAnswer:
        done = enroller.store(name, taken)
        person = schemas.PersonBrief(**server.gallery.person(name).to_dict())
        return EnrolledAnswer(person=person, references=[_row(one) for one in done])

    async def work() -> EnrolledAnswer:
        taken: list[Taken] = []
        for start in range(0, len(ask.images), TOGETHER):
            group = range(start, min(start + TOGETHER, len(ask.images)))
            taken += await gathered(*(_take(server, enroller, ask, name, place) for place in group))
        return await server.engine.short(partial(store, taken))

    return await attended(request, server.engine, work)


async def _take(server: Context, enroller: Enroller, ask: EnrollAsk, name: str, place: int) -> Taken:
    picture = ask.images[place]

    def then(image: Image, faces: list[Face]) -> Taken:
        number = ask.number_in(place, image, [face.detection for face in faces])
        chosen = faces if number is None else [pick_face(image, faces, number)]  # also of an image that is held
        return enroller.take(name, image, lambda _: chosen)

    try:
        return await server.engine.faces(decoder(server, picture), then)
    except (FaceError, ImageError, UsageError) as error:
        return Failed(picture.source, error)


def _row(done: Enrolment | Failed) -> Enrolled:
    if isinstance(done, Failed):
        problems = [schemas.Problem(**problem) for problem in problems_of(done.error)]
        return Enrolled(id=None, before=None, source=done.source, problems=problems)
    id = None if done.reference is None else done.reference.id
    return Enrolled(id=id, before=done.before, source=done.source, problems=[])
