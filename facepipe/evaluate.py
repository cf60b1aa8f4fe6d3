"""Error rates of verification (ISO/IEC 19795-1): false match rate, true match rate, thresholds, accuracy."""

from __future__ import annotations

import numpy as np

from facepipe.records import Floats


def threshold_at_fmr(impostor: Floats, fmr: float, least: int = 10) -> float:
    """The least threshold at which at most ``fmr`` of the ``impostor`` scores are matches (score ≥ threshold).

    Raises ValueError when fewer than ``least`` scores would match: then the tail is too thin to read a rate from.
    """
    if not 0 < fmr < 1:
        raise ValueError(f"FMR {fmr:g}: expected more than 0 and less than 1")
    if len(impostor) * fmr < least:
        raise ValueError(f"{len(impostor)} impostor scores: expected at least {least / fmr:.0f} for FMR {fmr:g}")
    allowed = int(len(impostor) * fmr)
    highest = np.partition(impostor, len(impostor) - allowed - 1)[len(impostor) - allowed - 1 :]
    return float(np.nextafter(highest[0], np.float32(2), dtype=np.float32))


def match_rate(scores: Floats, threshold: float) -> float:
    """The share of ``scores`` that are matches: TMR of genuine scores, FMR of impostor scores."""
    return float(np.mean(scores >= threshold))


def best_accuracy(genuine: Floats, impostor: Floats) -> tuple[float, float]:
    """(accuracy, threshold) at the threshold that decides most pairs rightly."""
    scores = np.concatenate([genuine, impostor])
    candidates = np.append(scores, np.nextafter(scores.max(), np.float32(2), dtype=np.float32))  # the last: none match
    sorted_genuine, sorted_impostor = np.sort(genuine), np.sort(impostor)
    accepted = len(genuine) - np.searchsorted(sorted_genuine, candidates)
    rejected = np.searchsorted(sorted_impostor, candidates)
    right = accepted + rejected
    best = int(np.argmax(right))
    return float(right[best] / len(scores)), float(candidates[best])
