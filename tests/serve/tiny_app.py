"""A small application with one route of each kind, to stand behind the guard."""

from __future__ import annotations

import asyncio

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from starlette.types import ASGIApp

from facepipe.errors import FacepipeError, GalleryReadOnly, NoFace
from facepipe.serve.answers import error_response
from facepipe.serve.guard import Guard
from facepipe.serve.needs import needs
from facepipe.serve.routes import session
from facepipe.serve.settings import Settings


def tiny_app(settings: Settings) -> ASGIApp:
    app = FastAPI()
    app.include_router(session.router, prefix="/api/v1")

    @app.exception_handler(Exception)
    @app.exception_handler(FacepipeError)
    async def failed(request: Request, error: Exception) -> Response:
        return error_response(error)

    @app.get("/")
    async def page() -> Response:
        return Response("<title>page</title>", media_type="text/html")

    @app.get("/own-policy")
    async def own_policy() -> Response:
        return Response("x", headers={"Content-Security-Policy": "default-src 'self'", "Cache-Control": "no-cache"})

    @app.get("/api/v1/people/{id}", dependencies=[Depends(needs("read"))])
    async def person(id: str) -> dict[str, str]:
        return {"id": id}

    @app.post("/api/v1/enroll", dependencies=[Depends(needs("enroll"))])
    async def enroll(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.delete("/api/v1/people/{id}", dependencies=[Depends(needs("admin"))])
    async def remove(id: int) -> dict[str, int]:
        return {"removed": id}

    @app.post("/api/v1/count")
    async def count(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(chunk) async for chunk in request.stream()])}

    @app.post("/api/v1/ignores")
    async def ignores() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/api/v1/fails/{how}")
    async def fails(how: str) -> None:
        raise {
            "face": NoFace("party.jpg: no face found"),
            "gallery": GalleryReadOnly("/home/ada/.local/share/facepipe/people.db: no permission to write there"),
            "bug": RuntimeError("the secret of /home/ada"),
        }[how]

    @app.websocket("/api/v1/live")
    async def live(socket: WebSocket) -> None:
        await needs("read")(socket)
        await socket.accept()
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await socket.send_text(str(len(message.get("bytes") or "")))

    @app.websocket("/api/v1/refusing")
    async def refusing(socket: WebSocket) -> None:
        await asyncio.sleep(0)
        raise NoFace("nobody")

    return Guard(app, settings)
