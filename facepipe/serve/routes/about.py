"""What this server is: its health, its networks, its gallery; and logging in to it."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from facepipe import __version__
from facepipe.errors import UsageError
from facepipe.networks.cards import all_cards
from facepipe.networks.weights import is_here
from facepipe.scoring.calibration import Calibration
from facepipe.serve.context import Context, Server
from facepipe.serve.needs import needs
from facepipe.serve.routes.docs import GALLERY, errors
from facepipe.serve.schemas import UUID, answer

router = APIRouter(tags=["server"])
read = [Depends(needs("read"))]


NETWORK = {
    "name": "sface",
    "role": "backbone",
    "here": True,
    "used": True,
    "licence": "Apache-2.0",
    "source": "Zhong et al. 2021, arXiv:2205.12010; training data not documented",
    "summary": "SFace (27 convolutions, 10.6 M weights)",
    "thresholds": {"1e-2": 0.2635, "1e-3": 0.3346, "1e-4": 0.3942},
    "probabilities": True,
    "measured_on": "1,111,996 pairs of different people among 1,493 grey LFW crops, detector yunet",
    "min_score": None,
}
FINDER = NETWORK | {
    "name": "yunet",
    "role": "detector",
    "licence": "MIT",
    "source": "Wu et al. 2023, doi:10.1007/s11633-023-1423-y; trained on WIDER FACE",
    "summary": "YuNet proposes faces, MTCNN's O-Net looks at each",
    "thresholds": {},
    "probabilities": False,
    "measured_on": "",
    "min_score": 0.75,
}
CALIBRATION = {
    "made_at": "2026-11-23T09:30:00+00:00",
    "measured_on": "photos: 1204 faces of 310 people",
    "corrected": True,
    "people": 120,
    "fmr": {"1e-2": 0.2417, "1e-3": 0.3188, "1e-4": 0.3807},
    "fpir": {"1e-1": 0.3003, "1e-2": 0.3641},
}
THRESHOLD = {
    "threshold": 0.3346,
    "kind": "fmr",
    "rate": 0.001,
    "source": "card",
    "people": 1,
    "alike": 0,
    "chance": {"value": 0.001, "low": 0.00085, "high": 0.0012, "by": "card"},
    "reason": "1 in 1,000 strangers would pass for one given person",
}
FACTS = {
    "uuid": UUID,
    "people": 1,
    "references": 2,
    "backbone": "sface@f4854d57bca03edf",
    "dimension": 128,
    "changed_from": None,
    "left_out": 0,
    "thumbnails": 2,
    "record_bytes": 69632,
    "index_bytes": 1189,
    "index": "valid",
    "calibration": CALIBRATION,
    "threshold": THRESHOLD,
}


class Health(BaseModel):
    model_config = answer({"ok": True, "version": __version__})
    ok: bool
    version: str


class Model(BaseModel):
    name: str
    role: str
    here: Annotated[bool, Field(description="Whether its weights are on this machine.")]
    used: Annotated[bool, Field(description="Whether this server uses it.")]
    licence: str
    source: Annotated[str, Field(description="Who trained it, and on what.")]
    summary: str
    thresholds: Annotated[
        dict[str, float], Field(description="Cosines by false match rate, where the gallery is not calibrated.")
    ]
    probabilities: Annotated[
        bool, Field(description="Whether it says how likely a match is, where the gallery is not calibrated.")
    ]
    measured_on: Annotated[str, Field(description="What both were measured on.")]
    min_score: Annotated[
        float | None,
        Field(description="Of a detector, the least score that it reports where nothing else is said; else null."),
    ]


class Models(BaseModel):
    model_config = answer({"models": [NETWORK, FINDER]})
    models: list[Model]


class CalibrationFacts(BaseModel):
    model_config = answer(CALIBRATION)
    made_at: datetime
    measured_on: str
    corrected: Annotated[bool, Field(description="Whether scores are corrected for how near strangers come.")]
    people: Annotated[int, Field(description="How many were enrolled then; fpir holds for so many.")]
    fmr: Annotated[dict[str, float], Field(description="Thresholds by false match rate.")]
    fpir: Annotated[
        dict[str, float], Field(description="Thresholds by the share of strangers who are taken for somebody.")
    ]


class ChanceFacts(BaseModel):
    value: Annotated[float, Field(description="The share of strangers who get a name.")]
    low: Annotated[float | None, Field(description="It is not less (95 %); null: not known.")]
    high: Annotated[float | None, Field(description="It is not more (95 %).")]
    by: Annotated[str, Field(description="What says so, as source.")]


class ThresholdFacts(BaseModel):
    model_config = answer(THRESHOLD)
    threshold: float
    kind: Annotated[str, Field(description="fpir: of a stranger among all; fmr: of a stranger with one person.")]
    rate: Annotated[float | None, Field(description="The share of strangers it is for.")]
    source: Annotated[
        str,
        Field(
            description="calibration: measured on one's own photos; gallery: its people are strangers to each other;"
            " card: measured on others."
        ),
    ]
    people: Annotated[int | None, Field(description="How many are enrolled.")]
    alike: Annotated[int, Field(description="Pairs of people who look like one under two names; they were left out.")]
    chance: ChanceFacts | None
    reason: Annotated[str, Field(description="All of it in one line.")]


class GalleryFacts(BaseModel):
    model_config = answer(FACTS)
    uuid: Annotated[
        str | None,
        Field(
            description="Which gallery this is, for the header Facepipe-Gallery. In another one the numbers of people"
            " and references mean others. null: nobody was ever enrolled."
        ),
    ]
    people: int
    references: int
    backbone: Annotated[str | None, Field(description="The network whose templates it holds.")]
    dimension: int | None
    changed_from: Annotated[
        str | None, Field(description="The network of before, while a change is neither kept nor taken back.")
    ]
    left_out: Annotated[int, Field(description="References that could not be made anew then, and are not matched.")]
    thumbnails: int
    record_bytes: int
    index_bytes: int
    index: Annotated[str, Field(description="valid, or missing, stale or damaged: the next search puts it right.")]
    calibration: Annotated[
        CalibrationFacts | None,
        Field(
            description="What was measured on one's own people (`facepipe calibrate`); null: the network's card counts."
        ),
    ]
    threshold: Annotated[
        ThresholdFacts | None,
        Field(
            description="From which score on a face has a name where nothing else is asked for; null: nothing says it."
        ),
    ]


@router.get("/health", summary="Is it up?", responses=errors())
async def health() -> Health:
    """Needs no key. Says nothing of what the server holds."""
    return Health(ok=True, version=__version__)


@router.get("/models", summary="List networks", dependencies=read, responses=errors())
async def models(server: Server) -> Models:
    """The networks facepipe knows."""
    used = {server.pipe.detector.card.name, server.pipe.backbone.card.name}

    def work() -> Models:
        return Models(
            models=[
                Model(
                    name=card.name,
                    role=card.role,
                    here=is_here(card),
                    used=card.name in used,
                    licence=card.licence,
                    source=card.source,
                    summary=card.summary,
                    thresholds=dict(card.thresholds),
                    probabilities=card.evidence is not None,
                    measured_on=card.measured_on,
                    min_score=card.min_score if card.role == "detector" else None,
                )
                for card in all_cards()
            ]
        )

    return await server.engine.short(work)


@router.get("/gallery", summary="The gallery", dependencies=read, responses=errors(*GALLERY))
async def gallery(server: Server) -> GalleryFacts:
    """How many are enrolled, with which network, the state of the search index, and the calibration."""

    def work() -> GalleryFacts:
        found = server.gallery.info()
        told = ("calibration", "threshold")
        counts = {name: getattr(found, name) for name in GalleryFacts.model_fields if name not in told}
        return GalleryFacts(
            **counts, calibration=_calibration(server.gallery.calibration), threshold=_threshold(server)
        )

    return await server.engine.short(work)


def _threshold(server: Context) -> ThresholdFacts | None:
    limits = server.pipe.limits(server.gallery)
    with suppress(UsageError):
        return ThresholdFacts.model_validate(limits.explained(limits.find()).as_dict())
    return None


def _calibration(made: Calibration | None) -> CalibrationFacts | None:
    if made is None:
        return None
    place, colon, counts = made.measured_on.rpartition(": ")
    return CalibrationFacts(
        made_at=made.made_at,
        measured_on=re.split(r"[\\/]", place)[-1]
        + colon
        + counts,  # where things lie on the server is nobody's business
        corrected=made.corrected,
        people=made.people,
        fmr=dict(made.fmr),
        fpir=dict(made.fpir),
    )
