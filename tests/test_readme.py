"""The README's examples run as they stand, in a folder with the sample portraits under ``samples/``."""

import re
import shutil
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def beside_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(README.parent / "data" / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("beside_samples")
def test_the_python_example_recognises_and_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Barack Obama 0.9")
    assert printed[1] == "False"
    assert printed[2].endswith("(128,)")
    assert len(printed) == 3 + 28  # the convolutions of the stages


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README.read_text("utf-8"))
    assert [t for t in targets if "://" not in t and not (README.parent / t).exists()] == []
