"""Find a card's weights, verify them, fetch them. Nothing is loaded whose sha256 is not the card's."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from facepipe import folders
from facepipe.cards import Card, WeightFile
from facepipe.errors import DependencyMissing, WeightsAltered, WeightsMissing


def locate(card: Card) -> list[Path]:
    """The paths of the card's weight files, verified. Raises WeightsMissing, WeightsAltered, DependencyMissing."""
    return [_locate(card, entry) for entry in card.weights]


def _locate(card: Card, entry: WeightFile) -> Path:
    path = _place(card, entry)
    if not path.is_file():
        raise WeightsMissing(
            f"{card.name}: its weights are not at {path}; `facepipe models pull {card.name}` fetches them, "
            f"or put {entry.url or entry.file} there yourself"
        )
    verify(path, entry.sha256)
    return path


def verify(path: Path, sha256: str) -> None:
    """Raise WeightsAltered unless the file's sha256 is the expected one."""
    found = file_sha256(path)
    if found != sha256:
        raise WeightsAltered(f"{path}: sha256 is {found[:12]}…, expected {sha256[:12]}…; remove it and fetch it again")


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _place(card: Card, entry: WeightFile) -> Path:
    if entry.package is None:
        beside = card.path.parent / entry.file
        return beside if beside.is_file() else folders.user_models() / entry.file
    spec = find_spec(entry.package)  # found, not imported: face_recognition_models needs pkg_resources to import
    if spec is None or not spec.submodule_search_locations:
        name = entry.package.replace("_", "-")
        raise DependencyMissing(f"{card.name}: its weights come with the package {name}; pip install {name}")
    return Path(spec.submodule_search_locations[0]) / entry.file
