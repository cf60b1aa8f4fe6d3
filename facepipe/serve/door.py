"""Who is calling: by a key in the header, by the cookie of a session, or nobody; and how often they may."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from facepipe.errors import KeyWrong, RateLimited
from facepipe.serve.keys import SCOPES, Key, Keyring, Principal
from facepipe.serve.limits import Buckets
from facepipe.serve.origins import is_loopback
from facepipe.serve.sessions import COOKIE, Sessions
from facepipe.serve.settings import Settings

LOCAL = Principal("local", frozenset(SCOPES))  # on loopback, where no key is asked for
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
READING = 0.1  # of a token: a page full of pictures is many small requests


@dataclass(frozen=True)
class Caller:
    """``key`` is None for whoever needs none, ``principal`` is None for whoever may do nothing; ``token``: that of the
    session which the key came from, if it did."""

    key: Key | None
    principal: Principal | None
    token: str | None = None


class Door:
    """Keys, sessions and rates of one server. Routes find it as ``request.state.door``."""

    def __init__(self, settings: Settings, keyring: Keyring | None = None) -> None:
        self.settings = settings
        self.keyring = Keyring(settings.keys) if keyring is None else keyring
        self.sessions = Sessions(self.keyring, settings.session)
        self._rates = Buckets(settings.rate, settings.burst)
        self._wrong = Buckets(settings.wrong_keys / 60, settings.wrong_keys)

    def caller(self, headers: Headers, client: str) -> Caller:
        """Raises KeyWrong, and RateLimited when wrong keys come too often from ``client``."""
        key, token = None, None
        if (given := headers.get("authorization")) is not None:
            scheme, _, text = given.partition(" ")
            if scheme.lower() != "bearer" or not text.strip():
                raise KeyWrong("expected the header `Authorization: Bearer KEY`")
            key = self.key(text.strip(), client)
        elif (token := cookie_parser(headers.get("cookie", "")).get(COOKIE)) is not None:
            key = self.sessions.find(token)
        if key is not None:
            return Caller(key, key.principal, token)
        return Caller(None, self.anonymous(headers))

    def still(self, caller: Caller) -> bool:
        """Whether a caller who was let in would be now: the key is there, and the session has not ended."""
        if caller.key is None:
            return True
        return self.keyring.holds(caller.key) if caller.token is None else self.sessions.find(caller.token) is not None

    def anonymous(self, headers: Headers) -> Principal | None:
        """Who a caller without a key is. What a proxy on this machine passes on comes from who knows where."""
        passed_on = not is_loopback(headers.get("host", "")) or any(name in headers for name in FORWARDED)
        return None if passed_on or self.settings.needs_key else LOCAL

    def key(self, text: str, client: str) -> Key:
        """The key that ``text`` is. Raises as ``caller``.

        A right key is let in however many wrong ones came before, or who shares an address with an attacker (a proxy,
        a household) would be locked out; 256 random bits are safe from guessing without that. What the limit spares is
        work, and the log.
        """
        if (found := self.keyring.check(text)) is not None:
            return found
        if wait := self._wrong.take(client):
            error = RateLimited("too many wrong keys; a right one is still let in")
            error.retry_after = wait
            raise error
        raise KeyWrong("no such key; `facepipe keys list` on the server shows the names of those there are")

    def admit(self, caller: Caller, client: str, method: str) -> None:
        """Count a request against its key, or its client where there is none. Raises RateLimited."""
        who = f"address {client}" if caller.key is None else f"key {caller.key.name}"
        if wait := self._rates.take(who, READING if method in ("GET", "HEAD", "OPTIONS") else 1.0):
            error = RateLimited(f"more than {self.settings.rate:g} requests a second; slow down")
            error.retry_after = wait
            raise error
