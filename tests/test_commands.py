"""Commands survive the shell, whatever people and files are called."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from facepipe.commands import quoted, typed

NASTY = ["Ada", "Ada Lovelace", "O'Brien", "$(touch x)", "`id`", 'a"b', "a\\b", "-rf", "张伟", "é; rm *", "!x #y"]
NASTY.append("👩\u200d🔬")
INVISIBLE = ["a\u200bb", "it's\u00a0x", "\u00ad", "\U000e0041"]


@pytest.mark.parametrize("name", NASTY)
def test_a_word_is_one_word(name: str) -> None:
    assert shlex.split(quoted(name)) == [name]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("name", [*NASTY, *INVISIBLE])
def test_bash_reads_it_back(name: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"printf %s {quoted(name)}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    )
    assert done.stdout.decode() == name


@pytest.mark.parametrize("name", INVISIBLE)
def test_nothing_invisible_is_left_in_it(name: str) -> None:
    assert quoted(name).isprintable()


def test_a_command_names_a_gallery_that_is_not_the_usual_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("gallery upgrade", home / "gallery.db", "--commit") == "facepipe gallery upgrade --commit"
    other = typed("gallery upgrade", Path("my gallery.db"), "--commit")
    assert other == "facepipe gallery upgrade --gallery 'my gallery.db' --commit"
    monkeypatch.setenv("FACEPIPE_GALLERY", "my gallery.db")
    assert typed("gallery info", Path("my gallery.db")) == "facepipe gallery info"


def test_a_gallery_in_another_folder_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert typed("gallery info", tmp_path / "a.db") == f"facepipe gallery info --gallery {tmp_path.resolve()}/a.db"
    assert typed("gallery info", tmp_path / "here" / "a.db") == "facepipe gallery info --gallery a.db"
