"""What the server answers: the JSON of the shell, which the records tell of themselves (``to_dict``), described for the
OpenAPI. Boxes and points are in image px, scores are cosines."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from facepipe.gallery.base import Person
from facepipe.records import Reference

UUID = "5c0e1f7a9b3d42868e6a1d0c7f2b4935"
BOX = [385.84, 94.45, 607.57, 418.31]
LANDMARKS = [[444.27, 214.41], [549.95, 212.52], [496.49, 276.06], [437.01, 320.98], [555.44, 316.87]]
WHEN = "2026-11-23T09:30:00+00:00"
FACE = {"box": BOX, "score": 0.9995, "landmarks": LANDMARKS}
FIRST = {"face": 1} | FACE
PERSON = {"id": 1, "name": "Ada", "references": 2}
FULL_PERSON = PERSON | {"first_enrolled": WHEN, "last_enrolled": WHEN, "picture": 3}
REFERENCE = {
    "id": 3,
    "person": "Ada",
    "source": "ada.jpg",
    "enrolled_at": WHEN,
    "quality": {"size": 221.7, "sharpness": 0.31, "score": 0.9995},
    "consent": {"wording": "Recognition at the door, until I say no", "given_at": WHEN},
}
CANDIDATE = {"person": "Ada", "score": 0.7977, "rank": 1, "reference": 3, "probability": 0.9999}

Point = Annotated[list[float], Field(min_length=2, max_length=2)]
Size = Annotated[list[int], Field(min_length=2, max_length=2, description="Width and height, px.")]
Cosine = Annotated[float, Field(ge=-1, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
When = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


def answer(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": list(examples)})


class FaceBox(BaseModel):
    model_config = answer(FACE)
    box: Annotated[list[float], Field(min_length=4, max_length=4, description="x0, y0, x1, y1, image px.")]
    score: Annotated[float, Field(ge=0, le=1, description="How sure the detector is.")]
    landmarks: Annotated[
        list[Point], Field(min_length=5, max_length=5, description="Eye, eye, nose, mouth corner, mouth corner.")
    ]


class FoundFace(FaceBox):
    model_config = answer(FIRST)
    face: Annotated[int, Field(ge=1, description="Its number, as pick counts them: 1 is the largest.")]


class ComparedFace(FaceBox):
    source: Annotated[str | None, Field(description="The name of the file that was sent.")]


class Candidate(BaseModel):
    model_config = answer(CANDIDATE)
    person: str
    score: Annotated[Cosine, Field(description="The face against all references of the person as one.")]
    rank: Annotated[int, Field(ge=1)]
    reference: Annotated[int, Field(description="Their reference that is most alike.")]
    probability: Annotated[
        Share | None,
        Field(
            description="That it is this person, if half of the faces asked about belong to nobody enrolled and the"
            " rest to everybody as often. null where it was not measured; see the gallery's calibration."
        ),
    ]


class KnownFace(FoundFace):
    name: Annotated[str | None, Field(description="null: nobody who is enrolled.")]
    threshold: Annotated[Cosine, Field(description="From this score on it has its best candidate's name.")]
    candidates: list[Candidate]


class Detected(BaseModel):
    model_config = answer({"source": "party.jpg", "size": [910, 1137], "faces": [FIRST]})
    source: Annotated[str | None, Field(description="The name of the file that was sent.")]
    size: Size
    faces: Annotated[list[FoundFace], Field(description="The largest first.")]


class Identified(BaseModel):
    model_config = answer(
        {
            "source": "party.jpg",
            "size": [910, 1137],
            "threshold": 0.3346,
            "faces": [FIRST | {"name": "Ada", "threshold": 0.3346, "candidates": [CANDIDATE]}],
        },
    )
    source: Annotated[str | None, Field(description="The name of the file that was sent.")]
    size: Size
    threshold: Annotated[Cosine, Field(description="From this score on a face has its best candidate's name.")]
    faces: Annotated[list[KnownFace], Field(description="The largest first.")]


class Verified(BaseModel):
    model_config = answer(
        {
            "a": FACE | {"source": "a.jpg"},
            "b": FACE | {"source": "b.jpg"},
            "score": 0.7977,
            "threshold": 0.3346,
            "match": True,
            "probability": 0.9999,
        }
    )
    score: Cosine
    threshold: Cosine
    match: bool
    probability: Annotated[
        Share | None,
        Field(
            description="That both are one person, if before looking it was as likely as not. null where it was not"
            " measured."
        ),
    ]
    a: ComparedFace
    b: ComparedFace


class PersonBrief(BaseModel):
    model_config = answer(PERSON)
    id: int
    name: str
    references: Annotated[int, Field(description="How many.")]


class PersonInfo(PersonBrief):
    model_config = answer(FULL_PERSON)
    first_enrolled: When
    last_enrolled: When
    picture: Annotated[int | None, Field(description="A reference whose picture may stand for the person.")]


class People(BaseModel):
    model_config = answer({"total": 1, "people": [FULL_PERSON]})
    total: Annotated[int, Field(description="How many there are, on all pages.")]
    people: Annotated[list[PersonInfo], Field(description="In the order of their enrolment.")]


class Quality(BaseModel):
    size: Annotated[float, Field(description="The face's shorter side, px.")]
    sharpness: Annotated[
        float | None,
        Field(description="Below 0.1 it is blurred. null where an older facepipe enrolled it, which measured another."),
    ]
    score: Annotated[Share, Field(description="How sure the detector was.")]


class ConsentInfo(BaseModel):
    wording: str
    given_at: When


class ReferenceInfo(BaseModel):
    model_config = answer(REFERENCE)
    id: int
    person: str
    source: str
    enrolled_at: When
    quality: Quality | None
    consent: ConsentInfo | None


class References(BaseModel):
    model_config = answer({"references": [REFERENCE]})
    references: Annotated[list[ReferenceInfo], Field(description="In the order of their enrolment.")]


class Problem(BaseModel):
    code: str
    message: str


class ErrorDetail(BaseModel):
    image: Annotated[int, Field(description="Which of the images, from 0.")]
    source: str
    code: str
    message: str
    problems: list[Problem]


class ErrorInfo(BaseModel):
    model_config = ConfigDict(extra="allow")
    code: Annotated[str, Field(description="The same in the shell, in Python and here.")]
    message: Annotated[str, Field(description="One line: what is wrong, what was expected, what to do.")]
    retry_after: Annotated[int | None, Field(description="Seconds after which it may go better.")] = None
    problems: Annotated[list[str] | None, Field(description="Of a poor shot: what is wrong, as codes.")] = None
    person: Annotated[str | None, Field(description="Of somebody enrolled already: under which name.")] = None
    details: Annotated[
        list[ErrorDetail] | None, Field(description="Of an enrolment: what is wrong with each image.")
    ] = None


class ErrorBody(BaseModel):
    model_config = answer({"error": {"code": "no-face", "message": "ada.jpg: no face found; use a photo with a face"}})
    error: ErrorInfo


def person_info(person: Person) -> PersonInfo:
    return PersonInfo(**person.to_dict())


def reference_info(reference: Reference) -> ReferenceInfo:
    return ReferenceInfo(**reference.to_dict())
