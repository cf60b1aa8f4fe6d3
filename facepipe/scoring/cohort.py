"""A score corrected by how near strangers come: some faces resemble many others, and then a high cosine says less.

Adaptive symmetric score normalisation (Matějka et al. 2017, "Analysis of score normalization in multilingual speaker
recognition", section 2.4), with two changes. A floor under the standard deviations, which are noisy over few
strangers: the typical one is added in quadrature. And the result is put back on the scale of cosines: for faces to
which strangers come as near as to most, the corrected score is their cosine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepipe.machine.lazy import cached_property
from facepipe.scoring.evidence import Floats

# Tuned on lfw-dev, fold 0, all against all (scripts/measure_levers.py)
NEAREST = 50  # strangers: the nearest, the only ones that say how alike an impostor may be
FEWEST = 200  # people: with fewer the correction did harm
MOST_OF_ONE = 10  # vectors of one person

Labels = Sequence[str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """How near strangers come: ``mean`` and standard deviation ``sd`` of the NEAREST highest cosines."""

    mean: Floats
    sd: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """The strangers nearest to each of n vectors: ``cosines`` and whose they are, as ``codes`` of the cohort, (n, K);
    ``own`` (n,): the code of each vector's person, -1 for nobody of the cohort."""

    cosines: Floats
    codes: npt.NDArray[np.intp]
    own: npt.NDArray[np.intp]

    def __getitem__(self, rows: npt.NDArray[np.int64] | slice) -> Near:
        return Near(self.cosines[rows], self.codes[rows], self.own[rows])


class Cohort:
    """Strangers: ``vectors`` (C, D) of norm 1 and whose each is (C,). Of one person the first MOST_OF_ONE count.

    Raises ValueError for fewer than FEWEST people.
    """

    def __init__(self, vectors: Floats, people: Sequence[str]) -> None:
        names, codes = np.unique(np.asarray(people, dtype=object), return_inverse=True)
        if len(names) < FEWEST:
            raise ValueError(f"a cohort of {len(names)} people: expected at least {FEWEST}")
        kept = _first_of_each(codes, MOST_OF_ONE)
        self.vectors, self._codes = vectors[kept], codes[kept]
        self._code_of: dict[str | None, int] = {str(name): code for code, name in enumerate(names)}

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def typical(self) -> tuple[float, float]:
        """The mean and the standard deviation at a typical face: medians over the cohort itself."""
        some = np.linspace(0, len(self) - 1, min(len(self), 1000)).astype(int)
        cosines = self.vectors[some] @ self.vectors.T
        found = _spread(np.where(self._codes[some][:, None] == self._codes, -np.inf, cosines))
        return float(np.median(found.mean)), float(np.median(found.sd))

    def correct(self, scores: Floats, probes: Floats, references: Floats, whose: Labels, who: Labels = ()) -> Floats:
        """``scores`` (N, M) of ``probes`` (N, D) against ``references`` (M, D), fused or single, corrected: (N, M).

        ``whose`` (M,) are the people of the references, ``who`` (N,) those of the probes where they are known: neither
        may stand among the strangers of their comparison, and both are left out.
        """
        return self.correct_near(scores, self.near(probes, who), self.near(references, whose))

    def correct_near(self, scores: Floats, probes: Near, references: Near) -> Floats:
        """As ``correct``, with the strangers near to each side found before (``near``)."""
        mean, sd = self.typical
        width = np.hypot(sd, sd)
        of_probe = _sides(probes, references.own)
        of_reference = _sides(references, probes.own)
        z = (scores - of_probe.mean) / np.hypot(of_probe.sd, sd)
        z += (scores - of_reference.mean.T) / np.hypot(of_reference.sd, sd).T
        return np.clip(mean + width * z / 2, -1, 1).astype(np.float32)

    def near(self, vectors: Floats, people: Labels = ()) -> Near:
        """The strangers nearest to each of ``vectors`` (n, D), whose ``people`` (n,) are left out where known."""
        names = people if len(people) else [None] * len(vectors)
        own = np.array([self._code_of.get(name, -1) for name in names], np.intp)
        cosines = vectors @ self.vectors.T
        cosines[own[:, None] == self._codes] = -np.inf
        most = min(NEAREST + MOST_OF_ONE, len(self))  # so many are left when one more person is
        nearest = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
        return Near(np.take_along_axis(cosines, nearest, axis=1), self._codes[nearest], own)


def _sides(near: Near, others: npt.NDArray[np.intp]) -> Spread:
    """The strangers around each of n vectors, as seen by each of ``others`` (m,): (n, m)."""
    plain = _spread(near.cosines)
    mean, sd = (np.repeat(values[:, None], len(others), axis=1) for values in (plain.mean, plain.sd))
    for code in np.unique(others[others >= 0]):
        beside = np.flatnonzero((near.codes == code).any(axis=1))  # only there does leaving it out change something
        if beside.size:
            without = _spread(np.where(near.codes[beside] == code, -np.inf, near.cosines[beside]))
            at = np.ix_(beside, np.flatnonzero(others == code))
            mean[at], sd[at] = without.mean[:, None], without.sd[:, None]
    return Spread(mean, sd)


def _spread(cosines: Floats) -> Spread:
    """Over the NEAREST highest of the last axis of ``cosines`` (…, C)."""
    highest = -np.partition(-cosines, NEAREST - 1, axis=-1)[..., :NEAREST]
    return Spread(highest.mean(axis=-1), highest.std(axis=-1))


def _first_of_each(codes: npt.NDArray[np.intp], most: int) -> npt.NDArray[np.intp]:
    """The places of the first ``most`` of each code, in order."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    starts = np.searchsorted(ordered, ordered)
    return np.sort(order[np.arange(len(codes)) - starts < most])
