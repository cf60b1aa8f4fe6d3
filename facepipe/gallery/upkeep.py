"""What is done with a gallery as a whole: looking it over, mending its index, moving it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from zipfile import is_zipfile

from facepipe.errors import FacepipeError, GalleryMismatch, GalleryNotFound, UsageError, WriteFailed
from facepipe.forks import PerProcess
from facepipe.gallery import archive, calibrated, change, faults
from facepipe.gallery.base import GalleryInfo, Tally
from facepipe.gallery.check import problems
from facepipe.gallery.hold import Hold
from facepipe.gallery.store import LIVE, Entry


class Upkeep:
    """The half of ``Gallery`` (gallery.py) that knows nothing of people."""

    def __init__(self, hold: Hold) -> None:
        self.path = hold.path
        self._own = PerProcess(hold.again, hold)

    @property
    def _hold(self) -> Hold:
        return self._own()

    def __len__(self) -> int:
        """How many references there are."""
        with self._hold.reading() as record:
            return record.count(LIVE)

    @property
    def backbone(self) -> str | None:
        """The id of the backbone whose templates the gallery holds; None before the first enrolment."""
        with self._hold.reading() as record:
            return record.backbone

    def info(self) -> GalleryInfo:
        with self._hold.reading() as record:
            self._hold.scoring.follow(record)
            return GalleryInfo(
                path=self.path,
                uuid=record.uuid.hex() if record.uuid else None,
                backbone=record.backbone,
                dimension=record.dimension,
                people=record.count(f"person WHERE id IN (SELECT person_id FROM {LIVE})"),
                references=record.count(LIVE),
                thumbnails=record.count("thumbnail"),
                record_bytes=_size(self.path),
                index_bytes=_size(self._hold.index.path),
                index=self._hold.index.kind(record)[0] if self._hold.exists else "valid",
                calibration=calibrated.describe(record, self._hold.scoring.calibration),
                cohort=record.count(record.cohort) if record.version > 2 else 0,
                changed_from=change.former(record),
                left_out=record.count("reference WHERE NOT stamp"),
            )

    def expect_writable(self, backbone: str) -> None:
        """Before long work whose result is to be kept. Raises GalleryNotFound (nobody enrolled), GalleryMismatch (made
        with another backbone), GalleryReadOnly, GalleryBusy."""
        with self._hold.writing():
            self._hold.expect(backbone)

    def check(self) -> list[str]:
        """Read everything and say what is wrong, one line each; [] when all is well. Changes nothing but an index file
        that is old only because this Gallery wrote to the record."""
        with self._hold.lock:
            with suppress(FacepipeError):  # what stands in the way comes out below
                self._hold.save_index()
            with self._hold.reading() as record:
                return problems(record, self._hold.index) if self._hold.exists else []

    def rebuild(self) -> int:
        """Make the index anew from the record; returns how many references it has.

        Unlike a search, which goes on in memory, it raises GalleryReadOnly or GalleryFull when it cannot be written.
        """
        with self._hold.lock:
            with self._hold.reading() as record:
                self._hold.index.rebuild(record)
            self._hold.save_index(always=True)
            return len(self._hold.index)

    def export(self, path: str | Path) -> int:
        """Write everything into one file (its format: archive.py); returns how many references. An older export there
        is replaced in one step, any other file is refused with UsageError. Raises GalleryNotFound where there is none,
        WriteFailed.
        """
        target = Path(path)
        with self._hold.reading() as record, faults.clear_errors(target):
            if target.is_dir() or (target.exists() and not is_zipfile(target)):
                raise UsageError(f"{target}: there is something that is not an export; it was left as it is")
            backbone, dimension = record.backbone, record.dimension
            if backbone is None or dimension is None:
                raise GalleryNotFound(f"{self.path}: nobody was ever enrolled there, so there is nothing to export")
            pairs = ((reference, record.chip(reference.id)) for reference in record.references())
            try:
                return archive.write(target, backbone, dimension, pairs)
            except OSError as error:
                raise WriteFailed(
                    f"{target}: cannot be written ({error.strerror or error}); name another place"
                ) from None

    def import_(self, path: str | Path) -> Tally:
        """Add an export's references, all or none, with their times of enrolment; those already here are skipped.

        Raises ArchiveInvalid, GalleryMismatch, VectorInvalid, NameInvalid; all before anything is written.
        """
        found = archive.read(Path(path))
        try:
            return self._add_entries(found.entries)
        except GalleryMismatch as error:
            raise GalleryMismatch(
                f"{path}: holds templates of {found.backbone}, {self.path} those of"
                f" {self.backbone or 'another backbone'}; import it into another gallery (--gallery OTHER)"
            ) from error

    # A change of network, which stays open until it is settled. facepipe.upgrade makes the references anew

    @property
    def former(self) -> str | None:
        """The id of the backbone of before a change that is neither settled nor taken back; None: there is none."""
        with self._hold.reading() as record:
            return change.former(record)

    def roll(self, since_change: bool = False) -> list[tuple[int, int]]:
        """Every reference as (id, stamp), which stand for one vector; or those enrolled ``since_change``."""
        with self._hold.reading() as record:
            return change.since(record) if since_change else change.live(record)

    def expect_settled(self) -> None:
        """Before long work for a change. Raises ChangeRefused while another is neither settled nor taken back."""
        with self._hold.reading() as record:
            change.expect_settled(record)

    def switch(self, backbone: str, make: change.Make, *, leave_out: bool = False) -> int:
        """Change to templates of ``backbone``, which ``make`` makes of the references; returns of how many.

        It is one transaction, in which ``make`` is called. With ``leave_out`` those that it cannot make wait,
        unmatched, for what becomes of the change. Raises ChangeRefused: some cannot be made, or the last change is not
        settled.
        """
        with self._hold.writing(removing=True) as (record, stamp):
            self._expect_there()
            count = change.switch(record, stamp, backbone, make, leave_out)
        self._hold.follow_to(backbone)
        return count

    def switch_back(self, make: change.Make, *, leave_out: bool = False) -> tuple[int, int]:
        """Return to what was before the change, calibration and cohort too; ``make`` makes what was enrolled since.

        Returns how many references were there before, and how many are made now; those that cannot be made are deleted
        with ``leave_out``. Raises ChangeRefused: some cannot be made, or nothing was changed.
        """
        with self._hold.writing(removing=True) as (record, stamp):
            self._expect_there()
            found = change.restore(record, stamp, make, leave_out)
            backbone = str(record.backbone)
        self._hold.follow_to(backbone)
        return found

    def settle(self) -> int:
        """Keep the change: what was before is overwritten, and the references that could not be made are deleted;
        returns how many those are. Raises ChangeRefused: nothing was changed."""
        with self._hold.writing(removing=True) as (record, _):
            self._expect_there()
            return change.settle(record)

    def copy(self, path: Path) -> None:
        """Write the record, as it is at one moment, into the empty file ``path``, as a gallery of its own."""
        with self._hold.reading() as record, faults.clear_errors(path):
            self._expect_there()
            record.copy(path)

    def _expect_there(self) -> None:
        if not self._hold.exists:
            raise faults.not_there(self.path)

    def _add_entries(self, entries: list[Entry]) -> Tally:
        if not entries:
            return Tally(0, 0)
        with self._hold.writing([new.template for _, new, _ in entries]) as (record, stamp):
            return record.add(entries, stamp)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
