"""Addresses of streams, and what may be shown of them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from facepipe.errors import SourceRefused

SCHEMES = ("rtsp", "rtsps", "http", "https")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # two letters or more: C:/ is a drive
_SECRET = re.compile(r"((?:pass|pwd|pw|token|key|secret|auth|user)[a-z]*=)[^&;/?]*", re.IGNORECASE)


def scheme_of(given: str) -> str | None:
    """The scheme of an address, in lower case; None when ``given`` is a path."""
    found = _SCHEME.match(given)
    return None if found is None else found[1].lower()


def label_of(url: str) -> str:
    """``url`` for messages, without what may be secret: user and password, all after "?", and what some cameras want in
    the path (``/user=ada_password=x``). A password may hold any sign, so all before the last "@" is hidden."""
    scheme, _, rest = url.partition("://")
    _, at, place = rest.rpartition("@")
    place = re.sub(r"[?#].*", "?…", place, count=1, flags=re.DOTALL)
    place = _SECRET.sub(r"\1***", place)
    label = f"{scheme}://{'***@' if at else ''}{place}"
    return label if label.isprintable() else ascii(label)


def check_url(url: str) -> None:
    """Raise SourceRefused unless ``url`` is the address of a stream that can be opened."""
    label = label_of(url)
    if scheme_of(url) not in SCHEMES:
        raise SourceRefused(
            f"{label}: expected a stream's address, {'://…, '.join(SCHEMES)}://…, or a path or webcam:0"
        )
    try:
        parts = urlsplit(url)
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole or not url.isascii() or not url.isprintable() or " " in url:
        raise SourceRefused(f"{label}: expected {SCHEMES[0]}://HOST:PORT/PATH; write special signs as %XX")
