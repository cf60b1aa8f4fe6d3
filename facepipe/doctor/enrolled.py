"""A gallery laid out flat, and likeness within it: who is nearest to whom, in blocks that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepipe.doctor.finding import Pictured
from facepipe.gallery import Gallery
from facepipe.machine.lazy import cached_property
from facepipe.progress import Progress, quiet
from facepipe.records import Floats, Quality, Reference

Ints = npt.NDArray[np.int64]
BLOCK = 1 << 22  # scores at a time: 16 MB


@dataclass(frozen=True, eq=False)
class Enrolled:
    """R references, in the order of their people, of P ``people``: ``ids`` and ``owners`` (R,), ``owners`` as places in
    ``people``; ``vectors`` (R, D) of norm 1; ``sizes`` (R,) of the faces, image px, their ``sharpness`` (R,) and
    the detector's ``scores`` (R,), NaN where they are not known; ``marks``: the images' hashes or ""."""

    people: tuple[str, ...]
    ids: Ints
    owners: Ints
    vectors: Floats
    sizes: Floats
    sharpness: Floats
    scores: Floats
    sources: tuple[str, ...]
    marks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def counts(self) -> Ints:
        return np.bincount(self.owners, minlength=len(self.people)).astype(np.int64)

    @cached_property
    def starts(self) -> Ints:
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    def rows(self, person: int) -> Ints:
        """The references of a person."""
        return np.arange(self.starts[person], self.starts[person + 1])

    def pictured(self, row: int) -> Pictured:
        return Pictured(int(self.ids[row]), self.people[self.owners[row]], self.sources[row])

    def only(self, kept: npt.NDArray[np.bool_]) -> Enrolled:
        """With the references that are ``kept`` (R,) alone, and the people who have one of them."""
        places, owners = np.unique(self.owners[kept], return_inverse=True)
        rows = np.flatnonzero(kept)
        return Enrolled(
            tuple(self.people[place] for place in places.tolist()),
            self.ids[rows],
            owners.astype(np.int64),
            self.vectors[rows],
            self.sizes[rows],
            self.sharpness[rows],
            self.scores[rows],
            tuple(self.sources[row] for row in rows.tolist()),
            tuple(self.marks[row] for row in rows.tolist()),
        )

    @classmethod
    def read(cls, gallery: Gallery) -> Enrolled:
        references = gallery.references()
        people = tuple(dict.fromkeys(reference.person for reference in references))
        place = {name: number for number, name in enumerate(people)}
        owners = np.array([place[reference.person] for reference in references], np.int64)
        order = np.argsort(owners, kind="stable")
        references = [references[at] for at in order.tolist()]
        return cls(
            people,
            np.array([reference.id for reference in references], np.int64),
            owners[order],
            np.stack([reference.template.vector for reference in references]),
            *_measured(references),
            tuple(reference.source for reference in references),
            tuple(reference.image_sha256 for reference in references),
        )


def _measured(references: Sequence[Reference]) -> tuple[Floats, Floats, Floats]:
    """Sizes, sharpness and scores, each (R,), NaN where they are not known."""
    seen = [reference.quality or Quality(np.nan, np.nan, None) for reference in references]
    sharp = [np.nan if quality.sharpness is None else quality.sharpness for quality in seen]
    sizes, scores = [quality.size for quality in seen], [quality.score for quality in seen]
    return np.array(sizes, np.float32), np.array(sharp, np.float32), np.array(scores, np.float32)


class Circle:
    """Everybody, each as one (facepipe.scoring.fusion), while references may be left ``out`` (R,) one by one."""

    def __init__(self, enrolled: Enrolled) -> None:
        self.enrolled = enrolled
        self.out = np.zeros(len(enrolled), bool)
        self.counts = enrolled.counts.copy()
        self._sums = np.add.reduceat(enrolled.vectors, enrolled.starts[:-1], axis=0)
        self.fused = _fused(self._sums, self.counts)  # (P, D)

    def leave_out(self, row: int) -> None:
        """From now on the reference counts for nobody. A person of whom all are out is like nobody."""
        person = int(self.enrolled.owners[row])
        self.out[row] = True
        rows = self.kept(person)
        self.counts[person] = len(rows)
        self._sums[person] = self.enrolled.vectors[rows].sum(axis=0)
        self.fused[person] = _fused(self._sums[[person]], self.counts[[person]])[0]

    def kept(self, person: int) -> Ints:
        """The references of a person, without those left out."""
        rows = self.enrolled.rows(person)
        return rows[~self.out[rows]]

    def others(self, row: int) -> Ints:
        """The other references of the same person, without those left out."""
        rows = self.kept(int(self.enrolled.owners[row]))
        return rows[rows != row]

    def rests(self, rows: Ints) -> Floats:
        """Of each reference, which is not left out, the others of its person as one: (n, D), 0 where there are none."""
        owners = self.enrolled.owners[rows]
        return _fused(self._sums[owners] - self.enrolled.vectors[rows], self.counts[owners] - 1)

    def own(self, rows: Ints, report: Progress = quiet) -> Floats:
        """How like each reference is to the others of its person: (n,); NaN where there are none."""
        scores = np.full(len(rows), np.nan, np.float32)
        for at in blocks(len(rows), self.fused.shape[1], "comparing with their own", report):
            some = rows[at]
            own = np.einsum("nd,nd->n", self.enrolled.vectors[some], self.rests(some))
            scores[at] = np.where(self.counts[self.enrolled.owners[some]] > 1, own, np.nan)
        return scores

    def nearest(self, rows: Ints, report: Progress) -> tuple[Floats, Ints]:
        """For each reference the likeness to the other person who is nearest, and who that is: (n,), (n,)."""
        scores, who = np.full(len(rows), -1, np.float32), np.full(len(rows), -1, np.int64)
        owners = self.enrolled.owners[rows]
        for at in blocks(len(rows), len(self.fused), "comparing references", report):
            block = self.enrolled.vectors[rows[at]] @ self.fused.T
            lines = np.arange(len(block))
            block[lines, owners[at]] = -1
            who[at] = block.argmax(axis=1)
            scores[at] = block[lines, who[at]]
        return scores, who

    def alike(self, least: float, most: int, report: Progress) -> tuple[Floats, Ints]:
        """The ``most`` most alike pairs of people whose likeness is at least ``least``: (n,) and (n, 2)."""
        scores, pairs = np.empty(0, np.float32), np.empty((0, 2), np.int64)
        for at in blocks(len(self.fused), len(self.fused), "comparing people", report):
            block = self.fused[at] @ self.fused[at.start :].T  # each pair once
            line, column = np.nonzero(block >= least)
            once = column > line
            line, column = line[once], column[once]
            scores = np.concatenate([scores, block[line, column]])
            pairs = np.concatenate([pairs, np.stack([line, column], axis=1) + at.start])
            if len(scores) > most:
                best = np.argpartition(-scores, most - 1)[:most]
                scores, pairs = scores[best], pairs[best]
        return scores, pairs


def _fused(sums: Floats, counts: Ints) -> Floats:
    """As decision.fusion has it, from the ``sums`` (n, D) of ``counts`` (n,) vectors; of none: 0."""
    means = sums * np.where(counts > 0, 1 / np.maximum(counts, 1), 0).astype(np.float32)[:, None]
    lengths = np.sqrt(np.einsum("nd,nd->n", means, means))
    means /= np.sqrt(np.maximum(lengths, 1e-6))[:, None]
    return means


def blocks(rows: int, width: int, step: str, report: Progress) -> Iterator[slice]:
    """Slices of ``rows`` whose scores with ``width`` others fit into BLOCK, reported as ``step`` goes on."""
    size = max(1, BLOCK // max(width, 1))
    for start in range(0, rows, size):
        report(step, start, rows)
        yield slice(start, min(start + size, rows))
