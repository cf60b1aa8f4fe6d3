"""The commands that mend what was found, as they are typed into a shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facepipe.commands import one_line
from facepipe.defaults import BACKBONE


@dataclass(frozen=True, slots=True)
class Step:
    """One command: its ``verbs``, its ``options``, and the ``words`` it is about, which may be any text."""

    verbs: tuple[str, ...]
    words: tuple[str, ...]
    options: tuple[str, ...] = ()

    def arguments(self, gallery: Path | str | None = None) -> list[str]:
        """The arguments after ``facepipe``; ``gallery``: the file, where it is not the usual one."""
        where = [] if gallery is None else ["--gallery", str(gallery)]
        end = ["--"] if any(word.startswith("-") for word in self.words) else []  # a name may look like an option
        return [*self.verbs, *where, *self.options, *end, *self.words]


def command(steps: Sequence[Step], gallery: Path | str | None = None) -> str:
    """The ``steps`` on one line for the shell, each only if the one before went well; "" for none."""
    return " && ".join(one_line(step.arguments(gallery)) for step in steps)


def drop(reference: int) -> Step:
    return Step(("people", "remove-reference"), (str(reference),))


def merge(source: str, into: str) -> Step:
    return Step(("people", "merge"), (source, into))


def enroll(person: str, photo: str, backbone: str) -> Step:
    return Step(("enroll",), (person, photo), _with(backbone))


def enroll_anew(person: str, backbone: str) -> Step:
    return Step(("enroll",), (person,), ("--webcam", *_with(backbone)))


def _with(backbone: str) -> tuple[str, ...]:
    return () if backbone == BACKBONE else ("--backbone", backbone)
