import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from facepipe.errors import WriteFailed
from facepipe.files import replacing


def write(path: Path, data: bytes) -> None:
    with replacing(path) as stream:
        stream.write(data)


def test_the_file_appears_whole_and_alone_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    with replacing(path) as stream:
        stream.write(b"first")
        stream.flush()
        assert not path.exists()
    assert path.read_bytes() == b"first"
    write(path, b"2")
    assert path.read_bytes() == b"2"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_who_may_read_it(tmp_path: Path, private: bool, mode: int) -> None:
    before = os.umask(0o022)
    try:
        with replacing(tmp_path / "file.bin", private=private) as stream:
            assert os.fstat(stream.fileno()).st_mode & 0o777 == mode
    finally:
        os.umask(before)
    assert (tmp_path / "file.bin").stat().st_mode & 0o777 == mode


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    write(path, b"old")
    half = [b"new, ", b"but", None]
    with pytest.raises(TypeError), replacing(path) as stream:
        stream.writelines(half)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_no_room_is_named_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "file.bin"
    write(path, b"old")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"facepipe.files.os.{step}", full)
    with pytest.raises(WriteFailed, match=r"file\.bin: cannot be written: No space left on device"):
        write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_data_are_on_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def noted(step: Callable[..., None]) -> Callable[..., None]:
        def call(*args: object) -> None:
            steps.append(step.__name__)
            step(*args)

        return call

    for step in (os.fsync, os.replace):
        monkeypatch.setattr(f"facepipe.files.os.{step.__name__}", noted(step))
    write(tmp_path / "file.bin", b"data")
    assert steps == ["fsync", "replace"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteFailed, match="cannot be written"):
        write(tmp_path / "file" / "inside.bin", b"data")


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(WriteFailed, match="folder: cannot be written"):
        write(tmp_path / "folder", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_two_writers_do_not_share_a_temporary_name(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    with replacing(path) as first, replacing(path) as second:
        first.write(b"first")
        second.write(b"second")
    assert path.read_bytes() == b"first"  # the outer block ends last
