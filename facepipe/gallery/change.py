"""A change of network, in one transaction: every reference has a new vector, and what was is kept until it is settled.

``meta`` has what is said of the vectors under the keys OF_NETWORK, and of those of before under ``former_`` and the
same. A cohort and a calibration belong to the vectors they were measured with, and stay with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from facepipe.commands import typed
from facepipe.errors import ChangeRefused
from facepipe.gallery.rows import places
from facepipe.gallery.store import LIVE, Record
from facepipe.records import Floats, Template

OF_NETWORK = ("backbone", "dimension", "calibration")
_FORMER = "former_"
_SINCE = f"SELECT id, stamp FROM {LIVE} AND id NOT IN (SELECT reference_id FROM former) ORDER BY id"
_NAMED = 5  # people in a message


@dataclass(frozen=True, slots=True, eq=False)
class Renewed:
    """A reference made anew: its ``template``, and the ``landmarks`` (5, 2) in the stored chip it was made from."""

    template: Template
    landmarks: Floats


Make = Callable[[Sequence[tuple[int, int]]], Mapping[int, Renewed]]
"""Makes references, given as (id, stamp), anew; those that cannot be are left out."""


def former(record: Record) -> str | None:
    """The network of before a change that is not settled yet."""
    found = record.meta(f"{_FORMER}backbone")
    return None if found is None else str(found)


def live(record: Record) -> list[tuple[int, int]]:
    """(id, stamp) of every reference that is matched."""
    return record.sql.execute(f"SELECT id, stamp FROM {LIVE} ORDER BY id").fetchall()


def since(record: Record) -> list[tuple[int, int]]:
    """(id, stamp) of those enrolled since the change."""
    return [] if former(record) is None else record.sql.execute(_SINCE).fetchall()


def switch(record: Record, stamp: int, backbone: str, make: Make, leave_out: bool) -> int:
    """Change to the templates of ``backbone``; returns of how many references. Those that cannot be made wait without a
    vector: with ``leave_out``, else it raises ChangeRefused."""
    expect_settled(record)
    wanted = live(record)
    made = make(wanted)
    unmade = [(number,) for number, _ in wanted if number not in made]
    _expect_made(record, [number for (number,) in unmade], leave_out and bool(made))
    record.sql.execute(f"INSERT INTO former SELECT id, vector, norm FROM {LIVE}")
    record.sql.execute("UPDATE cohort SET former = 1")
    _rename(record, {key: f"{_FORMER}{key}" for key in OF_NETWORK})
    record.sql.executemany("UPDATE reference SET stamp = 0, vector = x'' WHERE id = ?", unmade)
    _put(record, stamp, made)
    (one, *_) = made.values()
    record.bind(backbone, len(one.template.vector))
    return len(made)


def restore(record: Record, stamp: int, make: Make, leave_out: bool) -> tuple[int, int]:
    """Return to the vectors of before; returns how many references were there then, and how many have been enrolled
    since and are made anew now. Of those, what cannot be made is deleted: with ``leave_out``, else it raises
    ChangeRefused."""
    _expect_change(record)
    new = since(record)
    made = make(new) if new else {}
    unmade = [number for number, _ in new if number not in made]
    _expect_made(record, unmade, leave_out)
    record.sql.executemany("DELETE FROM reference WHERE id = ?", [(number,) for number in unmade])
    _put(record, stamp, made)
    old = "SELECT vector, norm FROM former WHERE reference_id = reference.id"
    back = f"UPDATE reference SET (vector, norm) = ({old}), stamp = ? WHERE id IN (SELECT reference_id FROM former)"
    count = record.sql.execute(back, (stamp,)).rowcount
    record.sql.execute("DELETE FROM cohort WHERE NOT former")
    record.sql.execute("UPDATE cohort SET former = 0")
    record.sql.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in OF_NETWORK])
    _rename(record, {f"{_FORMER}{key}": key for key in OF_NETWORK})
    record.sql.execute("DELETE FROM former")
    _forget_the_lonely(record)
    return count, len(made)


def settle(record: Record) -> int:
    """Forget what was before the change, and delete the references that could not be made; returns how many."""
    _expect_change(record)
    record.sql.execute("DELETE FROM cohort WHERE former")
    gone = record.sql.execute("DELETE FROM reference WHERE stamp = 0").rowcount
    record.sql.execute("DELETE FROM former")
    record.sql.executemany("DELETE FROM meta WHERE key = ?", [(f"{_FORMER}{key}",) for key in OF_NETWORK])
    _forget_the_lonely(record)
    return gone


def expect_settled(record: Record) -> None:
    """Raises ChangeRefused while a change is not settled."""
    if (before := former(record)) is not None and record.path is not None:
        raise ChangeRefused(
            f"{record.path}: was changed from {before} to {record.backbone}, which is not settled yet;"
            f" first keep that ({typed('gallery upgrade', record.path, '--commit')}) or return (--back)"
        )


def _expect_change(record: Record) -> None:
    if former(record) is None:
        raise ChangeRefused(
            f"{record.path}: nothing was changed that could be kept or taken back; it holds templates of"
            f" {record.backbone or 'no network yet'}"
        )


def _expect_made(record: Record, unmade: Sequence[int], allowed: bool) -> None:
    if not unmade or allowed:
        return
    whose: dict[str, int] = {}
    for number in unmade:
        person = record.reference(number).person
        whose[person] = whose.get(person, 0) + 1
    names = [f"{name} ({count})" for name, count in whose.items()]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    all_of_it = len(unmade) == record.count(LIVE)
    raise ChangeRefused(
        f"{record.path}: {len(unmade)} of {record.count(LIVE)} references cannot be made anew, for want of a picture"
        f" that shows the face: {', '.join(names[:_NAMED])}{more}; enrol these people again"
        + ("" if all_of_it else ", or go on without them (--leave-out)"),
        details=[{"person": name, "references": count} for name, count in whose.items()],
    )


def _put(record: Record, stamp: int, made: Mapping[int, Renewed]) -> None:
    rows = ((stamp, *_columns(one.template), number) for number, one in made.items())
    record.sql.executemany("UPDATE reference SET stamp = ?, vector = ?, norm = ? WHERE id = ?", rows)
    # Only now is it for another network than that whose card says where they are
    known: Iterable[tuple[bytes | None, int]] = ((places(one.landmarks), number) for number, one in made.items())
    record.sql.executemany("UPDATE thumbnail SET landmarks = ? WHERE reference_id = ? AND landmarks IS NULL", known)


def _columns(template: Template) -> tuple[bytes, float]:
    return template.vector.astype("<f4", copy=False).tobytes(), float(template.norm)


def _rename(record: Record, keys: Mapping[str, str]) -> None:
    record.sql.executemany("UPDATE meta SET key = ? WHERE key = ?", [(new, old) for old, new in keys.items()])


def _forget_the_lonely(record: Record) -> None:
    record.sql.execute("DELETE FROM person WHERE id NOT IN (SELECT person_id FROM reference)")
