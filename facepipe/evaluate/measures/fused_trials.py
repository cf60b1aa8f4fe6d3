"""Photos against people with several references, as a gallery compares them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facepipe.records import Floats
from facepipe.scoring.cohort import Cohort
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.scoring.fusion import fuse

COUNTS = (2, 3, 5)  # references; beyond, the fit for five is used
DRAWS = 8
FEWEST = 100  # genuine scores, over all draws
PEOPLE, PROBES = 500, 2000  # a draw, at most


def by_references(
    single: Evidence, vectors: Floats, people: Sequence[str], cohort: Cohort | None = None, seed: int = 0
) -> ByReferences:
    """``single``, with a fit beside it for each number of references of which there are enough."""
    fits = {1: single}
    for count in COUNTS:
        genuine, impostor = fused_trials(vectors, people, count, cohort, seed)
        if len(genuine) >= FEWEST:
            fits[count] = Evidence.fit(genuine, impostor)
    return ByReferences(tuple(fits), tuple(fits.values()))


def fused_trials(
    vectors: Floats, people: Sequence[str], count: int, cohort: Cohort | None = None, seed: int = 0
) -> tuple[Floats, Floats]:
    """Genuine and impostor scores of ``vectors`` (N, D) of ``people`` (N,) with everybody of whom ``count`` random ones
    are references and at least one is left; corrected by a ``cohort``, if given, of which neither side is a part."""
    who = np.asarray(people, dtype=object)
    names, codes, sizes = np.unique(who, return_inverse=True, return_counts=True)
    usable = np.flatnonzero(sizes > count)
    genuine, impostor = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
    for draw in range(DRAWS if usable.size else 0):
        rng = np.random.default_rng([seed, count, draw])
        enrolled = rng.permutation(usable)[:PEOPLE]
        references = np.concatenate([rng.permutation(np.flatnonzero(codes == code))[:count] for code in enrolled])
        fused = fuse(vectors[references], [count] * len(enrolled))
        probes = rng.permutation(np.setdiff1d(np.arange(len(who)), references))[:PROBES]
        scores = np.clip(vectors[probes] @ fused.T, -1, 1)
        if cohort is not None:
            scores = cohort.correct(scores, vectors[probes], fused, names[enrolled].tolist(), who[probes].tolist())
        same = codes[probes][:, None] == enrolled
        genuine.append(scores[same])
        impostor.append(scores[~same])
    return np.concatenate(genuine), np.concatenate(impostor)
