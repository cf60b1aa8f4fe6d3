"""What the bodies of several operations have in common: which face is meant, from which score on it is a match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from facepipe.errors import NoFace
from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.records import MOST_WORDING, Detection, Image
from facepipe.serve.bodies import WHOLE, Ask

MatchRate = Literal["1e-2", "1e-3", "1e-4", "1e-5", "1e-6"]
StrangerRate = Literal["1e-1", "1e-2", "1e-3"]


class WithThreshold(Ask):
    threshold: Annotated[
        FiniteFloat | None, Field(ge=-1, le=1, description="A cosine; the face is a match from it on. Overrides fmr.")
    ] = None
    fmr: Annotated[
        MatchRate | None,
        Field(
            description="False match rate: the share of strangers who reach the threshold with one person. 1e-6 is an"
            " extrapolation. Null: the usual threshold."
        ),
    ] = None


class WithStrangerRate(WithThreshold):
    fpir: Annotated[
        StrangerRate | None,
        Field(
            description="Share of strangers who reach the threshold with anybody in this gallery, as its calibration,"
            " its own people or its network's card says. Overrides fmr. Null, with fmr: the usual threshold."
        ),
    ] = None

    def limit(self, pipe: Pipeline, gallery: Gallery) -> float:
        """Raises UsageError for a rate that nothing says."""
        return pipe.threshold(self.threshold, self.fmr, fpir=self.fpir, gallery=gallery)


Pick = Annotated[int, Field(ge=1, le=1000, description="Which face, where there are several: 1 is the largest."), WHOLE]
_POINT = r"-?[0-9]{1,6}(\.[0-9]{1,3})?,-?[0-9]{1,6}(\.[0-9]{1,3})?"
Point = Annotated[
    str,
    Field(
        pattern=f"^{_POINT}$",
        description="Which face: the one whose box holds this point x,y, image px.",
    ),
]
Points = Annotated[
    str,
    Field(
        pattern=f"^{_POINT}(;{_POINT})*$",
        description="Which face: the one whose box holds this point x,y, image px; x,y;x,y gives each image its own.",
    ),
]


class WithPick(Ask):
    pick: Pick | None = None


class WithPlace(WithPick):
    model_config = ConfigDict(json_schema_extra={"not": {"required": ["pick", "at"]}})
    at: Point | None = None

    @model_validator(mode="after")
    def _one_way(self) -> WithPlace:
        if self.pick is not None and self.at is not None:
            raise ValueError("expected pick or at, not both")
        return self

    def number(self, image: Image, faces: Sequence[Detection]) -> int | None:
        """Which of ``faces`` is meant, from 1; None: the only one. Raises NoFace where there is none at the point."""
        return self.pick if self.at is None else face_at(self.at, image, faces)


def face_at(point: str, image: Image, faces: Sequence[Detection]) -> int:
    """Which of ``faces``, from 1, has ``point`` (as ``Point`` has it) in its box. Raises NoFace."""
    x, y = map(float, point.split(","))
    for number, face in enumerate(faces, 1):
        x0, y0, x1, y1 = face.box
        if x0 <= x <= x1 and y0 <= y <= y1:
            return number
    raise NoFace(f"{image.source}: no face at {point}; {len(faces)} found")


_SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_FORBIDDEN = r"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
Name = Annotated[  # the pattern is clean_name's rules, for those who go by the OpenAPI
    str,
    Field(
        min_length=1,
        max_length=200,
        description="Any text without control characters; not only spaces.",
        json_schema_extra={"pattern": f"^[^{_FORBIDDEN}]*[^{_FORBIDDEN}{_SPACES}][^{_FORBIDDEN}]*$"},
    ),
]
Wording = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MOST_WORDING,
        description="The wording that the person agreed to, now.",
        json_schema_extra={"pattern": rf"^[\s\S]*[^\u0009-\u000d\u001c-\u001f\u0085\u2028\u2029{_SPACES}][\s\S]*$"},
    ),
]
