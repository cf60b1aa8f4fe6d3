import random
from pathlib import Path

import numpy as np
import pytest

from facepipe.gallery import index_file
from facepipe.gallery.faiss_index import FaissIndex
from facepipe.gallery.index_file import Damaged, OtherVersion, Sealed

VECTORS = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
UUID = bytes(range(16))


def sealed(vectors: np.ndarray) -> Sealed:
    index, count = FaissIndex(vectors.shape[1]), len(vectors)
    index.add(vectors)
    return Sealed(UUID, 2**62, np.arange(count) + 7, np.arange(count) + 2**61, index)


SEALED = sealed(VECTORS)


def read(path: Path) -> Sealed:
    return index_file.read(path, FaissIndex(4))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    index_file.write(tmp_path / "x.faiss", SEALED, 0o640)
    return tmp_path / "x.faiss"


def test_what_was_written_is_read(file: Path) -> None:
    found = read(file)
    assert (found.uuid, found.state) == (UUID, 2**62)
    assert (found.ids.tolist(), found.stamps.tolist()) == ([7, 8, 9], [2**61, 2**61 + 1, 2**61 + 2])
    assert found.index.vectors(np.arange(3)).tobytes() == VECTORS.tobytes()
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.glob("x*")) == [file]


def test_the_layout_is_as_documented(file: Path) -> None:
    """Another program can read it by the description on index_file.py."""
    data = file.read_bytes()
    assert data[:8] == b"facepipe"
    assert np.frombuffer(data, "<u4", 2, 8).tolist() == [2, 4]
    assert np.frombuffer(data, "<f4", 12, 48 + 16 * 3).tobytes() == VECTORS.tobytes()
    assert len(data) == 48 + 16 * 3 + 16 * 3 + 32


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 9])
def test_any_number_of_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(index_file, "_BLOCK", 4 * 4 * 4)  # four vectors
    vectors = np.random.default_rng(count).normal(size=(count, 4)).astype(np.float32)
    index_file.write(tmp_path / "x", sealed(vectors), 0o600)
    found = read(tmp_path / "x")
    assert len(found.ids) == len(found.stamps) == len(found.index) == count
    assert found.index.vectors(np.arange(count)).tobytes() == vectors.tobytes()


@pytest.mark.parametrize("count", [0, 3])
def test_every_flipped_bit_is_noticed(tmp_path: Path, count: int) -> None:
    file = tmp_path / "x.faiss"
    index_file.write(file, sealed(VECTORS[:count]), 0o600)
    good = file.read_bytes()
    for bit in range(8 * len(good)):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        file.write_bytes(bad)
        with pytest.raises(Damaged):
            read(file)


def test_every_truncation_and_any_tail_is_noticed(file: Path) -> None:
    good = file.read_bytes()
    for bad in [*(good[:size] for size in range(len(good))), good + b"\0", random.Random(1).randbytes(len(good))]:
        file.write_bytes(bad)
        with pytest.raises(Damaged):
            read(file)


def test_another_format_is_told_from_damage(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for version in (1, 3):
        data[8] = version
        file.write_bytes(data)
        with pytest.raises(OtherVersion, match=f"format {version}, expected 2"):
            read(file)


def test_vectors_of_another_length_are_refused(file: Path) -> None:
    with pytest.raises(Damaged, match="not this gallery's"):
        index_file.read(file, FaissIndex(5))


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
        read(tmp_path)
