import random
from pathlib import Path

import numpy as np
import pytest

from facepipe.gallery import index_file
from facepipe.gallery.index_file import Damaged, Sealed

SEALED = Sealed(bytes(range(16)), 2**62, 4, np.array([7, 9]), np.array([1, 2**61]), b"vectors" * 30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    index_file.write(tmp_path / "x.faiss", SEALED, 0o640)
    return tmp_path / "x.faiss"


def test_what_was_written_is_read(file: Path) -> None:
    found = index_file.read(file)
    assert (found.uuid, found.state, found.dimension, found.index) == (SEALED.uuid, 2**62, 4, SEALED.index)
    assert (found.ids.tolist(), found.stamps.tolist()) == ([7, 9], [1, 2**61])
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.glob("x*")) == [file]


def test_every_flipped_bit_is_noticed(file: Path) -> None:
    good = file.read_bytes()
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        file.write_bytes(bad)
        with pytest.raises(Damaged):
            index_file.read(file)


def test_every_truncation_and_any_tail_is_noticed(file: Path) -> None:
    good = file.read_bytes()
    for bad in [*(good[:size] for size in range(len(good))), good + b"\0", random.Random(1).randbytes(len(good))]:
        file.write_bytes(bad)
        with pytest.raises(Damaged):
            index_file.read(file)


def test_a_failed_write_leaves_the_old_file_and_no_part(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    good = file.read_bytes()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        index_file.write(file, SEALED, 0o600)
    assert file.read_bytes() == good
    assert not index_file.partial_path(file).exists()


def test_a_folder_in_its_place_is_damage(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        index_file.read(tmp_path)
