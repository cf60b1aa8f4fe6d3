"""Templates with no face behind them: random unit vectors, the same for the same seed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from facepipe.gallery import Gallery, NewReference
from facepipe.records import Quality, Template

D = 16
REPOSITORY = Path(__file__).parents[2]
MakeTemplate = Callable[..., Template]
MakeNew = Callable[..., NewReference]


def make_template(seed: int, dimension: int = D, backbone: str = "toy@1") -> Template:
    return Template.from_embedding(np.random.default_rng(seed).normal(size=dimension).astype(np.float32), backbone)


def make_new(seed: int, thumbnail: bytes | None = None, sha: str | None = None) -> NewReference:
    """A reference whose image is ``seed``'s own."""
    sha = f"{seed:064x}" if sha is None else sha
    return NewReference(make_template(seed), Quality(0.9, 80.0, seed), f"photo{seed}.jpg", sha, thumbnail)


@pytest.fixture
def template() -> MakeTemplate:
    return make_template


@pytest.fixture
def new() -> MakeNew:
    return make_new


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.db"


@pytest.fixture
def gallery(path: Path) -> Iterator[Gallery]:
    """Ada has references 1 and 2, Bob 3; all in the record, the index file not written yet."""
    with Gallery.open(path) as opened:
        opened.add("Ada", [make_new(1, thumbnail=b"\xff\xd8\xffchip"), make_new(2)])
        opened.add("Bob", [make_new(3)])
        yield opened


@pytest.fixture
def closed(gallery: Gallery, path: Path) -> Path:
    """The path of that gallery, closed, so that its index file is there."""
    gallery.close()
    return path


@pytest.fixture
def python() -> Callable[..., subprocess.Popen[str]]:
    """Start Python on a script, with the helpers above as ``conftest``, in a process of its own."""

    def start(script: str, *arguments: object) -> subprocess.Popen[str]:
        prelude = f"import sys; sys.path[:0] = [{str(REPOSITORY)!r}, {str(Path(__file__).parent)!r}]\n"
        command = [sys.executable, "-c", prelude + script, *map(str, arguments)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return start
