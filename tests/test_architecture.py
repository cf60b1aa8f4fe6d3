"""Imports go downward only, start-up is light, files and functions stay small."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "facepipe"
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))
MODULES = sorted(PACKAGE.rglob("*.py"))

LEVELS = [  # from the top; a part imports from its own level only where neither is one of APART
    {"__init__", "__main__"},
    {"cli"},
    {"serve"},
    {
        "pipeline",
        "faces",
        "dataframe",
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
        "networks",
        "commands",
        "folders",
        "files",
    },
    {"records", "words"},
    {"scoring"},
    {"defaults", "errors", "machine", "progress"},
]
LEVEL = {part: number for number, parts in enumerate(LEVELS) for part in parts}
APART = {"align", "detect", "embed", "gallery", "inspect.views", "track"}  # these do not know each other
HEAVY = ["torch", "torchvision", "cv2", "faiss", "PIL", "numpy", "onnx", "onnxruntime", "facenet_pytorch"]

MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 60
LONG = {  # files that are one idea, with the reason
    "facepipe/errors.py": "the error tree on one page",
    "facepipe/gallery/gallery.py": "Gallery is one class with a verb a method: what they do is in the modules beside",
    "facepipe/pipeline.py": "the story from top to bottom, to be read in one sitting",
}
MOST_LINES_OF_LONG = 500
MOST_NAMES = 24  # of a file that docs/architecture.md names


parsed = cache(ast.parse)  # many tests look at the same files


def part_of(module: str) -> str:
    """The part of facepipe that a dotted name belongs to: facepipe.embed.sface → embed."""
    names = module.split(".")[1:3]
    return ".".join(names) if ".".join(names) in LEVEL else (names or ["__init__"])[0]


def dotted(path: Path) -> str:
    """The module's name: facepipe/embed/sface.py → facepipe.embed.sface."""
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def name_of(path: Path) -> str:
    """facepipe/embed/sface.py"""
    return path.relative_to(REPOSITORY).as_posix()


def imports(source: str) -> Iterator[str]:
    """The modules of facepipe that ``source`` imports, anywhere in it, dotted."""
    for node in ast.walk(parsed(source)):
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


def test_imports_go_downward() -> None:
    found = {dotted(path): breaches(part_of(dotted(path)), path.read_text("utf-8")) for path in MODULES}
    assert {module: wrong for module, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(
    ("part", "source", "found"),
    [
        ("embed", "from facepipe.detect.base import load_detector", ["facepipe.detect.base"]),
        ("gallery", "def f():\n    from facepipe.embed import base", ["facepipe.embed"]),
        ("networks", "import facepipe.pipeline", ["facepipe.pipeline"]),
        ("records", "from facepipe import image", ["facepipe.image"]),
        ("detect", "from facepipe import Pipeline", ["facepipe"]),
        ("serve", "from facepipe.cli import app", ["facepipe.cli"]),
        ("batches", "from facepipe.image import read_image\nfrom facepipe import networks\nimport torch", []),
        ("pipeline", "from facepipe.gallery import Gallery\nfrom facepipe.draw import annotate", []),
        ("embed", "from facepipe.embed import base\nfrom facepipe.records import Chip", []),
        ("inspect.views", "from facepipe.inspect.subject import Subject", ["facepipe.inspect.subject"]),
        ("inspect.views", "from facepipe.inspect.graphs.graph import Layer", []),
    ],
)
def test_a_breach_is_noticed(part: str, source: str, found: list[str]) -> None:
    assert breaches(part, source) == found


def run_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that are run, at once or later: all but those for a type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from run_imports(ast.Module(node.orelse, []))
        else:
            yield from run_imports(node)


def needs(source: str, modules: Set[str]) -> set[str]:
    """Which of ``modules`` the ``source`` of one imports, anywhere in it."""
    found = set()
    for node in run_imports(parsed(source)):
        given = [alias.name for alias in node.names]
        names = given if isinstance(node, ast.Import) else [f"{node.module}.{name}" for name in given]
        for name in names:
            while name and name not in modules:
                name = name.rpartition(".")[0]
            found.add(name)
    return found - {""}


def circle(sources: Mapping[str, str]) -> list[str]:
    """Modules of which each imports the next, and the last the first; [] where there are none such."""
    left = {module: needs(source, sources.keys()) - {module} for module, source in sources.items()}
    while ends := {module for module, needed in left.items() if not needed}:
        left = {module: needed - ends for module, needed in left.items() if module not in ends}
    path = sorted(left)[:1]
    while path and path[-1] not in path[:-1]:
        path.append(min(left[path[-1]]))
    return path[path.index(path[-1]) : -1] if path else []


def test_no_module_imports_another_in_a_circle() -> None:
    sources = {dotted(path).removesuffix(".__init__"): path.read_text("utf-8") for path in MODULES}
    assert circle(sources) == []


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ({"a": "import b", "b": "from c.d import e", "c.d": "def f():\n    from a import g"}, ["a", "b", "c.d"]),
        ({"a": "import b", "b": "import c", "c": "from b import f"}, ["b", "c"]),
        ({"a": "import b", "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a"}, []),
        ({"a": "if TYPE_CHECKING:\n    import c\nelse:\n    import b", "b": "import a", "c": ""}, ["a", "b"]),
        ({"p": "", "p.a": "from p import b", "p.b": "from p.a import f"}, ["p.a", "p.b"]),
        ({"a": "import b, numpy", "b": "import c", "c": ""}, []),
    ],
)
def test_a_circle_is_noticed(sources: dict[str, str], found: list[str]) -> None:
    assert circle(sources) == found


def test_scripts_use_what_is_public() -> None:
    found = [(path.name, module) for path in SCRIPTS for module in imports(path.read_text("utf-8"))]
    assert [(name, module) for name, module in found if "._" in module] == []


@pytest.mark.parametrize("module", ["facepipe", "facepipe.cli.app"])
def test_start_up_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "facepipe" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def too_large(source: str, most: int = MOST_LINES) -> list[str]:
    """What of ``source`` is too long: "lines" for the whole, and the names of functions."""
    whole = ["lines"] if len(source.splitlines()) > most else []
    functions = (n for n in ast.walk(parsed(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return whole + [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > MOST_LINES_OF_A_FUNCTION]


def test_files_and_functions_are_small() -> None:
    most = {path: MOST_LINES_OF_LONG if name_of(path) in LONG else MOST_LINES for path in [*MODULES, *SCRIPTS]}
    found = {name_of(path): too_large(path.read_text("utf-8"), lines) for path, lines in most.items()}
    assert {path: parts for path, parts in found.items() if parts} == {}


def test_what_is_too_large_is_noticed() -> None:
    assert too_large("def f():\n" + "    pass\n" * (MOST_LINES_OF_A_FUNCTION - 1)) == []
    assert too_large("def f():\n" + "    pass\n" * MOST_LINES_OF_A_FUNCTION) == ["f"]
    assert too_large("pass\n" * MOST_LINES) == []
    assert too_large("pass\n" * (MOST_LINES + 1)) == ["lines"]


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 100
    assert len(SCRIPTS) > 10
    assert sum(len(list(imports(path.read_text("utf-8")))) for path in MODULES) > 500


# Parts of networks are called as their authors call them
SEVERAL = {"Block", "LeanBlock", "ONet"}


def classes(source: str) -> Iterator[str]:
    """The classes of a module, but those that are the form in which others go over HTTP and have their names."""
    for node in parsed(source).body:
        if isinstance(node, ast.ClassDef) and "BaseModel" not in [ast.unparse(base) for base in node.bases]:
            yield node.name


def test_a_class_name_means_one_thing() -> None:
    homes = [(name, dotted(path)) for path in MODULES for name in classes(path.read_text("utf-8"))]
    counted = Counter(name for name, _ in homes if not name.startswith("_"))
    assert [home for home in homes if counted[home[0]] > 1 and home[0] not in SEVERAL] == []


def test_progress_is_told_in_one_way() -> None:
    told = [path.name for path in MODULES if "Callable[[str, int, int], None]" in path.read_text("utf-8")]
    assert told == ["progress.py"]


def test_long_files_are_long() -> None:
    texts = {name_of(path): path.read_text("utf-8") for path in MODULES}
    assert [name for name in LONG if len(texts[name].splitlines()) <= MOST_LINES] == []


def sentence(source: str) -> str:
    """The first sentence of a module's docstring."""
    paragraph = " ".join((ast.get_docstring(parsed(source)) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph)[0].rstrip(".")


def names(source: str) -> list[str]:
    """What a module defines for others, classes with their methods: Pool (close)."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    found = []
    for node in parsed(source).body:
        if not isinstance(node, functions | ast.ClassDef) or node.name.startswith("_"):
            continue
        inside = node.body if isinstance(node, ast.ClassDef) else []
        own = {each.name: None for each in inside if isinstance(each, functions) and not each.name.startswith("_")}
        found.append(f"`{node.name}`" + (f" ({', '.join(own)})" if own else ""))
    return found


def every_file() -> str:
    """The last section of docs/architecture.md: of each folder the files, what they are about and what they define."""
    lines = []
    for folder in sorted({path.parent for path in MODULES}):
        paths = [path for path in MODULES if path.parent == folder and not path.name.startswith("__")]
        if paths:
            lines += ["", f"### `{folder.relative_to(REPOSITORY).as_posix()}/`", ""]
        for path in paths:
            source = path.read_text("utf-8")
            defined = names(source)
            shown = ", ".join([*defined[:MOST_NAMES], *(["…"] if len(defined) > MOST_NAMES else [])])
            lines.append(f"- `{path.name}`: {sentence(source).replace('``', '`')}{f': {shown}' if shown else ''}")
    return "\n".join(lines) + "\n"


def test_the_page_has_every_file() -> None:
    """FACEPIPE_WRITE_DOCS=1 writes the section anew."""
    page = REPOSITORY / "docs" / "architecture.md"
    before, heading, shown = page.read_text("utf-8").partition("## Every file\n")
    if os.environ.get("FACEPIPE_WRITE_DOCS"):
        page.write_text(before + heading + every_file(), "utf-8")
        return
    assert shown == every_file()
