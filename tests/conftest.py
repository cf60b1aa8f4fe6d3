import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads wait for each other: 25 times slower on busy cores


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty facepipe folder for every test: none reads or writes the user's own."""
    folder = tmp_path / "facepipe-home"
    monkeypatch.setenv("FACEPIPE_HOME", str(folder))
    monkeypatch.delenv("FACEPIPE_GALLERY", raising=False)
    return folder
