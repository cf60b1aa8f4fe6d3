"""What was measured on people of one's own: thresholds by error rate, and what a score says."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from facepipe.errors import UsageError
from facepipe.scoring.evidence import ByReferences, Evidence

Rate = str | float
GROWN = 1.25  # times as many people: worth a warning

log = logging.getLogger("facepipe")


@dataclass(frozen=True, slots=True)
class Calibration:
    """``backbone``: whose scores it is about (its id); ``corrected``: whether they are corrected for a cohort.

    ``fmr`` and ``fpir`` give the least score that counts, by false match rate (per person compared) and by false
    positive identification rate (per stranger looked up in this gallery as it was, with ``people`` in it).
    ``measured_on`` says on what, ``made_at`` (UTC) when.
    """

    backbone: str
    made_at: datetime
    measured_on: str
    corrected: bool
    evidence: ByReferences
    people: int
    fmr: Mapping[str, float] = field(default_factory=dict)
    fpir: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = [*self.fmr.values(), *self.fpir.values()]
        if not all(isinstance(value, float) and math.isfinite(value) for value in values):
            raise ValueError(f"calibration: expected finite thresholds, got {values}")

    def threshold(self, fmr: Rate, card: Mapping[str, float] | None = None) -> float:
        """For a false match rate. Raises UsageError for one not measured.

        A rate that is too low for one's own few images is taken from the ``card``'s table, but not below what higher
        rates needed here.
        """
        found = at_rate(self.fmr, fmr)
        if found is None and not self.corrected and (usual := at_rate(card or {}, fmr)) is not None:
            return max([usual, *(value for own, value in self.fmr.items() if float(own) > float(fmr))])
        if found is None:
            there = f"it has {', '.join(self.fmr)}" if self.fmr else "it has none: too few strangers were measured"
            raise UsageError(f"fmr {fmr}: not in the gallery's calibration; {there}")
        return found

    def expect_as_many(self, people: int, source: object) -> None:
        """Warn in the log when so many more are enrolled in ``source`` now that ``fpir`` says too little."""
        if people > GROWN * self.people:
            log.warning(
                "%s: how often a stranger gets a name (FPIR) was measured with %d enrolled; now there are %d, so it is"
                " more often; measure again: facepipe calibrate FOLDER",
                *(source, self.people, people),
            )

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> Calibration:
        """Raises ValueError for anything that ``to_json`` did not write."""
        try:
            table = json.loads(text)
            made_at, says = datetime.fromisoformat(table.pop("made_at")), table.pop("evidence")
            fits = tuple(Evidence(**fit) for fit in says["fits"])
            return cls(made_at=made_at, evidence=ByReferences(tuple(says["counts"]), fits), **table)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"calibration: not as facepipe writes it: {error}") from None


def at_rate(table: Mapping[str, float], rate: Rate) -> float | None:
    """The value of ``rate`` in a table by rate: 0.001, "0.001" and "1e-3" are the same."""
    return next((value for key, value in table.items() if _number(key) == _number(rate)), None)


def _number(text: Rate) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
