"""Logging in and out with a cookie, for the page: the key is sent once, and no script ever holds it again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from facepipe.errors import OriginRefused
from facepipe.serve.door import Door
from facepipe.serve.keys import SCOPES, Principal
from facepipe.serve.sessions import COOKIE, tokens_of

router = APIRouter(tags=["session"])


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"key": "fp_…"}]})
    key: Annotated[str, Field(min_length=1, max_length=200, description="An API key, as `facepipe keys add` shows it.")]


class Session(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"key_needed": False, "scopes": ["read", "enroll"]}]})
    key_needed: Annotated[bool, Field(description="Whether this server asks for a key, or a login.")]
    scopes: Annotated[list[str], Field(description="What may be done: read, enroll, admin.")]


def _session(request: Request, principal: Principal | None) -> Session:
    scopes = frozenset() if principal is None else principal.scopes
    return Session(key_needed=_anonymous(request) is None, scopes=[scope for scope in SCOPES if scope in scopes])


def _anonymous(request: Request) -> Principal | None:
    """Who this caller is without any key."""
    door: Door = request.state.door
    return None if request.state.foreign else door.anonymous(request.headers)


def _put(request: Request, response: Response, token: str, seconds: int) -> None:
    """The cookie has no path: so the browser takes that of this address, wherever a proxy has put the server, and no
    other application there is sent it. And it is secure where our page is, though a proxy ask us in the clear."""
    safe = "https" in (request.url.scheme, request.headers.get("origin", "").partition(":")[0])
    response.set_cookie(COOKIE, token, max_age=seconds, path=None, httponly=True, samesite="strict", secure=safe)


async def own_page(request: Request) -> None:
    """A dependency. Raises OriginRefused: or a page of another site could have a browser log in as somebody else."""
    if request.state.foreign:
        raise OriginRefused(
            "logging in and out is for this server's own page, whose proxy has to pass on the Host; others send the key"
            " each time"
        )


@router.get("/session", summary="What this caller may do")
async def show(request: Request) -> Session:
    """Needs no key: whether one is asked for, and what may be done with the one that came, if any."""
    return _session(request, request.state.principal)


@router.post("/session", summary="Log in: exchange a key for a cookie", dependencies=[Depends(own_page)])
async def open_(login: Login, request: Request, response: Response) -> Session:
    """The cookie cannot be read by scripts, is sent to no other site, and ends with the key, the server or its time."""
    door: Door = request.state.door
    key = door.key(login.key.strip(), request.state.client)
    _put(request, response, door.sessions.open(key), int(door.settings.session))
    return _session(request, key.principal)


@router.delete("/session", summary="Log out", dependencies=[Depends(own_page)])
async def close(request: Request, response: Response) -> Session:
    """The session ends, and the cookie goes."""
    door: Door = request.state.door
    for token in tokens_of(request.headers):
        door.sessions.close(token)
    _put(request, response, "", 0)
    return _session(request, _anonymous(request))
