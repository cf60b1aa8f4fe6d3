"""Model cards: one TOML file per network says everything needed to run it and what it may be trusted with.

Preprocessing travels with the weights: input size, colour order, mean and scale, alignment template, dimension, and the
thresholds measured with exactly that. ``models/README.md`` documents the fields.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from facepipe import folders
from facepipe.defaults import FMR
from facepipe.errors import CardInvalid, ModelNotFound, UsageError
from facepipe.records import Floats
from facepipe.scoring.calibration import at_rate
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.scoring.tail import Curve, Tail

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")


@dataclass(frozen=True)
class WeightFile:
    """One file of weights: inside an installed ``package``, downloadable from ``url``, or beside its card."""

    file: str
    sha256: str
    package: str | None = None
    url: str | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Input:
    """What a backbone is fed: a square chip of ``size`` px, ``colour`` RGB or BGR, (value − ``mean``) × ``scale``.

    ``template`` (5, 2): where the five landmarks belong, chip px, in the order of ``Detection.landmarks``.
    """

    size: int
    colour: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    template: tuple[tuple[float, float], ...]

    def template_points(self) -> Floats:
        return np.array(self.template, np.float32)


@dataclass(frozen=True)
class Card:
    name: str
    role: str
    architecture: str
    summary: str
    licence: str
    source: str
    path: Path
    weights: tuple[WeightFile, ...]
    dimension: int = 0
    mirror: bool = False
    input: Input | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    measured_on: str = ""
    evidence: ByReferences | None = None
    tail: Tail | None = None
    min_score: float = 0.0  # of a detector: the least score that it reports where nothing is said

    @property
    def chip(self) -> Input:
        """The input table. Raises CardInvalid when the card has none (detectors)."""
        if self.input is None:
            raise CardInvalid(f"{self.path}: a backbone's card needs an [input] table; see models/README.md")
        return self.input

    def backbone_id(self, sha256: str | None = None) -> str:
        """Name plus a digest of everything that shapes the vectors: weights (``sha256`` when given), input, mirror."""
        spec = [[sha256] if sha256 else [w.sha256 for w in self.weights], self.dimension, self.mirror, vars(self.chip)]
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        return f"{self.name}@{digest[:16]}"

    @property
    def curve(self) -> Curve | None:
        """How often strangers reach a score; None where fewer than two rates were measured."""
        return Curve(self.thresholds, self.tail) if len(self.thresholds) > 1 else None

    def threshold(self, fmr: str | float = FMR) -> float:
        """The cosine threshold for a false match rate: 0.001, "0.001" and "1e-3" are the same. It was measured or, for
        a rate below those that were, comes from the tail. Raises UsageError for any other rate."""
        if (found := at_rate(self.thresholds, fmr)) is not None:
            return found
        if not self.thresholds:
            raise UsageError(f"{self.name}: its card has no measured thresholds; pass a threshold of your own")
        if self.tail is not None and self.is_extrapolated(fmr):
            return max(self.tail.score(float(fmr)), *self.thresholds.values())
        lower = "" if self.tail is None else f", or a lower one down to {self.tail.lowest:g}, extrapolated"
        raise UsageError(
            f"fmr {fmr}: {self.name} was measured at {', '.join(self.thresholds)}; take one of those{lower}"
        )

    def is_extrapolated(self, fmr: str | float) -> bool:
        """Whether the threshold for ``fmr`` is none that was measured, but the tail's."""
        if self.tail is None or at_rate(self.thresholds, fmr) is not None:
            return False
        with suppress(ValueError):
            return self.tail.lowest <= float(fmr) < min(map(float, self.thresholds))
        return False


def all_cards(role: str | None = None) -> Iterator[Card]:
    """Every card, the user's own first; one hides a shipped card of the same name. Broken ones are left out."""
    log = logging.getLogger("facepipe")
    seen: set[str] = set()
    for folder in folders.cards():
        for path in sorted(folder.glob("*.toml")):
            try:
                card = load_card(path)
            except CardInvalid as error:
                log.warning("%s (card left out)", error)
                continue
            if card.name not in seen and role in (None, card.role):
                yield card
            seen.add(card.name)


def find_card(name: str, role: str | None = "backbone") -> Card:
    """The card called ``name``, of any ``role`` for None. Raises ModelNotFound with the nearest names."""
    cards = {card.name: card for card in all_cards()}
    known = {each: card for each, card in cards.items() if role in (None, card.role)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
    wrong = f"a {cards[name].role}, not a {role}" if name in cards else f"no such {role or 'model'}"
    raise ModelNotFound(
        f"{name or repr(name)}: {wrong}; did you mean {' or '.join(near)}? `facepipe models list` shows all"
    )


def card_of(backbone: str | None) -> Card | None:
    """The card of the backbone with this id, ``Card.backbone_id``, as far as one of its name is here."""
    with suppress(ModelNotFound):
        return find_card(network_name(backbone or ""))
    return None


def network_name(backbone: str) -> str:
    """The name in a backbone's id."""
    return backbone.partition("@")[0]


def load_card(path: Path) -> Card:
    """Read one card. Raises CardInvalid with the path and the field."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CardInvalid(f"{path}: cannot be read as TOML: {error}") from None
    try:
        return _parse(table, path)
    except (KeyError, TypeError, ValueError) as error:
        what = f"field {error} is missing" if isinstance(error, KeyError) else str(error)
        raise CardInvalid(f"{path}: {what}; see models/README.md for the fields") from None


_REQUIRED = ("name", "role", "architecture", "summary", "licence", "source", "weights")
_KNOWN = {*_REQUIRED, "dimension", "mirror", "input", "thresholds", "evidence", "tail", "min_score"}


def _parse(table: dict[str, Any], path: Path) -> Card:
    if unknown := sorted(set(table) - _KNOWN):
        raise ValueError(f"{', '.join(unknown)}: no such field")
    text = {name: _typed(name, table[name], str) for name in _REQUIRED[:-1]}
    if text["role"] not in ("backbone", "detector"):
        raise ValueError(f"role: expected backbone or detector, got {text['role']!r}")
    thresholds = dict(_typed("thresholds", table.get("thresholds", {}), dict))
    return Card(
        **text,
        path=path,
        weights=tuple(
            WeightFile(**_typed("weights", entry, dict)) for entry in _typed("weights", table["weights"], list)
        ),
        dimension=_typed("dimension", table.get("dimension", 0), int),
        mirror=_typed("mirror", table.get("mirror", False), bool),
        input=_parse_input(_typed("input", table["input"], dict)) if "input" in table else None,
        measured_on=_typed("thresholds.measured_on", thresholds.pop("measured_on", ""), str),
        thresholds={fmr: _number(f"thresholds.{fmr}", value) for fmr, value in thresholds.items()},
        evidence=_parse_evidence(_typed("evidence", table["evidence"], list)) if "evidence" in table else None,
        tail=_parse_tail(_typed("tail", table["tail"], dict)) if "tail" in table else None,
        min_score=_share("min_score", table.get("min_score", 0.0)),
    )


def _parse_input(table: dict[str, Any]) -> Input:
    if table["colour"] not in ("RGB", "BGR"):
        raise ValueError(f"input.colour: expected RGB or BGR, got {table['colour']!r}")
    size = _typed("input.size", table["size"], int)
    if size < 1:
        raise ValueError(f"input.size: expected a positive number of pixels, got {size}")
    mean, scale = (_per_channel(f"input.{name}", table[name]) for name in ("mean", "scale"))
    template = _typed("input.template", table["template"], list)
    if len(template) != 5 or any(not isinstance(point, list) or len(point) != 2 for point in template):
        raise ValueError(f"input.template: expected 5 points [x, y], got {template!r}")
    points = tuple((_number("input.template", x), _number("input.template", y)) for x, y in template)
    return Input(size, table["colour"], mean, scale, points)


def _parse_evidence(rows: list[Any]) -> ByReferences:
    counts, fits = [], []
    for row in rows:
        table = dict(_typed("evidence", row, dict))
        counts.append(_typed("evidence.references", table.pop("references"), int))
        fits.append(Evidence(**{name: _number(f"evidence.{name}", value) for name, value in table.items()}))
    return ByReferences(tuple(counts), tuple(fits))


def _parse_tail(table: dict[str, Any]) -> Tail:
    shape = {name: _number(f"tail.{name}", table[name]) for name in ("threshold", "share", "scale", "shape")}
    interval = {}
    for rate in table.keys() - shape.keys():
        ends = _typed(f"tail.{rate}", table[rate], list)
        if len(ends) != 2:
            raise ValueError(f"tail.{rate}: expected two rates, got {ends!r}")
        interval[rate] = (_number(f"tail.{rate}", ends[0]), _number(f"tail.{rate}", ends[1]))
    return Tail(**shape, interval=interval)


def _per_channel(name: str, value: object) -> tuple[float, ...]:
    """Three numbers, one per channel in the card's colour order; a single number stands for all three."""
    values = value if isinstance(value, list) else [value] * 3
    if len(values) != 3:
        raise ValueError(f"{name}: expected one or three numbers, got {value!r}")
    return tuple(_number(name, each) for each in values)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return float(value)


def _share(name: str, value: object) -> float:
    if not 0 <= (number := _number(name, value)) <= 1:
        raise ValueError(f"{name}: expected 0 to 1, got {value!r}")
    return number


def _typed(name: str, value: object, kind: type[T]) -> T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{name}: expected {kind.__name__}, got {value!r}")
    return value
