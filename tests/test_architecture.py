"""Imports go downward only, start-up is light, files and functions stay small."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "facepipe"
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))
MODULES = sorted(PACKAGE.rglob("*.py"))

LEVELS = [  # from the top; a part imports from its own level only where it is one of SOCIABLE
    {"__init__", "__main__"},
    {"cli"},
    {"serve"},
    {
        "pipeline",
        "add_model",
        "doctor",
        "draw",
        "enroll",
        "evaluate",
        "inspect",
        "upgrade",
        "watch",
    },
    {"align", "detect", "embed", "gallery", "inspect.views", "track"},
    {
        "inspect.graphs",
        "image",
        "pixels",
        "formats",
        "sources",
        "batches",
        "page",
        "cards",
        "weights",
        "registry",
        "commands",
        "folders",
        "files",
        "devices",
        "runtime",
        "tensors",
    },
    {"records", "words"},
    {"errors", "defaults", "dependencies", "forks", "lazy", "memory", "progress", "scoring", "threads"},
]
LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}
APART = {"align", "detect", "embed", "gallery", "inspect.views", "track"}  # these do not know each other
HEAVY = ["torch", "torchvision", "cv2", "faiss", "PIL", "numpy", "onnx", "onnxruntime", "facenet_pytorch"]

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60


def part_of(module: str) -> str:
    """The part of facepipe that a dotted name belongs to: facepipe.embed.sface → embed."""
    names = module.split(".")[1:3]
    return ".".join(names) if ".".join(names) in LEVEL else (names or ["__init__"])[0]


def dotted(path: Path) -> str:
    """The module's name: facepipe/embed/sface.py → facepipe.embed.sface."""
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def imports(source: str) -> Iterator[str]:
    """The modules of facepipe that ``source`` imports, anywhere in it, dotted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "facepipe")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not looked at here"
            if node.module == "facepipe":  # from facepipe import weights, Gallery
                names = [alias.name for alias in node.names if alias.name != "__version__"]
                yield from (f"facepipe.{name}" if name in LEVEL else "facepipe" for name in names)
            elif node.module is not None and node.module.startswith("facepipe."):
                yield node.module


def breaches(part: str, source: str) -> list[str]:
    """The imports that ``part`` should not have."""
    wrong = []
    for module in imports(source):
        other = part_of(module)
        if other == part:
            continue
        beside = LEVEL[other] == LEVEL[part] and not {part, other} & APART
        if not (LEVEL[other] > LEVEL[part] or beside):
            wrong.append(module)
    return wrong


def test_every_part_has_its_level() -> None:
    parts = {part_of(dotted(path)) for path in MODULES}
    assert parts <= set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward(path: Path) -> None:
    assert breaches(part_of(dotted(path)), path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("part", "source", "found"),
    [
        ("embed", "from facepipe.detect.base import load_detector", ["facepipe.detect.base"]),
        ("gallery", "def f():\n    from facepipe.embed import base", ["facepipe.embed"]),
        ("cards", "import facepipe.pipeline", ["facepipe.pipeline"]),
        ("records", "from facepipe import image", ["facepipe.image"]),
        ("detect", "from facepipe import Pipeline", ["facepipe"]),
        ("serve", "from facepipe.cli import app", ["facepipe.cli"]),
        ("batches", "from facepipe.image import read_image\nfrom facepipe import weights\nimport torch", []),
        ("pipeline", "from facepipe.gallery import Gallery\nfrom facepipe.draw import annotate", []),
        ("embed", "from facepipe.embed import base\nfrom facepipe.records import Chip", []),
        ("inspect.views", "from facepipe.inspect.subject import Subject", ["facepipe.inspect.subject"]),
        ("inspect.views", "from facepipe.inspect.graphs.graph import Layer", []),
    ],
)
def test_a_breach_is_noticed(part: str, source: str, found: list[str]) -> None:
    assert breaches(part, source) == found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_use_what_is_public(path: Path) -> None:
    assert [module for module in imports(path.read_text("utf-8")) if "._" in module] == []


@pytest.mark.parametrize("module", ["facepipe", "facepipe.cli.app"])
def test_start_up_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "facepipe" in loaded
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS], ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > MOST_LINES_OF_A_FUNCTION] == []


# Parts of networks are called as their authors call them
SEVERAL = {"Block", "LeanBlock", "ONet"}


def classes(source: str) -> Iterator[str]:
    """The classes of a module, but those that are the form in which others go over HTTP and have their names."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and "BaseModel" not in [ast.unparse(base) for base in node.bases]:
            yield node.name


def test_a_class_name_means_one_thing() -> None:
    homes = [(name, dotted(path)) for path in MODULES for name in classes(path.read_text("utf-8"))]
    counted = Counter(name for name, _ in homes if not name.startswith("_"))
    assert [home for home in homes if counted[home[0]] > 1 and home[0] not in SEVERAL] == []


def test_progress_is_told_in_one_way() -> None:
    told = [path.name for path in MODULES if "Callable[[str, int, int], None]" in path.read_text("utf-8")]
    assert told == ["progress.py"]
