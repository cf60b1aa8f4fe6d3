"""Commands of facepipe as they are typed into a shell: what messages and pages tell people to do next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from facepipe.errors import UsageError
from facepipe.folders import default_gallery
from facepipe.words import is_harmless


def typed(verbs: str, gallery: Path, *options: str) -> str:
    """``facepipe`` with ``verbs`` as it is typed here about ``gallery``, which is named where it is not
    the usual one."""
    usual, file = False, gallery.resolve()
    with suppress(UsageError):
        usual = file == default_gallery().resolve()
    with suppress(ValueError):  # not in this folder
        file = file.relative_to(Path.cwd().resolve())
    return one_line([*verbs.split(), *(() if usual else ("--gallery", str(file))), *options])


def one_line(arguments: Iterable[str]) -> str:
    """``facepipe`` and its ``arguments``, quoted for the shell where they need it."""
    return " ".join(map(quoted, ["facepipe", *arguments]))


def quoted(text: str) -> str:
    """``text`` as one word for the shell, with nothing in it that a terminal would swallow."""
    if all(map(is_harmless, text)):
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(c: str) -> str:
    if c in "\\'":
        return "\\" + c
    return c if is_harmless(c) else f"\\U{ord(c):08x}"
