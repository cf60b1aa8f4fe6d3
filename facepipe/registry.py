"""Names → plug-ins. A detector or backbone is one module with a ``load`` function; adding the file registers it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from facepipe.errors import ModelNotFound

_NOT_PLUGINS = {"base", "chip", "chip_torch", "turned"}


def names(package: str) -> list[str]:
    """The plug-ins in ``package`` ("facepipe.detect", "facepipe.embed"), without importing them."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    found = (m.name for m in pkgutil.iter_modules(folders or []))
    return sorted(name for name in found if name not in _NOT_PLUGINS and not name.startswith("_"))


def plugin(package: str, name: str) -> ModuleType:
    """The module that implements ``name``. Raises ModelNotFound, with the names there are."""
    if name not in names(package):
        raise ModelNotFound(f"{name}: no such architecture in {package}; there are {', '.join(names(package))}")
    return import_module(f"{package}.{name}")
