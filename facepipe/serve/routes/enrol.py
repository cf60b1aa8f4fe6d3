"""enroll: store faces under a name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, model_validator

from facepipe import errors as e
from facepipe.enroll import gate
from facepipe.enroll.enrolment import Enrolment, Taken, agreed, new_reference, pick_face, store
from facepipe.errors import FaceError, FacepipeError, ImageError, UsageError
from facepipe.gallery.names import clean_name
from facepipe.records import Consent, Detection, Face, Image
from facepipe.serve import schemas
from facepipe.serve.bodies import body, documented
from facepipe.serve.context import Context, Server, attended
from facepipe.serve.example import FACE
from facepipe.serve.guard import needs
from facepipe.serve.routes.asks import Name, Points, WithPlace, Wording, face_at
from facepipe.serve.routes.docs import ONE_FACE, PICTURE, WRITING, errors, with_links
from facepipe.serve.routes.faces import decoder, gathered
from facepipe.serve.uploads import Upload

MOST_IMAGES = 20
TOGETHER = 4  # images of one request in the queue at once: others have their turn in between

router = APIRouter(tags=["people"], dependencies=[Depends(needs("enrol"))])


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

    async def work() -> EnrolledAnswer:
        taken: list[Taken] = []
        for start in range(0, len(ask.images), TOGETHER):
            group = range(start, min(start + TOGETHER, len(ask.images)))
            taken += await gathered(*(_take(server, ask, name, place, consent) for place in group))
        usable = [one for one in taken if one.error is None]
        if len(usable) < len(taken) and not (ask.partial and usable):
            raise _refusal(taken)
        return await server.engine.short(partial(_store, server, name, taken, ask.anyway))

    return await attended(request, server.engine, work)


async def _take(server: Context, ask: EnrollAsk, name: str, place: int, consent: Consent | None) -> Taken:
    picture = ask.images[place]

    def then(image: Image, faces: list[Face]) -> Taken:
        number = ask.number_in(place, image, [face.detection for face in faces])
        if number is not None:
            pick_face(image, faces, number)  # one that is not there is told in any case
        if name in server.gallery.holders(image.sha256):  # as it was accepted once, it is not judged again
            return Taken(image.source, image.sha256)
        return Taken(image.source, image.sha256, new_reference(image, faces, number, consent, ask.gate))

    try:
        return await server.engine.faces(decoder(server, picture), then)
    except (FaceError, ImageError, UsageError) as error:
        return Taken(picture.source, error=error)


def _store(server: Context, name: str, taken: Sequence[Taken], anyway: bool) -> EnrolledAnswer:
    """All new references in one transaction."""
    gallery = server.gallery
    usable = [one for one in taken if one.error is None]
    try:
        done = iter(store(gallery, name, usable, None if anyway else server.pipe.rule(gallery)))
    except (e.SeveralPeople, e.EnrolledAlready) as error:
        new = [(number, one) for number, one in enumerate(taken) if one.new is not None]
        concerned = [new[about["image"]] for about in error.details or ()]
        raise error.again(details=[_detail(number, one, error) for number, one in concerned]) from None
    references = [_row(one, None if one.error is not None else next(done)) for one in taken]
    return EnrolledAnswer(person=schemas.PersonBrief(**gallery.person(name).to_dict()), references=references)


def _row(taken: Taken, done: Enrolment | None) -> Enrolled:
    if done is None:
        assert taken.error is not None
        return Enrolled(id=None, before=None, source=taken.source, problems=problems_of(taken.error))
    id = None if done.reference is None else done.reference.id
    return Enrolled(id=id, before=done.before, source=taken.source, problems=[])


def _refusal(taken: Sequence[Taken]) -> FacepipeError:
    """The first image's error, with what is wrong with each in its details."""
    wrong = [(number, one, one.error) for number, one in enumerate(taken) if one.error is not None]
    first = wrong[0][2]
    return first.again(details=[_detail(number, one, error) for number, one, error in wrong])


def _detail(number: int, taken: Taken, error: FacepipeError) -> dict[str, Any]:
    return schemas.ErrorDetail(
        image=number, source=taken.source, code=error.code, message=str(error), problems=problems_of(error)
    ).model_dump()


def problems_of(error: FacepipeError) -> list[schemas.Problem]:
    """What is wrong with an image: of a poor shot every reason, else the error itself."""
    if isinstance(error, e.PoorShot):
        return [schemas.Problem(code=code, message=gate.Problem(code).message) for code in error.problems]
    return [schemas.Problem(code=error.code, message=str(error))]
