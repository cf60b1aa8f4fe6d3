"""Who may call from a browser: this server's own pages, and nobody else's.

A page of another site can make a browser send requests here, and by DNS rebinding even under a name of its own. So the
Host must be one of ours, and a request that a browser says comes from elsewhere is refused, reading included.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from facepipe.errors import FacepipeError, OriginRefused, UsageError
from facepipe.serve.settings import LOOPBACK_NAMES, Settings

_KEY = re.compile(r"fp_[A-Za-z0-9_-]{43}")
_KEY_PARAMETERS = {"key", "api_key", "apikey", "api-key", "token", "access_token", "authorization"}


def fault(scope: Scope, headers: Headers, settings: Settings) -> FacepipeError | None:
    """What is wrong with where this request comes from, or goes to."""
    host = headers.get("host", "")
    if not _ours(host, settings):
        return OriginRefused(
            f"Host {host!r:.100}: this server is not known under this name; start it with --name to add one"
        )
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None:
        if origin not in settings.origins and not _same(origin, host, scope["scheme"]):
            return OriginRefused(f"Origin {origin!r:.100}: pages of other sites may not call this server")
    elif site not in (None, "same-origin", "none") and not _opened_by_a_link(scope, headers):
        return OriginRefused("pages of other sites may not call this server")
    return _key_in_url(scope)


def preflight(scope: Scope, headers: Headers, settings: Settings) -> Response | None:
    """The answer to a browser that asks whether a page of one of ``settings.origins`` may call."""
    asked = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
    if not asked or headers.get("origin") not in settings.origins or not _ours(headers.get("host", ""), settings):
        return None
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=allowed)


def shared(headers: Headers, settings: Settings) -> list[tuple[bytes, bytes]]:
    """The headers that let a page of one of ``settings.origins`` read the answer; no cookie goes with it."""
    origin = headers.get("origin", "")
    if origin not in settings.origins:
        return []
    allow = (b"access-control-allow-origin", origin.encode())
    return [allow, (b"vary", b"Origin"), (b"cross-origin-resource-policy", b"cross-origin")]


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine as only this machine can."""
    return _name(host) in LOOPBACK_NAMES


def _ours(host: str, settings: Settings) -> bool:
    name = _name(host)
    if is_loopback(host) or name in {given.lower() for given in settings.names}:
        return True
    if settings.loopback or not name:
        return False
    return _is_address(name) or name in _names_of_this_machine()


def _name(host: str) -> str:
    """Without the port, in lower case."""
    try:
        found = urlsplit(f"//{host}")
        _ = found.port
    except ValueError:
        return ""
    if found.username is not None or found.path or found.hostname is None:
        return ""
    return f"[{found.hostname}]" if ":" in found.hostname else found.hostname


def _is_address(name: str) -> bool:
    """An address can be called by nobody else's name: rebinding needs one."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1)
def _names_of_this_machine() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local", name.partition(".")[0]})


def _same(origin: str, host: str, scheme: str) -> bool:
    """Whether ``origin`` is the page of this very server. Behind a proxy with TLS it says https, and we see http."""
    if scheme in ("https", "wss"):
        return origin.lower() == f"https://{host.lower()}"
    return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")


def _opened_by_a_link(scope: Scope, headers: Headers) -> bool:
    """A person followed a link to the page, in a tab of its own. Data cannot be opened so."""
    opened = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return opened and scope.get("method") == "GET" and not scope["path"].startswith("/api/")


def _key_in_url(scope: Scope) -> UsageError | None:
    names: Iterable[str] = (name for name, _ in parse_qsl(scope["query_string"].decode("latin-1"), True))
    target = scope["path"] + scope["query_string"].decode("latin-1")
    if _KEY.search(target) or any(name.lower() in _KEY_PARAMETERS for name in names):
        return UsageError(
            "a key in the URL: it belongs into the header `Authorization: Bearer KEY`; URLs are kept in histories and"
            " logs, so if it was a real one, remove it and make another"
        )
    return None
