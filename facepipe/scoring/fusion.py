"""Several references of one person as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facepipe.scoring.evidence import Floats


def fuse(vectors: Floats, counts: Sequence[int] | npt.NDArray[np.intp]) -> Floats:
    """``vectors`` (R, D) of norm 1, person after person, ``counts`` (P,) of each → (P, D), one for each person.

    Its inner product with a probe is the person's score: the cosine to the mean of the references × √(the mean's
    length), which is √(mean of the cosines × cosine to the mean). The cosine to the mean rises with every reference,
    for strangers too; the mean of the cosines is held down by a poor reference. In between, strangers reach a threshold
    about as often with eight references as with one, so that the rates measured on pairs hold for people
    (docs/evaluate.md).
    """
    starts = np.concatenate([[0], np.cumsum(counts[:-1], dtype=np.int64)]).astype(np.int64)
    means = np.add.reduceat(vectors, starts, axis=0) / np.asarray(counts, np.float32)[:, None]
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.sqrt(np.maximum(lengths, 1e-6)), np.float32)
