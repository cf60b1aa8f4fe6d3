"""API keys: made here, shown once, kept as hashes in one file.

A key is 256 random bits, so its hash needs no salt and no slow function: those are for passwords, which can be guessed;
nobody tries 2²⁵⁶ keys. Whoever reads the file cannot call the server with what is in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from typing import Any

from facepipe import folders
from facepipe.errors import KeyNotFound, ServerError, UsageError
from facepipe.files import locked, replacing
from facepipe.machine.lazy import cached_property

SCOPES = ("read", "enroll", "admin")  # each may do what those before it may
PREFIX = "fp_"  # so that people and scanners for leaked secrets know one when they see it
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling: the key's ``name`` (or "local"), and what they may do: some of SCOPES."""

    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key: ``sha256`` in hex, ``added_at`` in UTC, ISO 8601."""

    name: str
    scope: str
    sha256: str
    added_at: str

    @property
    def principal(self) -> Principal:
        return Principal(self.name, scopes_of(self.scope))


def as_spelt(verb: str) -> str:
    """A scope, or a mode, as it is spelt today, where an older facepipe wrote it, or somebody used to it."""
    return "enroll" if verb == "enrol" else verb


def scopes_of(scope: str) -> frozenset[str]:
    """``scope`` and those below it."""
    return frozenset(SCOPES[: SCOPES.index(scope) + 1])


class Keyring:
    """The keys in ``path`` (None: ``keys.json`` in facepipe's folder). Changes by other processes are noticed.

    Any method raises ServerError where the file is damaged: a server does not go on without its keys.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._given = path
        self._lock = Lock()
        self._seen: tuple[int, ...] | None = None
        self._keys: tuple[Key, ...] = ()

    @cached_property
    def path(self) -> Path:
        """Raises UsageError where there is no folder for it."""
        return folders.home() / "keys.json" if self._given is None else self._given

    def add(self, name: str, scope: str = "read") -> str:
        """Make a key; its text, which nobody can find out again. Raises UsageError, WriteFailed."""
        if not (0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()):
            raise UsageError(f"{name!r:.80}: expected a name of 1 to {LONGEST_NAME} printable characters")
        scope = as_spelt(scope)
        if scope not in SCOPES:
            raise UsageError(f"scope {scope!r:.40}: expected one of {', '.join(SCOPES)}")
        text = PREFIX + secrets.token_urlsafe(32)
        with locked(self.path):
            keys = self.list()
            if any(key.name == name for key in keys):
                raise UsageError(f"{name}: there is a key of this name already; remove it first, or take another name")
            self._write(
                [*keys, Key(name, scope, digest(text), datetime.now(timezone.utc).isoformat(timespec="seconds"))]
            )
        return text

    def remove(self, name: str) -> None:
        """Take a key back; running servers refuse it from now on. Raises KeyNotFound, WriteFailed."""
        with locked(self.path):
            keys = self.list()
            left = [key for key in keys if key.name != name]
            if len(left) == len(keys):
                known = ", ".join(key.name for key in keys)
                raise KeyNotFound(f"{name}: no key of this name; there " + (f"is {known}" if keys else "are none"))
            self._write(left)

    def list(self) -> list[Key]:
        """All keys, in the order they were made in."""
        with self._lock:
            try:
                found = self.path.stat()
            except (FileNotFoundError, UsageError):  # or there is no folder for it
                self._seen, self._keys = None, ()
                return []
            except OSError as error:
                raise ServerError(f"{self.path}: cannot be read: {error.strerror or error}") from None
            state = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
            if state != self._seen:
                self._keys = _read(self.path)
                self._seen = state
            return [*self._keys]

    def check(self, text: str) -> Key | None:
        """The key that ``text`` is, or None. Takes as long for any text: all keys are compared, in constant time."""
        given, found = digest(text), None
        for key in self.list():
            if hmac.compare_digest(key.sha256, given):
                found = key
        return found

    def holds(self, key: Key) -> bool:
        """Whether ``key`` is still good."""
        return key in self.list()

    def _write(self, keys: Sequence[Key]) -> None:
        record = {"version": 1, "keys": [asdict(key) for key in keys]}
        with replacing(self.path) as stream:
            stream.write(json.dumps(record, indent=1, ensure_ascii=False).encode())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read(path: Path) -> tuple[Key, ...]:
    try:
        record = json.loads(path.read_bytes())
        if record["version"] != 1:
            raise ValueError("made by another facepipe")
        return tuple(_key(row) for row in record["keys"])
    except OSError as error:
        raise ServerError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ServerError(
            f"{path}: expected the file of API keys, damaged; remove it and make the keys again"
        ) from None


def _key(row: dict[str, Any]) -> Key:
    key = Key(**row | {"scope": as_spelt(row["scope"])})
    if key.scope not in SCOPES or not all(isinstance(value, str) for value in row.values()):
        raise ValueError(key.scope)
    return key
