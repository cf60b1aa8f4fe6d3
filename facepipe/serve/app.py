"""The application: the verbs under /api/v1, the page, one body for every error, all behind the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp

from facepipe import __version__
from facepipe.errors import FacepipeError, MethodRefused, PathNotFound, UsageError
from facepipe.gallery import Gallery
from facepipe.pipeline import Pipeline
from facepipe.serve import live, page
from facepipe.serve.answers import error_response
from facepipe.serve.bodies import told
from facepipe.serve.context import Context
from facepipe.serve.engine import Engine
from facepipe.serve.guard import Guard
from facepipe.serve.inspections import Inspections
from facepipe.serve.routes import about, enroll, faces, inspect, people, session, upgrade
from facepipe.serve.routes.docs import BODY, MEANT, errors
from facepipe.serve.sessions import COOKIE
from facepipe.serve.settings import Settings

API = "/api/v1"
KEYS: dict[str, Any] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, from `facepipe keys add`."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "What logging in sets."},
}
WITHOUT_KEY = ("/health", "/session")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def create_app(settings: Settings, pipe: Pipeline, gallery: Gallery) -> ASGIApp:
    """The server as an ASGI application. ``pipe`` and ``gallery`` are the caller's, to be closed after it; the networks
    are loaded now. Raises ModelError."""
    pipe.backbone  # noqa: B018  or the first requests would load it, all at once
    Engine(pipe, settings.queue, settings.wait).close()  # where its threads cannot be had, it is said now
    return Guard(create_api(settings, pipe, gallery), settings)


def create_api(settings: Settings, pipe: Pipeline, gallery: Gallery) -> FastAPI:
    """The application without its guard."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = Engine(pipe, settings.queue, settings.wait)
        app.state.context = Context(settings, pipe, gallery, engine, Inspections())
        try:
            yield
        finally:
            engine.close()

    app = FastAPI(
        title="facepipe",
        version=__version__,
        summary="Face recognition that runs on your machine and says when it does not know.",
        description=(
            "Pictures come as files of a form or as base64 in JSON, never as a URL or a path. Every error has one body:"
            ' `{"error": {"code", "message"}}`. Boxes and points are in image px, scores are cosines.'
        ),
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        redirect_slashes=False,
        servers=[{"url": settings.root_path}] if settings.root_path else None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
    )
    for module in (faces, enroll, people, upgrade, inspect, about, live):
        app.include_router(module.router, prefix=API)
    app.include_router(session.router, prefix=API, responses=errors(*BODY))
    page.mount(app, settings.root_path)
    _answer_errors(app)
    _tell_of_callers(app, settings)
    return app


def _tell_of_callers(app: FastAPI, settings: Settings) -> None:
    """The OpenAPI says how to send a key, and whether one must; and how to say which gallery is meant."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = FastAPI.openapi(app)
            made["components"]["securitySchemes"] = KEYS
            free: list[dict[str, list[str]]] = [] if settings.needs_key else [{}]
            for path, operations in made["paths"].items():
                for operation in operations.values():
                    open_to_all = path.removeprefix(API) in WITHOUT_KEY
                    operation["security"] = [] if open_to_all else [*free, *({name: []} for name in KEYS)]
                    operation["parameters"] = [*operation.get("parameters", []), *([] if open_to_all else [MEANT])]
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]


def _answer_errors(app: FastAPI) -> None:
    """Every error has the one body; what is not facepipe's own goes up to the guard, which says nothing of it."""

    async def own(request: Request, error: Exception) -> Response:
        return error_response(error)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return error_response(UsageError(told(error.errors())))

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return error_response(*_named(app, request, error))

    app.add_exception_handler(Exception, own)  # or Starlette would say it in its own words
    app.add_exception_handler(FacepipeError, own)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)


def _named(app: FastAPI, request: Request, error: HTTPException) -> tuple[FacepipeError, dict[str, str]]:
    """What Starlette refused, as an error of ours, with its headers."""
    if error.status_code == 404:
        return PathNotFound(f"{request.url.path[:200]!a}: nothing is there; what is: {API}/openapi.json"), {}
    if error.status_code == 405:
        known = ", ".join(_methods(app, request))
        return MethodRefused(f"{request.method[:20]!a}: expected {known}"), {"Allow": known}
    return UsageError(f"{error.detail}"), {}


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Those of all routes of this path, not only of the first. HEAD goes where GET does."""
    asked = [(method, {**request.scope, "method": method}) for method in METHODS]
    found = [m for m, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in app.router.routes)]
    return [name for method in found for name in (("GET", "HEAD") if method == "GET" else (method,))]
