"""From which score on a face gets a name: what decides, why, and how often a stranger then gets one.

The usual threshold follows the size of the gallery. It is the one that only 1 in 100 strangers reaches with anybody
enrolled (FPIR), and never one that more than 1 in 1,000 reach with one person (FMR).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from facepipe.defaults import FMR, FPIR
from facepipe.errors import UsageError
from facepipe.gallery.gallery import Gallery
from facepipe.machine.lazy import cached_property
from facepipe.networks.cards import Card, card_of
from facepipe.scoring.calibration import GROWN, Calibration, Rate, at_rate
from facepipe.scoring.strangers import Chance, OwnStrangers, chance_by_curve, threshold_by_curve
from facepipe.scoring.tail import Curve
from facepipe.words import percent

SELDOM = 1e-3  # FPIR that no gallery shows by itself: no more than 1,000 of its people are asked
GIVEN, CALIBRATION, GALLERY, CARD = "given", "calibration", "gallery", "card"


@dataclass(frozen=True, slots=True)
class ThresholdInForce:
    """The ``threshold``, −1 to 1, that decides. ``kind``: "given", "fmr" or "fpir", at the ``rate`` (None: given).

    ``source``: "given"; "calibration", measured on photos of one's own; "gallery", its own people as strangers to each
    other; "card", measured on others. ``people`` enrolled, and the ``chance`` that a stranger gets a name among them,
    as ``chance_by`` such a source says; None where there is no gallery, or nothing says it. ``between``: where an
    extrapolated FMR truly lies (95 %). ``beyond``: the FPIR is rarer than what was measured. ``alike``: pairs of people
    who look like one under two names and were left out.
    """

    threshold: float
    kind: str
    rate: float | None
    source: str
    people: int | None = None
    chance: Chance | None = None
    chance_by: str | None = None
    between: tuple[float, float] | None = None
    beyond: bool = False
    alike: int = 0

    @property
    def said(self) -> str:
        """All of it in one line."""
        return f"threshold {self.threshold:.4f}: {self.reason}"

    @property
    def reason(self) -> str:
        """Why it is this one, and what comes of it."""
        if self.kind == "fpir" and self.rate is not None:
            line = f"{_share(self.rate)} would get a name among {_people(self.people)}, {_BY[self.source]}"
            line += _truly(self.chance) if self.beyond else _within(self.chance)
        else:
            line = "as given" if self.rate is None else f"{_share(self.rate)} would pass for one given person"
            line += "" if self.between is None else f", an extrapolation: truly {_rates(*self.between)}"
            if self.chance is not None and self.people:
                line += f"; {percent(self.chance.value)} would get a name among {_people(self.people)}"
                line += _within(self.chance)
        if self.alike:
            line += f"; {self.alike} pairs look like one person under two names: facepipe gallery doctor"
        return line

    def as_dict(self) -> dict[str, Any]:
        """As JSON tells it."""
        chance = None if self.chance is None else asdict(self.chance) | {"by": self.chance_by}
        names = ("kind", "rate", "source", "people", "alike")
        return {
            "threshold": round(self.threshold, 4),
            **{name: getattr(self, name) for name in names},
            "chance": chance,
            "reason": self.reason,
        }


_BY = {
    CALIBRATION: "measured by facepipe calibrate",
    GALLERY: "as these are strangers to each other",
    CARD: "going by photos of other people",
}


class Thresholds:
    """What decides with a network's ``card``, alone (1:1) or in a ``gallery`` (1:N), as it is now."""

    def __init__(self, card: Card, gallery: Gallery | None = None) -> None:
        self._card, self._gallery = card, gallery

    def find(self, given: float | None = None, fmr: Rate | None = None, fpir: Rate | None = None) -> ThresholdInForce:
        """The ``given`` threshold, else that for ``fpir``, else that for ``fmr``; without any, the usual one. A
        gallery's own calibration goes before its own people, and these before the card. Raises UsageError for a rate
        that nothing says."""
        if given is not None:
            if not -1 <= given <= 1:
                raise UsageError(f"threshold {given}: expected a cosine, -1 to 1")
            return ThresholdInForce(given, GIVEN, None, GIVEN)
        if fpir is not None:
            return self._by_fpir(fpir)
        if fmr is not None or self._gallery is None:
            return self._by_fmr(FMR if fmr is None else fmr)
        return self._usual()

    def explained(self, limit: ThresholdInForce) -> ThresholdInForce:
        """``limit`` with the chance that a stranger gets a name at it."""
        if self._gallery is None:
            return limit
        alike = 0 if self._own is None else len(self._own.alike)
        by, chance = self._chance(limit)
        return replace(limit, people=self._people, chance=chance, chance_by=by, alike=alike)

    def _usual(self) -> ThresholdInForce:
        try:
            floor = self._by_fmr(FMR)
        except UsageError:
            with suppress(UsageError):
                return self._by_fpir(FPIR, usual=True)
            raise
        with suppress(UsageError):
            return max(self._by_fpir(FPIR, usual=True), floor, key=lambda limit: limit.threshold)
        return floor

    def _by_fmr(self, fmr: Rate) -> ThresholdInForce:
        card = self._card
        beyond = card.is_extrapolated(fmr)
        if self._calibration is None:
            limit, source = card.threshold(fmr), CARD
        else:
            known = {**card.thresholds, str(fmr): card.threshold(fmr)} if beyond else card.thresholds
            limit, source = self._calibration.threshold(fmr, known), CALIBRATION
        between = card.tail.between(float(fmr)) if beyond and card.tail is not None else None
        return ThresholdInForce(limit, "fmr", float(fmr), source, between=between)

    def _by_fpir(self, fpir: Rate, *, usual: bool = False) -> ThresholdInForce:
        rate = _rate(fpir)
        if self._gallery is None:
            raise UsageError(f"fpir {fpir}: a share of strangers looked up in a gallery; for two faces take --fmr")
        if (known := self._calibrated(fpir, usual)) is not None:
            return ThresholdInForce(known, "fpir", rate, CALIBRATION, self._people)
        if not self._people:
            raise UsageError(
                f"fpir {fpir}: {self._gallery.path}: nobody is enrolled whom a stranger could be taken for"
            )
        if self._curve is not None and (lowest := self._curve.lowest) > rate / self._people:
            raise UsageError(
                f"fpir {fpir}: among {self._people} people that is a false match rate of {rate / self._people:.1g}; no"
                f" lower one than {lowest:.0e} is known. Measure it: facepipe calibrate FOLDER"
            )
        own = None if self._own is None else self._own.threshold(rate, self._curve)
        if own is not None:
            return ThresholdInForce(own, "fpir", rate, GALLERY, self._people, beyond=rate < SELDOM)
        if self._curve is None:
            raise UsageError(self._nothing_says(fpir))
        source = CARD if self._calibration is None else CALIBRATION
        threshold = threshold_by_curve(rate, self._people, self._curve)
        beyond = rate / self._people < min(map(float, self._card.thresholds), default=0)
        return ThresholdInForce(threshold, "fpir", rate, source, self._people, beyond=beyond)

    def _calibrated(self, fpir: Rate, usual: bool) -> float | None:
        """The threshold that was measured, if it was; as the ``usual`` one it does when hardly anybody came since."""
        made = self._calibration
        if made is None or self._gallery is None or (known := at_rate(made.fpir, fpir)) is None:
            return None
        if not usual:
            made.expect_as_many(self._people, self._gallery.path)
        elif self._people > GROWN * made.people:
            return None
        return known

    def _nothing_says(self, fpir: Rate) -> str:
        return (
            f"fpir {fpir}: nothing says it: {self._card.name}'s card has no rates, and {_people(self._people)} are too"
            " few; enrol 100 for 1e-1, 1,000 for 1e-2, or measure it: facepipe calibrate FOLDER"
        )

    def _chance(self, limit: ThresholdInForce) -> tuple[str | None, Chance | None]:
        if limit.kind == "fpir" and limit.source == CALIBRATION and limit.rate is not None and self._known(limit.rate):
            return CALIBRATION, Chance(limit.rate)
        if self._own is not None:
            return GALLERY, self._own.chance(limit.threshold, self._curve)
        if self._curve is not None:
            source = CARD if self._calibration is None else CALIBRATION
            return source, chance_by_curve(limit.threshold, self._people, self._curve)
        return None, None

    def _known(self, rate: float) -> bool:
        return self._calibration is not None and at_rate(self._calibration.fpir, rate) is not None

    @cached_property
    def _calibration(self) -> Calibration | None:
        return None if self._gallery is None else self._gallery.calibration

    @cached_property
    def _people(self) -> int:
        return 0 if self._gallery is None else self._gallery.count()

    @cached_property
    def _own(self) -> OwnStrangers | None:
        return None if self._gallery is None else self._gallery.own_strangers(self._card.evidence)

    @cached_property
    def _curve(self) -> Curve | None:
        made, curve = self._calibration, self._card.curve
        if made is None:
            return curve
        if curve is not None:
            return curve.through(made.fmr)
        return Curve(made.fmr) if len(made.fmr) > 1 else None


def usual_threshold(card: Card, people: int) -> float | None:
    """What decides in a gallery of ``people``, as far as the ``card`` says; None: it says nothing."""
    found = [] if at_rate(card.thresholds, FMR) is None else [card.threshold(FMR)]
    if card.curve is not None:
        found.append(threshold_by_curve(float(FPIR), people, card.curve))
    return max(found, default=None)


def in_force(gallery: Gallery) -> ThresholdInForce | None:
    """The usual threshold of ``gallery``, explained; None where nobody is enrolled, or nothing says one."""
    card = card_of(gallery.backbone)
    with suppress(UsageError):
        if card is not None:
            limits = Thresholds(card, gallery)
            return limits.explained(limits.find())
    return None


def _rate(fpir: Rate) -> float:
    with suppress(ValueError):
        if 0 < (rate := float(fpir)) < 1:
            return rate
    raise UsageError(f"fpir {fpir}: expected a rate between 0 and 1, such as {FPIR}")


def _share(rate: float) -> str:
    return f"{_one_in(rate)} strangers" if rate <= 0.5 else f"{percent(rate)} of strangers"


def _people(count: int | None) -> str:
    return "1 person" if count == 1 else f"{count or 0:,} people"


def _within(chance: Chance | None) -> str:
    if chance is None or chance.low is None or chance.high is None:
        return ""
    low, high = percent(chance.low), percent(chance.high)
    return "" if low == percent(chance.value) == high else f" ({low} to {high})"


def _truly(chance: Chance | None) -> str:
    if chance is None or chance.low is None or chance.high is None:
        return ", an extrapolation"
    return f", an extrapolation: truly {_rates(chance.low, chance.high)}"


def _rates(low: float, high: float) -> str:
    return f"between {_one_in(high)} and {'never' if low < 1e-9 else _one_in(low)}"


def _one_in(rate: float) -> str:
    """In two figures, as nothing here is known to more."""
    return f"1 in {float(f'{1 / rate:.2g}'):,.0f}"
