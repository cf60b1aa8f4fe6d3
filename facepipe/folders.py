"""Where facepipe keeps things on this machine. Nothing is created until something is written there."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def home() -> Path:
    """The user's facepipe folder: ``$FACEPIPE_HOME``, or the system's place for application data."""
    given = os.environ.get("FACEPIPE_HOME")
    return Path(given) if given else Path(platformdirs.user_data_dir("facepipe", appauthor=False))


def default_gallery() -> Path:
    """The gallery used when none is named: ``$FACEPIPE_GALLERY``, or ``gallery.db`` in ``home()``."""
    given = os.environ.get("FACEPIPE_GALLERY")
    return Path(given) if given else home() / "gallery.db"


def shipped_cards() -> Path:
    """The model cards that come with facepipe: inside an installed package, or ``models/`` of a checkout."""
    return _shipped("models", _PACKAGE.parent / "models")


def user_models() -> Path:
    """The user's own cards and downloaded weights."""
    return home() / "models"


def embeddings() -> Path:
    """What evaluations keep of the images they have seen: biometric data, which may be deleted at any time."""
    return home() / "embeddings.db"


def samples() -> Path:
    """The openly licensed portraits of the demo."""
    return _shipped("samples", _PACKAGE.parent / "data" / "samples")


def _shipped(name: str, checkout: Path) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else checkout
