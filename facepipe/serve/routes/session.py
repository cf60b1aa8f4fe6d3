"""Logging in and out with a cookie, for the page: the key is sent once, and no script ever holds it again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from facepipe.serve.door import Door
from facepipe.serve.keys import SCOPES, Principal
from facepipe.serve.sessions import COOKIE

router = APIRouter(tags=["session"])


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"key": "fp_…"}]})
    key: Annotated[str, Field(min_length=1, max_length=200, description="An API key, as `facepipe keys add` shows it.")]


class Session(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"key_needed": False, "scopes": ["read", "enrol"]}]})
    key_needed: Annotated[bool, Field(description="Whether this server asks for a key, or a login.")]
    scopes: Annotated[list[str], Field(description="What may be done: read, enrol, admin.")]


def _session(request: Request, principal: Principal | None) -> Session:
    door: Door = request.state.door
    scopes = frozenset() if principal is None else principal.scopes
    return Session(
        key_needed=door.anonymous(request.headers) is None, scopes=[scope for scope in SCOPES if scope in scopes]
    )


@router.get("/session", summary="What this caller may do")
async def show(request: Request) -> Session:
    """Needs no key: whether one is asked for, and what may be done with the one that came, if any."""
    return _session(request, request.state.principal)


@router.post("/session", summary="Log in: exchange a key for a cookie")
async def open_(login: Login, request: Request, response: Response) -> Session:
    """The cookie cannot be read by scripts, is sent to no other site, and ends with the key, the server or its time."""
    door: Door = request.state.door
    key = door.key(login.key.strip(), request.state.client)
    response.set_cookie(
        COOKIE,
        door.sessions.open(key),
        max_age=int(door.settings.session),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return _session(request, key.principal)


@router.delete("/session", summary="Log out")
async def close(request: Request, response: Response) -> Session:
    """The session ends, and the cookie goes."""
    door: Door = request.state.door
    if token := request.cookies.get(COOKIE):
        door.sessions.close(token)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return _session(request, door.anonymous(request.headers))
