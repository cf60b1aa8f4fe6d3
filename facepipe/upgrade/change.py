"""Showing what another network changes, changing to it, and what becomes of the change."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from facepipe.errors import FacepipeError, GalleryMismatch, UsageError
from facepipe.gallery import Gallery, faults, index_file
from facepipe.gallery.database import put_in_place
from facepipe.networks.cards import card_of, network_name
from facepipe.pipeline import Pipeline
from facepipe.progress import Progress, quiet
from facepipe.upgrade.comparison import Comparison, compare
from facepipe.upgrade.renewal import Renewal


class Upgrade:
    """The change of ``gallery`` to the backbone of ``pipe``, a pipeline with the new one, or its name.

    What is made of a reference is made once, however many of the methods are called. All raise GalleryNotFound (nobody
    enrolled) and UsageError (it holds templates of that backbone already).
    """

    def __init__(self, gallery: Gallery, pipe: Pipeline | str, report: Progress = quiet) -> None:
        self.gallery, self.pipe = gallery, Pipeline(pipe) if isinstance(pipe, str) else pipe
        self._renewal, self._report = Renewal(self.pipe), report

    def compare(self) -> Comparison:
        """What would change: errors of both networks on the gallery's own people, who gains and who loses, and which
        references cannot be made anew. Changes nothing."""
        self._expect_another()
        made = self._renewal.make(self.gallery, self.gallery.roll(), self._report)
        self._report("comparing", 0, 1)
        references = self.gallery.references()
        cards = card_of(self.gallery.backbone), self.pipe.backbone.card
        return compare(references, made, cards, self.pipe.backbone.id)

    def apply(self, *, leave_out: bool = False) -> int:
        """Change the gallery, in one transaction, and return of how many references. What was before is kept until
        ``commit`` or ``go_back``, calibration and cohort too, which hold no more.

        Who is enrolled meanwhile is waited for. With ``leave_out`` references that cannot be made are not matched any
        more; they return with ``go_back`` and are deleted with ``commit``. Raises ChangeRefused: some cannot be made,
        or the last change is neither kept nor taken back; GalleryReadOnly, GalleryFull, GalleryBusy.
        """
        self._expect_another()
        self.gallery.expect_settled()
        self.gallery.expect_writable(str(self.gallery.backbone))
        self._renewal.make(self.gallery, self.gallery.roll(), self._report)  # the long part, while others may write
        make = partial(self._renewal.make, self.gallery)
        return self.gallery.switch(self.pipe.backbone.id, make, leave_out=leave_out)

    def write(self, path: str | Path, *, leave_out: bool = False) -> int:
        """Leave the gallery as it is, and write what it would be into another file, with nothing in it of before;
        return of how many references. With ``leave_out`` those that cannot be made are not in it. Raises as ``apply``,
        and UsageError where there is something at ``path``.
        """
        expect_free(Path(path))
        self._expect_another()
        self.gallery.expect_settled()
        self._renewal.make(self.gallery, self.gallery.roll(), self._report)
        with _copy(self.gallery, Path(path)) as copy:
            count = copy.switch(self.pipe.backbone.id, partial(self._renewal.make, copy), leave_out=leave_out)
            copy.settle()
        with suppress(FacepipeError), Gallery.open(path) as made:
            made.rebuild()  # the index, so that the first use does not find it missing
        return count

    def _expect_another(self) -> None:
        before = self.gallery.backbone
        if before is None:
            raise faults.not_there(self.gallery.path)
        if not self.gallery.count():
            raise UsageError(
                f"{self.gallery.path}: nobody is enrolled, so that there is nothing to make anew; to begin with another"
                " network remove the file"
            )
        if before == self.pipe.backbone.id:
            raise UsageError(f"{self.gallery.path}: holds templates of {before} already; name another network")


def commit(gallery: Gallery) -> int:
    """Keep the change of network: what was before is overwritten, and references that could not be made are deleted;
    returns how many those are. Raises ChangeRefused: nothing was changed; GalleryReadOnly, GalleryFull."""
    return gallery.settle()


def go_back(
    gallery: Gallery, pipe: Pipeline | None = None, *, leave_out: bool = False, report: Progress = quiet
) -> tuple[int, int]:
    """Return to the vectors of before the change of network, with their calibration and cohort; returns how many
    references were there then, and how many have been enrolled since.

    The latter are made anew with the network of before: that of ``pipe``, None: loaded when it is needed. With
    ``leave_out`` those that cannot be made are deleted. Raises ChangeRefused: some cannot be made, or nothing was
    changed; ModelNotFound, WeightsMissing, GalleryMismatch (it is not the network of before); GalleryReadOnly,
    GalleryFull.
    """
    before, since = gallery.former, gallery.roll(since_change=True)
    if before is None or not since:
        return gallery.switch_back(lambda places: {}, leave_out=leave_out)
    gallery.expect_writable(str(gallery.backbone))
    old = pipe or Pipeline(network_name(before))
    if old.backbone.id != before:
        raise GalleryMismatch(
            f"{gallery.path}: {len(since)} references were enrolled since the change, and have to be made anew with"
            f" {before}; the network given is {old.backbone.id}"
        )
    renewal = Renewal(old)
    renewal.make(gallery, since, report)
    return gallery.switch_back(partial(renewal.make, gallery), leave_out=leave_out)


def expect_free(path: Path) -> None:
    """Raises UsageError where something is at ``path``."""
    if path.exists():
        raise UsageError(f"{path}: there is something already, which was left as it is; name another file")


@contextmanager
def _copy(gallery: Gallery, path: Path) -> Iterator[Gallery]:
    """A copy of the gallery, which is at ``path`` when all went well, whole from the first moment."""
    with faults.clear_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)  # mode 0600
        os.close(handle)
    made = Path(name)
    try:
        gallery.copy(made)
        with Gallery.open(made) as copy:
            yield copy
        with faults.clear_errors(path):
            put_in_place(made, path)
    finally:
        made.unlink(missing_ok=True)
        index_file.delete(Path(f"{made}.faiss"))
