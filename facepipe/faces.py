"""The faces of one image: a list that knows which image, says itself in lines and shows itself in a notebook."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from facepipe import words
from facepipe.errors import ImageError
from facepipe.image import read_image
from facepipe.records import Detection, Face, Identification, Image

Found = Detection | Face | Identification
F = TypeVar("F", bound=Found)
G = TypeVar("G", bound=Found)


class Faces(list[F]):
    """The faces of one image, the largest first. ``source``: what the image is called; ``size``: its width and height,
    px; ``shrunk`` as of ``Image``.

    The image is not kept, or a list of the results of 1,000 photos would hold all their pixels. In a notebook the faces
    show themselves in it all the same, while somebody else holds it or ``source`` is its file.
    """

    def __init__(self, faces: Iterable[F], source: str, size: tuple[int, int], shrunk: int = 1) -> None:
        super().__init__(faces)
        self.source, self.size, self.shrunk = source, size, shrunk
        self._image: weakref.ref[Image] | None = None

    @classmethod
    def of(cls, image: Image, faces: Iterable[F]) -> Faces[F]:
        """The ``faces`` found in ``image``."""
        made = cls(faces, image.source, (image.width, image.height), image.shrunk)
        made._image = weakref.ref(image)
        return made

    def told_as(self, faces: Iterable[G]) -> Faces[G]:
        """What else is known of the same faces, in their order."""
        made = Faces(faces, self.source, self.size, self.shrunk)
        made._image = self._image
        return made

    def in_file(self) -> Faces[F]:
        """With boxes and points in px of the file, where it was too large to be decoded whole."""
        if self.shrunk == 1:
            return self
        width, height = self.size
        faces = [face.enlarged(self.shrunk) for face in self]
        return Faces(
            faces,  # type: ignore[arg-type]  # what is enlarged is of its kind
            self.source,
            (width * self.shrunk, height * self.shrunk),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, in px of the file; each face with its number as ``pick`` counts them."""
        whole = self.in_file()
        faces = [{"face": number} | face.to_dict() for number, face in enumerate(whole, 1)]
        return {"source": self.source, "size": list(whole.size), "faces": faces}

    def __str__(self) -> str:
        """A line for the image and one for each face, with its number."""
        head = f"{words.printable(self.source)}: {words.count(len(self), 'face')}"
        return "\n".join([head, *(f"{number:>3}  {face}" for number, face in enumerate(self, 1))])

    def __repr__(self) -> str:
        return f"<Faces: {words.printable(self.source)}: {'; '.join(map(str, self)) or 'none'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Also to another process it goes without its image."""
        return Faces, (list(self), self.source, self.size, self.shrunk)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What IPython shows where no picture can be."""
        printer.text(str(self))

    def _repr_jpeg_(self) -> bytes | None:
        """What a notebook shows: the image with its faces marked. None where it is gone: the lines are shown then."""
        image = self._picture()
        if image is None:
            return None
        from facepipe import draw
        from facepipe.pixels import shown

        marks = [draw.mark_of(face, number) for number, face in draw.numbered(self)]
        return shown(np.asarray(draw.annotate(image, marks)))

    def _picture(self) -> Image | None:
        """The image, where it can be had; as its file is now, if that is still of its size."""
        held = None if self._image is None else self._image()
        if held is not None:
            return held
        try:
            image = read_image(self.source)
        except ImageError:
            return None
        return image if (image.width, image.height) == self.size else None
