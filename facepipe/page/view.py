"""What a view shows: pictures, charts, tables and words in two languages, and the checks that prove it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facepipe.records import Pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Text:
    """The same in English and Chinese. Plain text; the page escapes it."""

    en: str
    zh: str


@dataclass(frozen=True, eq=False)
class Picture:
    """An image: ``pixels`` (H, W, 3) uint8 RGB. On the page each pixel becomes ``zoom`` by ``zoom``, unsmoothed.

    ``name`` is its file name without suffix, unique within its view; ``alt`` says what is to be seen to who cannot see.
    A ``photo`` is smoothed and kept as JPEG.
    """

    name: str
    pixels: Pixels
    alt: Text
    caption: Text
    zoom: int = 1
    photo: bool = False


@dataclass(frozen=True, eq=False)
class Chart:
    """A matplotlib figure, without title; the words are in ``caption``. ``zh``: the same with words in Chinese, where
    it has words."""

    name: str
    figure: Figure
    alt: Text
    caption: Text
    zh: Figure | None = None


@dataclass(frozen=True)
class Table:
    """Rows of short strings, or of words in both languages, under ``head``."""

    caption: Text
    head: tuple[Text, ...]
    rows: tuple[tuple[str | Text, ...], ...]


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures or charts side by side, as many as there is room for."""

    blocks: tuple[Picture | Chart, ...]


@dataclass(frozen=True)
class Check:
    """A statement of the view that was tested on this very face: ``value`` ≤ ``bound``."""

    what: Text
    value: float
    bound: float

    @property
    def passed(self) -> bool:
        return self.value <= self.bound


Block = Text | Picture | Chart | Table | Row


@dataclass(frozen=True, eq=False)
class View:
    """One section of the page. ``id`` is its anchor and the folder of its pictures."""

    id: str
    title: Text
    intro: Text
    blocks: tuple[Block, ...]
    checks: tuple[Check, ...] = field(default=())
