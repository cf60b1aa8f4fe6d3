"""References made anew from the chips that are stored with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from facepipe.align.cut import cut_chip
from facepipe.align.kept import open_chip
from facepipe.embed.base import BATCH, templates
from facepipe.errors import FaceError, ReferenceNotFound
from facepipe.gallery import Gallery
from facepipe.gallery.change import Renewed
from facepipe.networks.cards import Input, card_of
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress, quiet
from facepipe.records import Chip, Floats, StoredChip

Place = tuple[int, int]
"""A reference as (id, stamp): one vector."""


class Renewal:
    """Makes references anew with the backbone of ``pipe``. What was made is not made again.

    ``pipe`` also finds the face in a chip of which nothing says where it is: one that an older facepipe cut for a
    network that is not here any more.
    """

    def __init__(self, pipe: Pipeline) -> None:
        self.pipe = pipe
        self._made: dict[Place, Renewed | None] = {}

    def make(self, gallery: Gallery, wanted: Sequence[Place], report: Progress = quiet) -> Mapping[int, Renewed]:
        """Those of the ``wanted`` references of ``gallery`` that can be made, by id."""
        card = card_of(gallery.backbone)
        of = None if card is None else card.chip
        new = [place for place in wanted if place not in self._made]
        for start in range(0, len(new), BATCH):
            report("making references anew", start, len(new))
            self._make(gallery, new[start : start + BATCH], of)
        rows = ((id, self._made[id, stamp]) for id, stamp in wanted)
        return {id: made for id, made in rows if made is not None}

    def _make(self, gallery: Gallery, places: Sequence[Place], of: Input | None) -> None:
        chips: dict[Place, tuple[Chip, Floats]] = {}
        for place in places:
            stored = None
            with suppress(ReferenceNotFound):  # somebody removed it meanwhile
                stored = gallery.chip(place[0])
            if stored is not None and (cut := self._cut(stored, of)) is not None:
                chips[place] = cut
        made = templates(self.pipe.backbone, [chip for chip, _ in chips.values()])
        for place in places:
            self._made[place] = None
        for (place, (_, landmarks)), template in zip(chips.items(), made, strict=True):
            self._made[place] = Renewed(template, landmarks)

    def _cut(self, stored: StoredChip, of: Input | None) -> tuple[Chip, Floats] | None:
        """The backbone's chip, and where the landmarks are in the stored one."""
        opened = open_chip(stored, of)
        if opened is None:
            return None
        image, landmarks = opened
        if landmarks is None:
            found = self.pipe.detect(image)
            landmarks = found[0].landmarks if found else None
        with suppress(FaceError):
            return None if landmarks is None else (cut_chip(image, landmarks, self.pipe.backbone.card.chip), landmarks)
        return None
