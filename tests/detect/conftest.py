from pathlib import Path

import pytest
from portraits import read

from facepipe.records import Image


@pytest.fixture(scope="session")
def pictures(samples: Path) -> dict[str, Image]:
    return read(samples)
