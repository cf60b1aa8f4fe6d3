"""Where ``--annotate`` puts its pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facepipe.cli import output as out

if TYPE_CHECKING:
    from facepipe.draw import Mark
    from facepipe.records import Image

LONGEST_STEM = 200  # bytes; a file name has at most 255


class Album:
    """A folder of pictures with their faces marked. A file that is there already is kept, the new one gets a number."""

    def __init__(self, folder: Path) -> None:
        out.ready(folder)
        self._folder = folder
        self._next: dict[str, int] = {}  # by stem, or the thousandth picture of a name would try a thousand numbers

    def add(self, image: Image, marks: Sequence[Mark]) -> Path:
        """Write ``image`` with its ``marks``; where to. Raises WriteFailed."""
        from facepipe.draw import annotate, save

        stem = os.fsdecode(os.fsencode(Path(image.source).stem)[:LONGEST_STEM])
        path = self.unused(f"{stem}-faces")
        save(annotate(image, marks), path)
        return path

    def unused(self, stem: str) -> Path:
        """Where to write a picture named ``stem``."""
        while True:
            number = self._next.get(stem, 1)
            self._next[stem] = number + 1
            path = self._folder / (f"{stem}.jpg" if number == 1 else f"{stem}-{number}.jpg")
            if not path.exists():
                return path
