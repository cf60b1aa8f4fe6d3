"""Labelled photos of three people, from the samples: small, and some of them mirrored or darker."""

from pathlib import Path

import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import pytest


@pytest.fixture(scope="session")
def album(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders obama (3 photos), biden (2) and stranger (2)."""
    folder = tmp_path_factory.mktemp("album")

    def save(person: str, number: int, picture: PIL.Image.Image) -> None:
        (folder / person).mkdir(exist_ok=True)
        picture.save(folder / person / f"{number}.png")

    for number, name in enumerate(("obama", "obama2", "obama3"), 1):
        save("obama", number, _small(samples / f"{name}.jpg"))
    for person, name in (("biden", "biden.jpg"), ("stranger", "astronaut.png")):
        picture = _small(samples / name)
        save(person, 1, picture)
        save(person, 2, PIL.ImageEnhance.Brightness(PIL.ImageOps.mirror(picture)).enhance(0.7))
    return folder


def _small(path: Path) -> PIL.Image.Image:
    picture = PIL.Image.open(path).convert("RGB")
    picture.thumbnail((300, 300))
    return picture
