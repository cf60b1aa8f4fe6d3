"""Who may call from a browser: this server's own pages, and nobody else's.

A page of another site can make a browser send requests here, and by DNS rebinding even under a name of its own. So the
Host must be one of ours, and a request that a browser says comes from elsewhere is refused, reading included.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from facepipe.errors import FacepipeError, OriginRefused, UsageError
from facepipe.serve import hosts
from facepipe.serve.needs import HEADER
from facepipe.serve.settings import Settings

HEALTH = "/api/v1/health"
_KEY = re.compile(r"fp_[A-Za-z0-9_-]{43}")
_KEY_PARAMETERS = {"key", "api_key", "apikey", "api-key", "token", "access_token", "authorization"}


def fault(scope: Scope, headers: Headers, settings: Settings) -> FacepipeError | None:
    """What is wrong with where this request comes from, or goes to."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not host:  # HTTP/1.0: load balancers ask so whether we are up; a browser never does
        return None if scope["path"] == HEALTH else OriginRefused("no Host: expected one of this server's names there")
    if not _ours(host, settings):
        return OriginRefused(
            f"Host {host!r:.100}: this server is not known under this name; start it with --name to add one"
        )
    if is_foreign(scope, headers) and not _may_call(origin, settings):
        asked = "" if origin is None else f"Origin {origin!r:.100} at Host {host!r:.100}: "
        return OriginRefused(f"{asked}pages of other sites may not call this server")
    return _key_in_url(scope)


def is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says that a page calls which is not this server's own, be it one of ``settings.origins``."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and not _same(origin, headers.get("host", ""), scope["scheme"]):
        return True
    return site not in (None, "same-origin", "none") and not _opened_by_a_link(scope, headers)


def preflight(scope: Scope, headers: Headers, settings: Settings) -> Response | None:
    """The answer to a browser that asks whether a page of one of ``settings.origins`` may call."""
    asked = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
    if not asked or not _may_call(headers.get("origin"), settings) or not _ours(headers.get("host", ""), settings):
        return None
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
        "Access-Control-Allow-Headers": f"Authorization, Content-Type, {HEADER}",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=allowed)


def shared(headers: Headers, settings: Settings) -> list[tuple[bytes, bytes]]:
    """The headers that let a page of one of ``settings.origins`` read the answer; no cookie goes with it."""
    if not settings.origins:
        return []
    vary = (b"vary", b"Origin")
    if not _may_call(origin := headers.get("origin"), settings):
        return [vary]
    assert origin is not None
    allow = (b"access-control-allow-origin", origin.encode("latin-1"))
    return [allow, vary, (b"cross-origin-resource-policy", b"cross-origin")]


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine as only this machine can."""
    try:
        return hosts.is_loopback(hosts.split(host)[0])
    except ValueError:
        return False


def _ours(host: str, settings: Settings) -> bool:
    try:
        name, _ = hosts.split(host)
    except ValueError:
        return False
    if hosts.is_loopback(name) or name in settings.names:
        return True
    if settings.loopback:
        return False
    return hosts.is_address(name) or name in _names_of_this_machine() or name == settings.host.lower()


def _may_call(origin: str | None, settings: Settings) -> bool:
    try:
        return bool(settings.origins) and origin is not None and hosts.site(origin) in settings.origins
    except ValueError:
        return False


@lru_cache(maxsize=1)
def _names_of_this_machine() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local", name.partition(".")[0]})


def _same(origin: str, host: str, scheme: str) -> bool:
    """Whether ``origin`` is the page of this very server. Behind a proxy with TLS it says https, and we see http."""
    schemes = ("https",) if scheme in ("https", "wss") else ("http", "https")
    try:
        return hosts.site(origin) in [hosts.site(f"{one}://{host}") for one in schemes]
    except ValueError:
        return False


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
