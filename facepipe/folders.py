"""Where facepipe keeps things on this machine. Nothing is created until something is written there."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from facepipe.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def home(instead: str = "") -> Path:
    """The user's facepipe folder: ``$FACEPIPE_HOME``, or the system's place for application data.

    Raises UsageError where there is neither, as for a user of a container; it names what would do ``instead``.
    """
    found = _home()
    if found is None:
        raise UsageError(f"this user has no home folder; set FACEPIPE_HOME to a folder of facepipe's own{instead}")
    return found


def _home() -> Path | None:
    if given := os.environ.get("FACEPIPE_HOME"):
        return Path(given)
    try:
        found = Path(platformdirs.user_data_dir("facepipe", appauthor=False))
    except RuntimeError:
        return None
    return found if found.is_absolute() else None


def default_gallery() -> Path:
    """The gallery used when none is named: ``$FACEPIPE_GALLERY``, or ``gallery.db`` in ``home()``; raises as that."""
    given = os.environ.get("FACEPIPE_GALLERY")
    return Path(given) if given else home(", or FACEPIPE_GALLERY to a file (--gallery)") / "gallery.db"


def cards() -> list[Path]:
    """The folders of model cards, the user's own first."""
    own = _home()
    return [shipped_cards()] if own is None else [own / "models", shipped_cards()]


def shipped_cards() -> Path:
    """The model cards that come with facepipe: inside an installed package, or ``models/`` of a checkout."""
    return _shipped("models", _PACKAGE.parent / "models")


def user_models() -> Path:
    """The user's own cards and downloaded weights. Raises UsageError."""
    return home() / "models"


def embeddings() -> Path:
    """What evaluations keep of the images they have seen: biometric data, which may be deleted at any time."""
    return home(", or keep nothing of what is embedded (--no-cache)") / "embeddings.db"


def samples() -> Path:
    """The openly licensed portraits of the demo."""
    return _shipped("samples", _PACKAGE.parent / "data" / "samples")


def _shipped(name: str, checkout: Path) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else checkout
