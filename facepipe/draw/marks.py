"""What is said of a face that is marked in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from facepipe import words
from facepipe.records import Candidate, Detection, Face, Identification

KNOWN, UNKNOWN, NEUTRAL = "#0f9d8a", "#d97706", "#3b82f6"
GROUND = (12, 18, 28)  # of what is written below a picture
COLOURS = {True: KNOWN, False: UNKNOWN, None: NEUTRAL}

T = TypeVar("T")


@dataclass(frozen=True)
class Mark:
    """One face to mark: its ``detection``, the ``label`` beside it, and whether it is ``known`` (None: not asked).
    ``number``: what the face is called elsewhere, shown before the label; no two marks of a picture have the same."""

    detection: Detection
    label: str
    known: bool | None = None
    number: int | None = None

    @property
    def colour(self) -> str:
        return COLOURS[self.known]


def numbered(faces: Sequence[T]) -> list[tuple[int | None, T]]:
    """Each of an image's ``faces`` with its number as ``pick`` counts them; a single one needs none."""
    return [(number if len(faces) > 1 else None, face) for number, face in enumerate(faces, 1)]


def mark_of(face: Detection | Face | Identification, number: int | None = None) -> Mark:
    """Who it is, where that was asked; else how sure the detector is that it is a face."""
    if isinstance(face, Identification):
        return mark_identified(face, number)
    found = face.detection if isinstance(face, Face) else face
    return Mark(found, f"{found.score:.2f}", number=number)


def mark_identified(face: Identification, number: int | None = None) -> Mark:
    """The name of a known face and how sure it is; of a stranger, that they are unknown, and who comes nearest."""
    return Mark(face.detection, label(face.name, face.guess), face.name is not None, number)


def label(name: str | None, guess: Candidate | None) -> str:
    """As ``words.who``, shorter; the score where no probability was measured."""
    if name is not None and guess is not None and guess.probability is None:
        return f"{name} {guess.score:.2f}"
    return words.who(name, guess, joint=" ")
