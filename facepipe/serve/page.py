"""The page's files: the HTML at ``/``, what belongs to it under ``/page/``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from facepipe.serve.answers import tag_of, tagged

ENTRY = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PageFile:
    """One file as it is sent: its bytes, its media type, and a tag that changes with them."""

    body: bytes
    type: str
    tag: str

    def answer(self, request: Request) -> Response:
        """The file, or 304 when the browser has it already."""
        # kept, but asked for: an update shows at once
        return tagged(request, self.body, self.type, self.tag, "no-cache")


def mount(app: Starlette, root_path: str = "") -> None:
    """Serve the page from ``app``. All files are read now: what is not among them is not found, whatever the path.

    Its addresses are relative, so whoever asks for ``root_path`` is sent to the one with a slash at the end.
    """
    pages = dict(page_files())

    async def entry(request: Request) -> Response:
        return pages[ENTRY].answer(request)

    async def file(request: Request) -> Response:
        found = pages.get(request.path_params["path"])
        if found is None:
            raise HTTPException(404)
        return found.answer(request)

    async def root(request: Request) -> Response:
        return RedirectResponse(f"{root_path}/")

    if root_path:
        app.router.routes.append(Route(root_path, root, methods=["GET"]))
    app.router.routes.append(Route("/", entry, methods=["GET"]))
    app.router.routes.append(Route("/page/{path:path}", file, methods=["GET"]))


def page_files() -> Iterator[tuple[str, PageFile]]:
    """Every file of the page by its path below ``/page/``, as installed."""
    with as_file(files("facepipe.serve") / "page") as folder:
        for path in sorted(folder.rglob("*")):
            if path.suffix in TYPES:
                body = path.read_bytes()
                yield path.relative_to(folder).as_posix(), PageFile(body, TYPES[path.suffix], tag_of(body))
