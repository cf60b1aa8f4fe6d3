"""Who is calling: by a key in the header, by the cookie of a session, or nobody; and how often they may."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers

from facepipe.errors import KeyMissing, KeyWrong, RateLimited
from facepipe.serve.keys import SCOPES, Key, Keyring, Principal
from facepipe.serve.limits import Buckets
from facepipe.serve.origins import is_loopback
from facepipe.serve.sessions import Sessions, tokens_of
from facepipe.serve.settings import Settings

LOCAL = Principal("local", frozenset(SCOPES))  # on loopback, where no key is asked for
FORWARDED = {"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"}  # and x-forwarded-*
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

    def caller(self, headers: Headers, client: str, foreign: bool = False) -> Caller:
        """``foreign``: a page of another site asks. It needs a key whatever it asks for, as who sits at the browser did
        not ask; and what the browser has of ours, a cookie, is not for it.

        Raises KeyMissing, KeyWrong, and RateLimited when wrong keys come too often from ``client``.
        """
        if (given := headers.get("authorization")) is not None:
            scheme, _, text = given.partition(" ")
            if scheme.lower() != "bearer" or not text.strip():
                raise KeyWrong("expected the header `Authorization: Bearer KEY`")
            key = self.key(text.strip(), client)
            return Caller(key, key.principal)
        if foreign:
            raise KeyMissing("a page of another site needs a key: send `Authorization: Bearer KEY`")
        for token in tokens_of(headers):
            if (found := self.sessions.find(token)) is not None:
                return Caller(found, found.principal, token)
        return Caller(None, self.anonymous(headers))

    def still(self, caller: Caller) -> bool:
        """Whether a caller who was let in would be now: the key is there, and the session has not ended."""
        if caller.key is None:
            return True
        return self.keyring.holds(caller.key) if caller.token is None else self.sessions.find(caller.token) is not None

    def anonymous(self, headers: Headers) -> Principal | None:
        """Who a caller without a key is. What a proxy on this machine passes on comes from who knows where."""
        passed_on = any(name in FORWARDED or name.startswith("x-forwarded-") for name in headers)
        here = is_loopback(headers.get("host", "")) and not passed_on
        return LOCAL if here and not self.settings.needs_key else None

    def key(self, text: str, client: str) -> Key:
        """The key that ``text`` is. Raises as ``caller``.

        A right key is let in however many wrong ones came before, or who shares an address with an attacker (a proxy,
        a household) would be locked out; 256 random bits are safe from guessing without that. What the limit spares is
        work, and the log.
        """
        if (found := self.keyring.check(text)) is not None:
            return found
        if wait := self._wrong.take(client):
            raise RateLimited("too many wrong keys; a right one is still let in", retry_after=wait)
        raise KeyWrong("no such key; `facepipe keys list` on the server shows the names of those there are")

    def admit(self, caller: Caller, client: str, method: str) -> None:
        """Count a request against its key, or its client where there is none. Raises RateLimited."""
        who = f"address {client}" if caller.key is None else f"key {caller.key.name}"
        if wait := self._rates.take(who, READING if method in ("GET", "HEAD", "OPTIONS") else 1.0):
            raise RateLimited(f"more than {self.settings.rate:g} requests a second; slow down", retry_after=wait)
