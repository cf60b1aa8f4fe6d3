"""Names → plug-ins. A detector or backbone is one module with a ``load`` function; adding the file registers it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from facepipe.cards import Card
from facepipe.errors import CardInvalid

_NOT_PLUGINS = {"base", "chip", "chip_torch", "turned"}


def names(package: str) -> list[str]:
    """The plug-ins in ``package`` ("facepipe.detect", "facepipe.embed"), without importing them."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    found = (m.name for m in pkgutil.iter_modules(folders or []))
    return sorted(name for name in found if name not in _NOT_PLUGINS and not name.startswith("_"))


def plugin(package: str, card: Card) -> ModuleType:
    """The module that runs the network of ``card``. Raises CardInvalid, with the architectures there are."""
    there = names(package)
    if card.architecture not in there:
        raise CardInvalid(
            f"{card.path}: architecture: there is no {card.architecture!r} in {package}; there are {', '.join(there)}"
        )
    return import_module(f"{package}.{card.architecture}")
