"""Who is enrolled, and putting it right. People and references go by number: a name may change, and is never a path."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from facepipe import errors as e
from facepipe.serve import schemas
from facepipe.serve.answers import tag_of, tagged
from facepipe.serve.bodies import WHOLE, Ask, body, documented
from facepipe.serve.context import Server
from facepipe.serve.needs import needs
from facepipe.serve.routes.asks import Name
from facepipe.serve.routes.docs import BODY, GALLERY, MEANT_IN_QUERY, WRITING, Responses, errors, with_links

MOST_PEOPLE = 200  # on one page
MOST_MERGED = 100
LARGEST = 2**53 - 1  # id: the largest whole number that JavaScript and every JSON parser keep apart

PNG = b"\x89PNG"
Id = Annotated[int, Path(ge=1, le=LARGEST, description="Its number, from the list.", examples=[1])]
NO_CONTENT: Responses = {204: {"description": "Done."}}

read = APIRouter(dependencies=[Depends(needs("read"))])
change = APIRouter(dependencies=[Depends(needs("admin"))])
router = APIRouter(tags=["people"])


class RenameAsk(Ask):
    name: Name


class MergeAsk(Ask):
    sources: Annotated[
        list[Annotated[int, Field(ge=1, le=LARGEST), WHOLE]],
        Field(min_length=1, max_length=MOST_MERGED, description="The people who are this person too."),
    ]


@read.get("/people", summary="List people", responses=errors(*GALLERY))
async def list_people(
    server: Server,
    search: Annotated[str, Query(max_length=200, description="Part of a name, in upper or lower case.")] = "",
    offset: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_PEOPLE)] = 50,
) -> schemas.People:
    """Everybody, or those whose names hold ``search``, page by page, in the order of their enrolment."""

    def work() -> schemas.People:
        everybody = server.gallery.people()
        wanted = search.strip().casefold()
        found = [person for person in everybody if wanted in person.name.casefold()] if wanted else everybody
        page = [schemas.person_info(person) for person in found[offset : offset + limit]]
        return schemas.People(total=len(found), people=page)

    return await server.engine.short(work)


@read.get("/people/{id}", summary="Show a person", responses=errors(*GALLERY, e.PersonNotFound))
async def show_person(server: Server, id: Id) -> schemas.PersonInfo:
    """One person: name, how many references, since when."""
    return await server.engine.short(lambda: schemas.person_info(server.gallery.person(id)))


@change.patch(
    "/people/{id}",
    summary="Rename a person",
    openapi_extra=documented(RenameAsk, {"name": "Ada Lovelace"}),
    responses=errors(*BODY, *WRITING, e.PersonNotFound, e.PersonExists, e.NameInvalid),
)
async def rename(server: Server, id: Id, ask: Annotated[RenameAsk, body(RenameAsk)]) -> schemas.PersonInfo:
    """Give a person another name, one that nobody has."""

    def work() -> schemas.PersonInfo:
        server.gallery.rename(id, ask.name)
        return schemas.person_info(server.gallery.person(id))

    return await server.engine.short(work)


@change.delete(
    "/people/{id}",
    summary="Remove a person",
    status_code=204,
    response_class=Response,
    responses=NO_CONTENT | errors(*WRITING, e.PersonNotFound),
)
async def remove(server: Server, id: Id) -> None:
    """Delete a person and all their references, for good."""
    await server.engine.short(lambda: server.gallery.remove(id))
    server.inspections.clear()  # their face must not live on in one


@change.post(
    "/people/{id}/merge",
    summary="Merge people",
    openapi_extra=documented(MergeAsk, {"sources": [2, 3]}),
    responses=errors(*BODY, *WRITING, e.PersonNotFound),
)
async def merge(server: Server, id: Id, ask: Annotated[MergeAsk, body(MergeAsk)]) -> schemas.PersonInfo:
    """Give this person the references of others, who are gone then. It cannot be undone. An image that several of them
    have is kept once."""

    if id in ask.sources:
        raise e.UsageError(f"sources: expected other people, got {id} itself")

    def work() -> schemas.PersonInfo:
        server.gallery.merge(ask.sources, id)
        return schemas.person_info(server.gallery.person(id))

    return await server.engine.short(work)


@read.get(
    "/people/{id}/references",
    summary="List references",
    responses=with_links(errors(*GALLERY, e.PersonNotFound), reference="references/0/id"),
)
async def list_references(server: Server, id: Id) -> schemas.References:
    """A person's references: where each came from, how well the face was seen, what was agreed to."""

    def work() -> schemas.References:
        found = server.gallery.references(id)
        return schemas.References(references=[schemas.reference_info(reference) for reference in found])

    return await server.engine.short(work)


@read.get("/references/{id}", summary="Show a reference", responses=errors(*GALLERY, e.ReferenceNotFound))
async def show_reference(server: Server, id: Id) -> schemas.ReferenceInfo:
    """One reference: where it came from, how well the face was seen, what was agreed to."""
    return await server.engine.short(lambda: schemas.reference_info(server.gallery.reference(id)))


@change.delete(
    "/references/{id}",
    summary="Remove a reference",
    status_code=204,
    response_class=Response,
    responses=NO_CONTENT | errors(*WRITING, e.ReferenceNotFound),
)
async def remove_reference(server: Server, id: Id) -> None:
    """Delete one reference, for good. With their last one the person goes too."""
    await server.engine.short(lambda: server.gallery.remove_reference(id))
    server.inspections.clear()  # their face must not live on in one


PICTURE: Responses = {
    200: {
        "description": "The aligned face, as it was stored.",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/jpeg", "image/png")},
    },
    304: {"description": "The client has it already."},
}


@read.get(
    "/references/{id}/picture",
    summary="A reference's picture",
    openapi_extra={"parameters": [MEANT_IN_QUERY]},
    response_class=Response,
    responses=PICTURE | errors(*GALLERY, e.ReferenceNotFound),
)
async def picture(request: Request, server: Server, id: Id) -> Response:
    """The aligned face as a JPEG or PNG. A client that sends back its ETag is told when it has not changed."""
    data = await server.engine.short(lambda: server.gallery.thumbnail(id))
    if data is None:
        raise e.ReferenceNotFound(f"{id}: this reference has no picture")
    media_type = "image/png" if data.startswith(PNG) else "image/jpeg"
    return tagged(request, data, media_type, tag_of(data), "private, no-cache")


router.include_router(read)
router.include_router(change)
