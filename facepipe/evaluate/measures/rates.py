"""Error rates of verification (ISO/IEC 19795-1): false match rate, true match rate, thresholds, accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facepipe.records import Floats

Doubles = npt.NDArray[np.float64]


def threshold_at_fmr(impostor: Floats, fmr: float, least: int = 10) -> float:
    """The least threshold at which at most ``fmr`` of the ``impostor`` scores are matches (score ≥ threshold).

    Raises ValueError when fewer than ``least`` scores would match: then the tail is too thin to read a rate from.
    """
    if not 0 < fmr < 1:
        raise ValueError(f"FMR {fmr:g}: expected more than 0 and less than 1")
    if len(impostor) * fmr < least:
        raise ValueError(f"pairs of two people: {len(impostor)}; expected at least {least / fmr:.0f} for FMR {fmr:g}")
    allowed = int(len(impostor) * fmr)
    highest = np.partition(impostor, len(impostor) - allowed - 1)[len(impostor) - allowed - 1 :]
    return above(highest[0])


def above(score: float) -> float:
    """The next threshold, in float32, that ``score`` does not reach."""
    return float(np.nextafter(np.float32(score), np.float32(np.inf)))


def match_rate(scores: Floats, threshold: float) -> float:
    """The share of ``scores`` that are matches: TMR of genuine scores, FMR of impostor scores."""
    return float(np.mean(scores >= threshold))


def best_accuracy(genuine: Floats, impostor: Floats) -> tuple[float, float]:
    """(accuracy, threshold) at the threshold that decides most pairs rightly: of those that decide equally well, which
    are all between two scores or more, the one in the middle of the widest gap."""
    scores = np.unique(np.concatenate([genuine, impostor]).astype(np.float32))
    accepted = len(genuine) - np.searchsorted(np.sort(genuine), scores)
    rejected = np.searchsorted(np.sort(impostor), scores)
    right = np.append(accepted + rejected, len(impostor))  # the last: none match
    below, reached = np.append(scores[:1], scores), np.append(scores, above(scores[-1]))
    best = int(np.argmax(np.where(right == right.max(), reached - below, -1)))
    middle = max(float(np.float32((below[best] + reached[best]) / 2)), above(below[best]))
    threshold = middle if best else float(scores[0])  # the first: all match
    return float(right[best] / (len(genuine) + len(impostor))), threshold


@dataclass(frozen=True, eq=False)
class Sorted:
    """``genuine`` (G,) and ``impostor`` (I,) scores, each ascending, of which any rate is a look-up.

    Raises ValueError unless there is one of each.
    """

    genuine: Floats
    impostor: Floats

    def __post_init__(self) -> None:
        if not (len(self.genuine) and len(self.impostor)):
            raise ValueError(
                f"pairs of one person: {len(self.genuine)}, of two people: {len(self.impostor)}; expected some"
            )

    def tmr(self, threshold: npt.ArrayLike) -> Doubles:
        """The share of genuine scores at or above each threshold."""
        return 1 - np.searchsorted(self.genuine, np.asarray(threshold, np.float32)) / len(self.genuine)

    def fmr(self, threshold: npt.ArrayLike) -> Doubles:
        """The share of impostor scores at or above each threshold."""
        return 1 - np.searchsorted(self.impostor, np.asarray(threshold, np.float32)) / len(self.impostor)

    def threshold(self, fmr: float) -> float:
        """As ``threshold_at_fmr``, however few scores there are: of a rate below 1 in I nobody matches."""
        allowed = min(int(len(self.impostor) * fmr * (1 + 1e-12)), len(self.impostor))  # k/n·n is k
        return -np.inf if allowed == len(self.impostor) else above(self.impostor[len(self.impostor) - allowed - 1])

    def equal_error(self) -> tuple[float, float]:
        """(rate, threshold) where FMR and FNMR cross, on the straight lines between the ROC's points."""
        at_genuine = np.append(np.unique(self.genuine), np.float32(np.inf))
        first = int(np.argmax(self.fmr(at_genuine) < 1 - self.tmr(at_genuine)))  # never the lowest: there FNMR is 0
        start, stop = at_genuine[first - 1], at_genuine[first]
        between = self.impostor[
            np.searchsorted(self.impostor, start, "right") : np.searchsorted(self.impostor, stop, "left")
        ]
        places = np.concatenate([[start], np.unique(between), [stop]])
        fmr, fnmr = self.fmr(places), 1 - self.tmr(places)
        after = int(np.argmax(fmr < fnmr))
        gap, next_gap = fmr[after - 1] - fnmr[after - 1], fnmr[after] - fmr[after]
        rate = fmr[after - 1] + gap / (gap + next_gap) * (fmr[after] - fmr[after - 1])
        return float(rate), float(places[after - 1 if gap <= next_gap else after])

    def area(self) -> float:
        """The area under the ROC: how often a genuine score is above an impostor's; equal ones count half."""
        below, not_above = (np.searchsorted(self.impostor, self.genuine, side) for side in ("left", "right"))
        return float((below + not_above).mean() / 2 / len(self.impostor))
