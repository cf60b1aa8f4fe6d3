"""The scripts behind ``make demo`` and ``make test``, with stand-ins for Python, apt and pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")

REPOSITORY = Path(__file__).parents[1]
TOOLS = ("sh", "sed", "grep", "tail", "dirname", "uname")
PYTHON = """#!/bin/sh
case "$2" in
  *ensurepip*) [ -z "$NO_VENV" ] ;;
  *ctypes*) case " $LACKING " in *" $3 "*) exit 1 ;; esac ;;
  *version_info*) echo "${VERSION-3.11}" ;;
  venv) mkdir -p .venv/bin; echo "$@" >> made; cp "$0" .venv/bin/python ;;
  pip) [ -z "$BROKEN_PIP" ] || [ -f made ] ;;
esac
"""
APT = """#!/bin/sh
echo "$@" >> apt.log
case "$*" in *" $UNKNOWN") echo "E: Unable to locate package $UNKNOWN"; exit 100 ;; esac
"""
LIBRARIES = "libGL.so.1 libxcb.so.1 libgthread-2.0.so.0"
Done = subprocess.CompletedProcess[str]
Shell = Callable[..., Done]


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "check out"
    shutil.copytree(REPOSITORY / "scripts", root / "scripts", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    for tool in TOOLS:
        (root / "bin").mkdir(exist_ok=True)
        (root / "bin" / tool).symlink_to(shutil.which(tool) or pytest.skip(f"{tool} is not here"))
    for tool in ("mkdir", "cp", "cat"):
        (root / "bin" / tool).symlink_to(shutil.which(tool) or "")
    program(root / "bin" / "python3", PYTHON)
    program(root / "bin" / "id", '#!/bin/sh\necho "${USER_ID-0}"\n')
    program(root / "bin" / "apt-get", APT)
    return root


@pytest.fixture
def shell(checkout: Path) -> Shell:
    def run(script: str, *arguments: str, **environment: str) -> Done:
        command, known = [str(checkout / "scripts" / script), *arguments], {"PATH": str(checkout / "bin")}
        return subprocess.run(
            command, cwd=checkout, env=known | environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def installed(checkout: Path) -> list[str]:
    log = checkout / "apt.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[-1] for line in lines if line.startswith("install ")]


def test_where_nothing_is_missing_nothing_is_done_or_said(shell: Shell, checkout: Path) -> None:
    done = shell("system_packages.sh", "python3")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert installed(checkout) == []


def test_root_is_given_what_is_missing(shell: Shell, checkout: Path) -> None:
    done = shell("system_packages.sh", "python3", LACKING=LIBRARIES, NO_VENV="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Installing python3.11-venv libgl1 libxcb1 libglib2.0-0\n"
    assert installed(checkout) == ["python3.11-venv", "libgl1", "libxcb1", "libglib2.0-0"]


def test_whoever_may_not_install_is_told_what_to_type(shell: Shell, checkout: Path) -> None:
    done = shell("system_packages.sh", "python3", LACKING="libxcb.so.1", USER_ID="1000")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "facepipe needs libxcb.so.1: type: sudo apt-get install libxcb1\n"
    assert installed(checkout) == []


def test_without_apt_it_is_named(shell: Shell, checkout: Path) -> None:
    (checkout / "bin" / "apt-get").unlink()
    done = shell("system_packages.sh", "python3", LACKING="libGL.so.1 libxcb.so.1")
    assert done.returncode == 1
    assert done.stderr == "facepipe needs libGL.so.1 libxcb.so.1: install what holds it (in Debian libgl1 libxcb1)\n"


def test_what_apt_says_is_told(shell: Shell) -> None:
    done = shell("system_packages.sh", "python3", LACKING=LIBRARIES, UNKNOWN="libxcb1")
    assert done.returncode == 1
    assert done.stderr == (
        "facepipe needs libxcb.so.1: apt-get install libxcb1 failed: Unable to locate package libxcb1\n"
    )


def test_python_comes_first_where_there_is_none(shell: Shell, checkout: Path) -> None:
    (checkout / "bin" / "python3").unlink()
    done = shell("system_packages.sh", "python3", USER_ID="1000")
    assert (done.returncode, done.stderr) == (
        1,
        "facepipe needs python3: type: sudo apt-get install python3-venv\n",
    )


@pytest.mark.parametrize(
    ("version", "python", "said"),
    [
        ("3.9", "python3", "python3 is Python 3.9, facepipe needs 3.10 or newer: name one that is, as PYTHON="),
        ("2.7", "python3", "python3 is Python 2.7, facepipe needs 3.10 or newer"),
        ("3.11", "python3.77", "PYTHON=python3.77 does not run: name a Python that does, as PYTHON=python3"),
    ],
)
def test_a_python_that_will_not_do_is_told(shell: Shell, version: str, python: str, said: str) -> None:
    done = shell("system_packages.sh", python, VERSION=version)
    assert done.returncode == 1
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_what_tests_need_is_left_out_where_it_cannot_be(shell: Shell, checkout: Path) -> None:
    done = shell("system_packages.sh", "python3", "tests", USER_ID="1000", LACKING="libSM.so.6")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Some tests will be skipped, without chromium Xvfb libSM.so.6 curl: "
        "type: sudo apt-get install chromium xvfb libsm6 curl\n"
    )
    done = shell("system_packages.sh", "python3", "tests", UNKNOWN="chromium")
    assert done.returncode == 0
    assert installed(checkout) == ["chromium", "xvfb", "curl"]
    assert done.stdout.splitlines()[1:] == [
        "Some tests will be skipped, without chromium: "
        "apt-get install chromium failed: Unable to locate package chromium"
    ]


def test_an_environment_of_another_python_is_left_alone(shell: Shell, checkout: Path) -> None:
    assert shell("make_venv.sh", "python3").returncode == 0
    program(checkout / ".venv" / "bin" / "python", "#!/bin/sh\necho 3.12\n")
    done = shell("make_venv.sh", "python3")
    assert (done.returncode, done.stderr) == (1, ".venv is of Python 3.12, python3 is 3.11: type make clean first\n")


def test_one_that_was_left_half_made_is_finished(shell: Shell, checkout: Path) -> None:
    assert shell("make_venv.sh", "python3").returncode == 0
    assert shell("make_venv.sh", "python3").returncode == 0
    assert (checkout / "made").read_text().splitlines() == ["-m venv .venv"] * 2
    program(checkout / "bin" / "python3", PYTHON.replace('[ -z "$BROKEN_PIP" ] || [ -f made ]', "exit 1"))
    assert shell("make_venv.sh", "python3").returncode == 0
    assert (checkout / "made").read_text().splitlines()[-1] == "-m venv --clear .venv"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(shell: Shell, checkout: Path) -> None:
    checkout.chmod(0o500)
    done = shell("make_venv.sh", "python3")
    checkout.chmod(0o700)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be written, and .venv is made here" in done.stderr


@pytest.mark.parametrize(
    ("pip", "said"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for hatchling>=1.26\n",
            "packages cannot be fetched: look at the network (behind a proxy, set https_proxy)",
        ),
        (
            "  ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
            "Could not install packages due to an OSError: [Errno 28] No space left on device",
        ),
        ("Traceback\n", "pip failed"),
    ],
)
def test_why_pip_failed_is_one_line(shell: Shell, checkout: Path, pip: str, said: str) -> None:
    program(checkout / ".venv" / "bin" / "python", f"#!/bin/sh\ncat <<'END'\n{pip}END\nexit 1\n")
    done = shell("pip_install.sh", "--editable", ".")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{said}; all of it is in .venv/pip.log; the same command goes on where it stopped\n"
    assert (checkout / ".venv" / "pip.log").read_text() == pip


def test_pip_that_succeeds_says_nothing(shell: Shell, checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", '#!/bin/sh\necho "$@"\n')
    done = shell("pip_install.sh", "--editable", ".[dev]")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (checkout / ".venv" / "pip.log").read_text() == "-m pip install --progress-bar off --editable .[dev]\n"
