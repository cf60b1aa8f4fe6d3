"""The examples of docs/serve.md run as they stand, against a real server, beside the portraits in ``samples/``."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from facepipe.errors import ServerError
from facepipe.gallery import Gallery
from facepipe.serve.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "serve.md"
ADDRESS = "127.0.0.1:8000"  # in the examples


@pytest.fixture
def here(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(samples, tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def address(start: Any) -> str:
    return str(start().url.removeprefix("http://"))


def blocks(language: str, address: str = ADDRESS) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [block.replace(ADDRESS, address) for block in found]


def test_the_commands(here: Path, address: str, gallery: Gallery) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    (commands,) = blocks("bash", address)
    script = 'curl() { command curl --silent --show-error --fail-with-body --noproxy "*" "$@"; echo; }\nset -e\n'
    run = subprocess.run(["bash", "-c", script + commands], capture_output=True, text=True, check=True)
    enrolled, identified, verified, found, renamed, *_ = run.stdout.splitlines()
    assert '"references":2' in enrolled
    assert '"name":"Barack Obama"' in identified
    assert '"match":false' in verified
    assert '"total":1' in found
    assert '"name":"Barack"' in renamed
    assert (here / "seen.jpg").read_bytes() == gallery.thumbnail(1)
    assert (here / "layers.npz").stat().st_size > 1_000_000


@pytest.mark.usefixtures("here")
def test_the_python_examples(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    over_http, live = blocks("python", address)
    exec(compile(over_http, "serve.md", "exec"), {})
    person, named, missing = capsys.readouterr().out.splitlines()
    assert person == "{'id': 1, 'name': 'Joe Biden', 'references': 1}"
    assert named == "Joe Biden 1.0"
    assert missing == "404 person-not-found"
    assert "facepipe" in Path("inside.html").read_text("utf-8")
    exec(compile(live, "serve.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "recognise"
    assert lines[1] == "1 1 …"
    assert lines[-1].startswith("20 1 ")


def test_every_limit_that_is_named_is_the_one_in_force() -> None:
    text = DOCS.read_text("utf-8")
    for limit in (
        f"waiting or being worked on | {Settings.queue}; {Settings.wait:g} s",
        f"{Settings.max_pixels // 1_000_000} million",
        f"{Settings.max_side} px a side",
        f"{Settings.max_live} live connections already",
        f"nothing came for\n{Settings.silence:g} s",
        f"more than {Settings.max_fps:g} messages a second",
    ):
        assert limit in text, limit


def test_every_error_of_the_server_is_named() -> None:
    text = DOCS.read_text("utf-8")
    kinds = [kind for kind in ServerError.__subclasses__() if kind.__name__ != "KeyNotFound"]  # only in the shell
    assert [kind.code for kind in kinds if f"`{kind.code}`" not in text] == []
