"""The tests with the oldest packages that pyproject.toml allows, in an environment that is removed at the end.

    python scripts/floors.py PYTHON [--keep FOLDER] [PYTEST ARGUMENT]...

PYTHON: the interpreter of the environment; take the oldest that is allowed, python3.10. Every package that is named in
pyproject.toml, those of the extra ``dev`` too, is installed in exactly the version that stands behind its ``>=``; what
these need in turn is the newest that fits. The environment takes about 7 GB where temporary files are kept (TMPDIR).
--keep: in FOLDER, and it stays there; where it is there already, it is used as it is.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


def floors(project: dict[str, Any]) -> Iterator[str]:
    """The requirements of a ``[project]`` and of its extras, each in its oldest version: ``"torch==2.10"``."""
    listed = [*project["dependencies"]]
    for extra in project.get("optional-dependencies", {}).values():
        listed += extra
    for requirement in map(Requirement, listed):
        if requirement.name != project["name"]:
            yield floor(requirement)


def floor(requirement: Requirement) -> str:
    """Its oldest version; where it applies is kept."""
    oldest = [part.version for part in requirement.specifier if part.operator in (">=", "==", "~=")]
    if len(oldest) != 1:
        raise SystemExit(f"pyproject.toml: {requirement}: expected one oldest version, {requirement.name}>=1.2")
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}=={oldest[0]}{marker}"


def make(folder: Path, python: str) -> None:
    """An environment of ``python`` with the oldest packages and facepipe itself, as it stands here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    chosen = [*floors(project)]
    print(*chosen, sep="\n", flush=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--progress-bar", "off"]
    subprocess.run([*pip, "--editable", f"{ROOT}[dev]", *chosen], check=True)


def main() -> int:
    """The exit code of the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="the interpreter of the environment")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the environment there, and leave it")
    given, for_pytest = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="floors-") as temporary:
        folder = given.keep or Path(temporary) / "venv"
        if not folder.exists():
            make(folder, given.python)
        tests = [str(folder / "bin" / "python"), "-m", "pytest", *for_pytest]
        return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.cmd[0]} failed with {error.returncode}") from None
