from pathlib import Path

import pytest

from facepipe.records import Image
from tests.detect.portraits import read


@pytest.fixture(scope="session")
def pictures(samples: Path) -> dict[str, Image]:
    return read(samples)
