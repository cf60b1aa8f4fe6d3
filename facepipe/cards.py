"""Model cards: one TOML file per network says everything needed to run it and what it may be trusted with.

Preprocessing travels with the weights: input size, colour order, mean and scale, alignment template, dimension, and the
thresholds measured with exactly that. ``models/README.md`` documents the fields.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facepipe import folders
from facepipe.errors import CardInvalid, ModelNotFound, UsageError
from facepipe.records import Floats

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


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

    @property
    def chip(self) -> Input:
        """The input table. Raises CardInvalid when the card has none (detectors)."""
        if self.input is None:
            raise CardInvalid(f"{self.path}: a backbone's card needs an [input] table; see models/README.md")
        return self.input

    def backbone_id(self, sha256: str | None = None) -> str:
        """Name plus a digest of everything that shapes the vectors: weights (``sha256`` when given), input, mirror."""
        spec = [sha256 or [w.sha256 for w in self.weights], self.dimension, self.mirror, vars(self.chip)]
        digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
        return f"{self.name}@{digest[:16]}"

    def threshold(self, fmr: str = "1e-3") -> float:
        """The measured cosine threshold for a false match rate, given as written in the card ("1e-3")."""
        if fmr in self.thresholds:
            return self.thresholds[fmr]
        if not self.thresholds:
            raise UsageError(f"{self.name}: its card has no measured thresholds; pass a threshold of your own")
        raise UsageError(f"--fmr {fmr}: {self.name} was measured at {', '.join(self.thresholds)}; take one of those")


def all_cards(role: str | None = None) -> Iterator[Card]:
    """Every card, the user's own first; a user's card hides a shipped one of the same name."""
    seen: set[str] = set()
    for folder in (folders.user_models(), folders.shipped_cards()):
        for path in sorted(folder.glob("*.toml")):
            card = load_card(path)
            if card.name not in seen and role in (None, card.role):
                yield card
            seen.add(card.name)


def find_card(name: str, role: str = "backbone") -> Card:
    """The card called ``name``. Raises ModelNotFound with the nearest names."""
    known = {card.name: card for card in all_cards(role)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
    raise ModelNotFound(f"{name}: no such {role}; did you mean {' or '.join(near)}? `facepipe models list` shows all")


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


def _parse(table: dict[str, Any], path: Path) -> Card:
    thresholds = dict(table.get("thresholds", {}))
    measured_on = str(thresholds.pop("measured_on", ""))
    if table["role"] not in ("backbone", "detector"):
        raise ValueError(f"role: expected backbone or detector, got {table['role']!r}")
    return Card(
        name=str(table["name"]),
        role=table["role"],
        architecture=str(table["architecture"]),
        summary=str(table["summary"]),
        licence=str(table["licence"]),
        source=str(table["source"]),
        path=path,
        weights=tuple(WeightFile(**entry) for entry in table["weights"]),
        dimension=int(table.get("dimension", 0)),
        mirror=bool(table.get("mirror", False)),
        input=_parse_input(table["input"]) if "input" in table else None,
        thresholds={str(k): float(v) for k, v in thresholds.items()},
        measured_on=measured_on,
    )


def _parse_input(table: dict[str, Any]) -> Input:
    if table["colour"] not in ("RGB", "BGR"):
        raise ValueError(f"input.colour: expected RGB or BGR, got {table['colour']!r}")
    size = int(table["size"])
    if size < 1:
        raise ValueError(f"input.size: expected a positive number of pixels, got {size}")
    mean, scale = (_per_channel(name, table[name]) for name in ("mean", "scale"))
    template = tuple((float(x), float(y)) for x, y in table["template"])
    if len(template) != 5:
        raise ValueError(f"input.template: expected 5 points, got {len(template)}")
    return Input(size, table["colour"], mean, scale, template)


def _per_channel(name: str, value: float | list[float]) -> tuple[float, ...]:
    """Three numbers, one per channel in the card's colour order; a single number stands for all three."""
    values = tuple(float(v) for v in value) if isinstance(value, list) else (float(value),) * 3
    if len(values) != 3 or not np.isfinite(values).all():
        raise ValueError(f"input.{name}: expected one or three finite numbers, got {value!r}")
    return values
