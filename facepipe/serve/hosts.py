"""Names of servers and of sites, in the one form in which browsers send them: lower case, no port that goes without
saying, no dot at the end, other scripts as ASCII (xn--…)."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from facepipe.errors import UsageError

REMEMBERED = 64  # each request names the same few
PORTS = {"http": 80, "https": 443}  # those that go without saying
_HOST = re.compile(r"(\[[^\]]*\]|[^\s\[\]:/?#@]+)(?::([0-9]{0,5}))?")
_SITE = re.compile(r"(https?|[a-z-]+-extension)://([^/]+)/?", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_UNLIKE = set("ßς\u200c\u200d")  # Python's codec (IDNA 2003) makes others of them than browsers do


@lru_cache(REMEMBERED)
def split(host: str) -> tuple[str, int | None]:
    """Name and port of ``host``, as a Host header has them. An IPv6 address is in brackets. Raises ValueError."""
    found = _HOST.fullmatch(host)
    if found is None:
        raise ValueError(host)
    port = int(found[2]) if found[2] else None
    if port is not None and port > 65535:
        raise ValueError(host)
    return _plain(found[1]), port


@lru_cache(REMEMBERED)
def site(url: str) -> str:
    """``url``, a page's Origin, in its one form: ``https://example.org:8443``. Raises ValueError."""
    found = _SITE.fullmatch(url)
    if found is None:
        raise ValueError(url)
    scheme, (name, port) = found[1].lower(), split(found[2])
    return f"{scheme}://{name}" if port in (None, PORTS.get(scheme)) else f"{scheme}://{name}:{port}"


def is_address(name: str) -> bool:
    """An address can be called by nobody else's name: rebinding needs one."""
    return _address(name) is not None


def is_loopback(name: str) -> bool:
    """Whether ``name``, without a port, names this machine as only this machine can."""
    address = _address(name)
    return name.lower() == "localhost" if address is None else address.is_loopback


def expect_name(text: str) -> str:
    """``text``, a name of this server as somebody types it, be it with ``https://`` and a port. Raises UsageError."""
    bare = re.sub(r"^https?://([^/]*)/?$", r"\1", text.strip(), flags=re.IGNORECASE)
    try:
        return split(f"[{bare}]" if is_address(bare) and ":" in bare and bare[0] != "[" else bare)[0]
    except ValueError:
        raise UsageError(f"name {text!r:.100}: expected a name of this server, such as faces.example.org") from None


def expect_site(text: str) -> str:
    """``text``, a site as somebody types it. Raises UsageError."""
    try:
        return site(text.strip())
    except ValueError:
        raise UsageError(
            f"origin {text!r:.100}: expected one site with its scheme and without a path, such as https://example.org"
        ) from None


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _plain(name: str) -> str:
    if name.startswith("["):
        return f"[{IPv6Address(name[1:-1])}]"
    if not name.isascii():
        if _UNLIKE & set(name):
            raise ValueError(name)
        name = name.encode("idna").decode()
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name) or (name.rpartition(".")[2].isdigit() and not is_address(name)):
        raise ValueError(name)
    return name
