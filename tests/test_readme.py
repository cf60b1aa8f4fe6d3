"""The Python examples of the READMEs and of docs run as they stand, beside the portraits in ``samples/``."""

import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import pytest

from facepipe import Pipeline
from tests.moving_portrait import HEIGHT, WIDTH, View, picture

pytestmark = pytest.mark.slow

README = Path(__file__).parents[1] / "README.md"
PAGES = [README, README.with_name("README.zh.md"), *sorted((README.parent / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def beside_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(README.parent / "data" / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", [README, README.with_name("README.zh.md")], ids=lambda page: page.name)
@pytest.mark.usefixtures("beside_samples")
def test_the_python_example_recognises(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(page, "python")
    assert len([line for line in example.splitlines() if line]) == 6
    exec(compile(example, page.name, "exec"), {})
    assert capsys.readouterr().out.startswith("Barack Obama 0.99")


@pytest.mark.usefixtures("beside_samples")
def test_the_examples_in_python_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if find_spec("pandas") is None:
        stand_in = ModuleType("pandas")
        stand_in.DataFrame = lambda rows, columns: rows  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pandas", stand_in)
    page, names = README.parent / "docs" / "python.md", dict[str, Any]()
    (shown,) = blocks(page, "text")
    for example in blocks(page, "python"):
        exec(compile(example, "python.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == shown.splitlines()
    assert printed[2].startswith("Barack Obama 0.9")
    assert printed[3] == "the camera: 1 face"
    assert printed[4].startswith("  1  Barack Obama, 99.9 %")
    assert printed[5].startswith("True match, 99.9 % likely to be one person")
    assert printed[6] == "samples/obama2.jpg ['Barack Obama']"
    assert printed[7].startswith("samples/nowhere.jpg: no such file")
    assert printed[8:10] == ["samples/biden.jpg [None]", "[1434, 512]"]
    assert printed[10].startswith('{"source": "samples/obama3.jpg", "size": [1434, 2333]')
    assert printed[11].endswith("(128,)")
    assert len(printed) == 12 + 26  # the convolutions of the blocks
    assert len(names["table"]) == 2


@pytest.mark.usefixtures("beside_samples")
def test_the_example_of_looking_inside_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(README.parent / "docs" / "inspect.md", "python")
    exec(compile(example, "inspect.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Why these two faces do not match"
    assert printed[-1] == "2 26"


@pytest.mark.usefixtures("beside_samples")
def test_the_example_of_watching_runs(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [picture("obama2", pipeline, View(centre=(300 + 2 * step, 240))) for step in range(25)]
    film = cv2.VideoWriter("visit.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for frame in frames:
        film.write(cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2BGR))
    film.release()
    (example,) = blocks(README.parent / "docs" / "watch.md", "python")
    exec(compile(example, "watch.md", "exec"), {})
    *_, appeared, named, left = capsys.readouterr().out.splitlines()
    assert appeared.startswith("appeared 1 None")
    assert named.startswith("named 1 Barack Obama")
    assert left.startswith("left 1 Barack Obama")


@pytest.mark.usefixtures("beside_samples")
def test_the_example_of_evaluating_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(README.parent / "docs" / "evaluate.md", "python")
    exec(compile(example, "evaluate.md", "exec"), {})
    counts, alike = capsys.readouterr().out.splitlines()
    assert counts == "3 7 0.0"
    assert alike.startswith("0.2")


@pytest.mark.usefixtures("beside_samples")
def test_the_example_of_another_network_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = blocks(README.parent / "docs" / "gallery.md", "python")
    exec(compile(example, "gallery.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [
        "3 of 3 can be made; judged by the cards",
        "FMR 1e-3: 0% missed before, 0% after",
        "Barack Obama",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [t for t in targets if "://" not in t and not (page.parent / t).exists()] == []


def test_the_chinese_readme_is_as_complete() -> None:
    """The same sections, commands, figures and pages, in the same order."""
    english, chinese = (page.read_text("utf-8") for page in (README, README.with_name("README.zh.md")))
    for what in (
        r"^#+ ",
        r"^```\w+",
        r"^\$ (.*?)(?: +#.*)?$",
        r"`python (scripts/\w+\.py)",
        r"^\| \[(.*?)\]",
        r"^!\[.*?\]\((.*)\)",
    ):
        found = [re.findall(what, text, re.MULTILINE) for text in (english, chinese)]
        assert found[0]
        assert found[1] == found[0], what
    items = [text.count("\n- ") for text in (english, chinese)]
    assert items[0] == items[1]
