"""Another network for the gallery, made of the pictures that are kept of the faces; the server goes on with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from facepipe import errors as e
from facepipe.serve.bodies import Ask, body, documented
from facepipe.serve.context import Server, while_there
from facepipe.serve.needs import needs
from facepipe.serve.routes.docs import BODY, WRITING, errors
from facepipe.serve.schemas import Share, answer
from facepipe.upgrade import Upgrade, commit, go_back

COMPARISON = {
    "before": "dlib_resnet@fbb0be73543fdc79",
    "after": "sface@1d0c8b3f6a2e9475",
    "people": 120,
    "references": 310,
    "made": 309,
    "unmade": [{"person": "Ada", "references": [7]}],
    "pairs": 402,
    "judged_by": "gallery",
    "errors": [{"fmr": "1e-2", "before": 0.0622, "after": 0.0124}, {"fmr": "1e-3", "before": 0.1517, "after": 0.0199}],
    "fmr": "1e-3",
    "gains": [{"person": "Bob", "before": 4, "after": 0}],
    "loses": [],
    "changed": None,
}

NETWORK = (e.ModelNotFound, e.WeightsMissing, e.WeightsAltered, e.CardInvalid, e.DependencyMissing)
router = APIRouter(tags=["people"], dependencies=[Depends(needs("admin"))])

LeaveOut = Annotated[bool, Field(description="Go on without the references that cannot be made anew.")]


class UpgradeAsk(Ask):
    backbone: Annotated[
        str, Field(min_length=1, max_length=200, description="The network's name, from the list of models.")
    ]
    apply: Annotated[bool, Field(description="Change the gallery, and do not only say what that changes.")] = False
    leave_out: LeaveOut = False


class BackAsk(Ask):
    leave_out: LeaveOut = False


class Unmade(BaseModel):
    person: str
    references: Annotated[list[int], Field(description="Their numbers.")]


class Errors(BaseModel):
    fmr: Annotated[str, Field(description="At this false match rate, with both networks:")]
    before: Annotated[Share, Field(description="The share of pairs of one person that is missed, now.")]
    after: Annotated[Share, Field(description="With the other network.")]


class PersonErrors(BaseModel):
    person: str
    before: Annotated[int, Field(description="How many comparisons go wrong, now.")]
    after: Annotated[int, Field(description="With the other network.")]


class Compared(BaseModel):
    model_config = answer(COMPARISON)
    before: Annotated[str, Field(description="The network whose templates the gallery holds.")]
    after: str
    people: int
    references: int
    made: Annotated[int, Field(description="So many of the references can be made anew.")]
    unmade: Annotated[list[Unmade], Field(description="These cannot: no picture that is kept of them shows a face.")]
    pairs: Annotated[int, Field(description="Pairs of references of one person.")]
    judged_by: Annotated[
        Literal["gallery", "cards"] | None,
        Field(description="Where the thresholds are from: measured here, or the networks' cards; null: nothing says."),
    ]
    errors: list[Errors]
    fmr: Annotated[str | None, Field(description="The rate that gains and loses are at.")]
    gains: Annotated[list[PersonErrors], Field(description="Who has fewer errors.")]
    loses: Annotated[list[PersonErrors], Field(description="Who has more.")]
    changed: Annotated[int | None, Field(description="How many references were changed; null: none, as not asked.")]


class Kept(BaseModel):
    model_config = answer({"deleted": 0})
    deleted: Annotated[int, Field(description="References that could not be made anew.")]


class TakenBack(BaseModel):
    model_config = answer({"references": 310, "made": 2})
    references: Annotated[int, Field(description="So many have the vectors of before.")]
    made: Annotated[int, Field(description="So many were enrolled since, and were made anew.")]


@router.post(
    "/gallery/upgrade",
    summary="Change the network",
    openapi_extra=documented(UpgradeAsk, {"backbone": "dlib_resnet"}),
    responses=errors(*BODY, *WRITING, *NETWORK, e.ChangeRefused),
)
async def upgrade(request: Request, server: Server, ask: Annotated[UpgradeAsk, body(UpgradeAsk)]) -> Compared:
    """What another network would change for the people who are enrolled; with ``apply`` it is changed, and the server
    goes on with it. What was before is kept until it is settled. It takes some seconds, in a large gallery minutes."""

    def work() -> Compared:
        change = Upgrade(server.gallery, server.pipeline(ask.backbone))
        if ask.apply:
            server.gallery.expect_settled()
        found = change.compare()
        changed = change.apply(leave_out=ask.leave_out) if ask.apply else None
        if changed is not None:
            server.use(change.pipe)
        return Compared(**asdict(found), changed=changed)

    return await while_there(request, lambda: server.engine.long(work))


@router.post(
    "/gallery/upgrade/commit",
    summary="Keep the change of network",
    responses=errors(*WRITING, e.ChangeRefused),
)
async def keep(server: Server) -> Kept:
    """Delete what was before the change, and the references that could not be made anew. It cannot be undone."""
    return Kept(deleted=await server.engine.long(lambda: commit(server.gallery)))


@router.post(
    "/gallery/upgrade/back",
    summary="Take the change of network back",
    openapi_extra=documented(BackAsk, {"leave_out": False}),
    responses=errors(*BODY, *WRITING, *NETWORK, e.ChangeRefused),
)
async def take_back(request: Request, server: Server, ask: Annotated[BackAsk, body(BackAsk)]) -> TakenBack:
    """Return to the vectors of before, with their calibration; what was enrolled since is made anew."""

    def work() -> TakenBack:
        before = server.gallery.former
        pipe = None if before is None else server.pipeline(before)
        if pipe is not None and pipe.backbone.id != before:
            raise e.GalleryMismatch(
                f"the network of before, {before}, is not the one here ({pipe.backbone.id}); return in the shell"
            )
        count, made = go_back(server.gallery, pipe, leave_out=ask.leave_out)
        if pipe is not None:
            server.use(pipe)
        return TakenBack(references=count, made=made)

    return await while_there(request, lambda: server.engine.long(work))
