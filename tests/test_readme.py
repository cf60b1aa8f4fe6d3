"""The examples of the README and of docs/inspect.md run as they stand, beside the portraits in ``samples/``."""

import re
import shutil
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
PAGES = [README, README.with_name("README.zh.md"), *sorted((README.parent / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def beside_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(README.parent / "data" / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("beside_samples")
def test_the_python_example_recognises_and_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(README, "python")
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("Barack Obama 0.9")
    assert printed[1] == "False"
    assert printed[2].endswith("(128,)")
    assert len(printed) == 3 + 28  # the convolutions of the stages


@pytest.mark.usefixtures("beside_samples")
def test_the_example_of_looking_inside_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(README.parent / "docs" / "inspect.md", "python")
    exec(compile(example, "inspect.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Why these two faces do not match"
    assert printed[-1] == "2 29"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []
