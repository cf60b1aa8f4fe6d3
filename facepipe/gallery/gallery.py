"""The gallery: who is enrolled, and who a probe may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Protocol, TypeAlias
from zipfile import is_zipfile

import numpy as np

from facepipe import folders
from facepipe.errors import (
    FacepipeError,
    GalleryError,
    GalleryMismatch,
    GalleryNotFound,
    PersonNotFound,
    UsageError,
    WriteFailed,
)
from facepipe.gallery import archive, calibrated, change, faults, own_strangers, rows
from facepipe.gallery.base import GalleryInfo, NewReference, Person, Strangers, Tally
from facepipe.gallery.check import problems
from facepipe.gallery.hold import Hold
from facepipe.gallery.names import clean_name
from facepipe.gallery.scoring import Scoring
from facepipe.gallery.store import LIVE, Entry, Record
from facepipe.machine.forks import PerProcess
from facepipe.records import Candidate, Reference, StoredChip, Template
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences
from facepipe.scoring.strangers import OwnStrangers
from facepipe.words import count

Who: TypeAlias = str | int
"""A person, by name or by ``Person.id``."""


class BackboneLike(Protocol):
    """As much of a backbone as a gallery needs to know."""

    @property
    def id(self) -> str: ...


class Gallery:
    """People and their references, in one SQLite file with a search index beside it. Open it with ``Gallery.open``.

    Every change is on disk, whole, when the method returns. Any number of threads and processes may use a gallery at
    once: writes take turns (GalleryBusy after ``busy_timeout``), and every read sees what the others have written until
    then. A person exists as long as they have a reference.

    Any method may raise GalleryCorrupt, GalleryBusy, GalleryDenied, GalleryNotFound (the file went away), and those
    that change something GalleryReadOnly and GalleryFull. After any error the gallery is as it was before the call.
    """

    def __init__(self, hold: Hold) -> None:
        self.path = hold.path
        self._own = PerProcess(hold.again, hold)

    @property
    def _hold(self) -> Hold:
        return self._own()

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        backbone: BackboneLike | str | None = None,
        create: bool = True,
        read_only: bool = False,
        busy_timeout: float = 10.0,
    ) -> Gallery:
        """Open the gallery at ``path`` (None: ``folders.default_gallery()``).

        ``backbone``, itself or its id, is the one whose templates are going to be used. A missing file is made by the
        first enrolment, not before; with ``create=False`` or ``read_only`` it is an error. Where there is no permission
        to write, reading works and writing raises GalleryReadOnly. ``busy_timeout``: seconds to wait for other writers.

        Raises GalleryNotFound, GalleryMismatch (made with another backbone), GalleryCorrupt (damaged, or no gallery).
        """
        given = folders.default_gallery() if path is None else Path(path)
        if "\0" in str(given):
            raise UsageError(f"gallery {str(given)!r}: a path cannot have a NUL character")
        expected = backbone if backbone is None or isinstance(backbone, str) else backbone.id
        with faults.clear_errors(given):
            hold = Hold(given.resolve(), expected, read_only, busy_timeout)  # resolved: one index file per record
        try:
            with hold.reading():
                if not hold.exists and (read_only or not create):
                    raise faults.not_there(given)
        except BaseException:
            hold.close()
            raise
        return cls(hold)

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            f"{self.path}: an open gallery cannot be sent to another process; send its path, and open it there"
        )

    def __repr__(self) -> str:
        try:
            held = f"{count(self.count(), 'person', 'people')}, {count(len(self), 'reference')}"
        except GalleryError:  # closed, or damaged
            held = "cannot be read"
        return f"<Gallery: {self.path}, {held}>"

    def __enter__(self) -> Gallery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Bring the index file up to date where it can be, and close. May be called again."""
        self._hold.close()

    def __len__(self) -> int:
        """How many references there are."""
        with self._hold.reading() as record:
            return record.count(LIVE)

    @property
    def backbone(self) -> str | None:
        """The id of the backbone whose templates the gallery holds; None before the first enrolment."""
        with self._hold.reading() as record:
            return record.backbone

    @property
    def uuid(self) -> str | None:
        """Which gallery this is: ids mean the same people and references wherever this is the same. It stays whatever
        is done to the gallery, a change of network included; a new file has another, also for the same export imported.
        None before the first enrolment."""
        with self._hold.reading() as record:
            return record.uuid.hex() if record.uuid else None

    def info(self) -> GalleryInfo:
        with self._hold.reading() as record:
            self._hold.scoring.follow(record)
            return GalleryInfo(
                path=self.path,
                uuid=self.uuid,
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

    # Enrolment

    def add(self, person: str, entries: Sequence[NewReference]) -> list[Reference | None]:
        """Enrol ``entries`` under ``person``, all or none. None stands for an image that ``person`` has already.

        Raises NameInvalid, GalleryMismatch (templates of another backbone), VectorInvalid.
        """
        name, now = clean_name(person), rows.now()
        if not entries:
            return []
        with self._hold.writing([new.template for new in entries]) as (record, stamp):
            record.add([(name, new, now) for new in entries], stamp)
            marks = [rows.fingerprint(new) for new in entries]
            found = [None if mark in marks[:i] else record.find(name, mark, stamp) for i, mark in enumerate(marks)]
            return [None if number is None else record.reference(number) for number in found]

    def add_many(self, items: Iterable[tuple[str, NewReference]]) -> Tally:
        """Enrol (person, reference) pairs in bulk, in one transaction. Raises as ``add`` does."""
        now = rows.now()
        return self._add_entries([(clean_name(person), new, now) for person, new in items])

    def _add_entries(self, entries: list[Entry]) -> Tally:
        if not entries:
            return Tally(0, 0)
        with self._hold.writing([new.template for _, new, _ in entries]) as (record, stamp):
            return record.add(entries, stamp)

    def holders(self, image_sha256: str) -> dict[str, int]:
        """Under whose names the image is enrolled, and as which reference of theirs."""
        with self._hold.reading() as record:
            return record.holders(image_sha256)

    # Identification

    def search(
        self,
        templates: Sequence[Template] | Template,
        top: int = 5,
        *,
        lengths: Sequence[float] | None = None,
        who: Sequence[str] = (),
        evidence: ByReferences | None = None,
        scoring: Scoring | None = None,
    ) -> list[tuple[Candidate, ...]]:
        """For each probe the ``top`` people who are most like it, best first, with their nearest reference.

        A person is compared with all their references as one (facepipe.scoring.fusion). In a gallery calibrated with a
        cohort, scores are corrected for it; ``who`` (N,), whose the probes are, is given where that is known: they are
        no strangers to themselves. ``lengths`` (N,) of probes that are means of several templates: scores are those
        times as much. Candidates have a probability where the gallery is calibrated, or by ``evidence``. ``scoring``
        takes the place of the calibration and the cohort that the gallery has.

        Probes are searched together: one call with many is faster than many calls. An empty gallery gives () for each.
        Raises GalleryMismatch (probe of another backbone), VectorInvalid, UsageError (``top`` < 1, too few ``who``).
        """
        probes = [templates] if isinstance(templates, Template) else list(templates)
        if not isinstance(top, (int, np.integer)) or top < 1:
            raise UsageError(f"top: expected a whole number from 1, got {top!r}")
        if len(who) not in (0, len(probes)):
            raise UsageError(f"who: expected a name for each of {len(probes)} probes, got {len(who)}")
        if not probes:
            return []
        with self._hold.searching() as index:
            vectors = self._hold.checked(probes, index.backbone, index.dimension)
            if lengths is not None:
                vectors = vectors * np.asarray(lengths, np.float32)[:, None]
            kept = scoring or self._hold.scoring
            says = evidence if kept.calibration is None else kept.calibration.evidence
            return kept.rank(index, vectors, int(top), says, who)

    def own_strangers(self, evidence: ByReferences | None = None) -> OwnStrangers | None:
        """How near everybody comes to all the others, which tells how often a stranger gets a name here; None while
        fewer than 50 people are enrolled, or so many (400,000 references) that it would take too long.

        ``evidence`` says who is likelier one person under two names: they are not compared. Measured anew when the
        gallery has changed, in a fraction of a second.
        """
        with self._hold.searching() as index:
            key = (index.state, evidence)
            if self._hold.strangers is None or self._hold.strangers[0] != key:
                self._hold.strangers = key, own_strangers.measure(index, self._hold.scoring, evidence)
            return self._hold.strangers[1]

    @property
    def calibration(self) -> Calibration | None:
        """What was measured on one's own people, if it was (facepipe.evaluate.calibrate)."""
        with self._hold.reading() as record:
            self._hold.scoring.follow(record)
            return self._hold.scoring.calibration

    def known(self) -> calibrated.Known:
        """Everybody enrolled, and the hashes of their images."""
        with self._hold.reading() as record:
            return calibrated.known(record)

    def calibrate(
        self, calibration: Calibration | None, cohort: Strangers | None = None, known: calibrated.Known = frozenset()
    ) -> None:
        """Keep ``calibration`` in place of what there was, with its ``cohort``, in which nobody is who was ``known``
        when it was looked for and has been removed since.

        None removes both. Whoever is removed from the gallery is removed from the cohort, by name, and so is a
        reference that is removed, by its image or its vector. Raises UsageError (calibration of another backbone),
        GalleryNotFound (nobody enrolled).
        """
        with self._hold.writing() as (record, _):
            if not self._hold.exists:
                raise faults.not_there(self.path)
            calibrated.write(record, calibration, cohort, known)

    # People and references. A person goes by name or by number, which stays when the name changes

    def people(self) -> list[Person]:
        """Everybody, in the order of their first enrolment."""
        with self._hold.reading() as record:
            return record.people()

    def count(self) -> int:
        """How many people are enrolled."""
        with self._hold.reading() as record:
            return record.count("person")

    def person(self, person: Who) -> Person:
        """Raises PersonNotFound."""
        with self._hold.reading() as record:
            return _find(record, person)

    def references(self, person: Who | None = None) -> list[Reference]:
        """The references of ``person``, or of everybody, in the order of enrolment. Raises PersonNotFound."""
        with self._hold.reading() as record:
            return list(record.references(None if person is None else _name(record, person)))

    def reference(self, id: int) -> Reference:
        """Raises ReferenceNotFound."""
        with self._hold.reading() as record:
            return record.reference(id)

    def chip(self, id: int) -> StoredChip | None:
        """The aligned face stored with a reference, or None. Raises ReferenceNotFound."""
        with self._hold.reading() as record:
            record.reference(id)
            return record.chip(id)

    def thumbnail(self, id: int) -> bytes | None:
        """Its encoded picture alone."""
        chip = self.chip(id)
        return None if chip is None else chip.image

    def rename(self, old: Who, new: str) -> None:
        """Raises PersonNotFound, PersonExists (merge instead), NameInvalid."""
        with self._hold.writing() as (record, _):
            record.rename(_name(record, old), clean_name(new))

    def merge(self, sources: Sequence[Who] | Who, into: Who) -> Tally:
        """Give the references of ``sources`` to ``into``, who must exist; a shared image is kept once (``skipped``).

        Raises PersonNotFound.
        """
        several = [sources] if isinstance(sources, str | int) else sources
        with self._hold.writing(removing=True) as (record, _):
            return record.merge([_name(record, person) for person in several], _name(record, into))

    def remove(self, person: Who) -> int:
        """Delete ``person`` and their references (returns how many): the vectors are overwritten in the record, and the
        index file is deleted, to be made anew without them. Raises PersonNotFound."""
        with self._hold.writing(removing=True) as (record, _):
            return record.remove(_name(record, person))

    def remove_reference(self, id: int) -> Reference:
        """Delete one reference as ``remove`` does, and the person with their last one. Raises ReferenceNotFound."""
        with self._hold.writing(removing=True) as (record, _):
            return record.remove_reference(id)

    # The whole: looking it over, mending its index, moving it

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
            try:
                return archive.write(target, backbone, dimension, record.references(), record.chips())
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


def _find(record: Record, who: Who) -> Person:
    """Raises PersonNotFound."""
    found = record.people(record.person(clean_name(who)) if isinstance(who, str) else who)
    if not found:
        raise PersonNotFound(f"{who}: nobody enrolled has this number; see the list of people")
    return found[0]


def _name(record: Record, who: Who) -> str:
    """The name of ``who``, as it is now. Raises PersonNotFound for a number that nobody has."""
    return clean_name(who) if isinstance(who, str) else _find(record, who).name


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
