"""The shell as a whole: help, documentation, completion, what it loads, and output that cannot be written."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from facepipe import __version__, errors
from facepipe.cli import options as opt
from facepipe.cli.app import app
from tests.cli.cli_shell import ROOT, Run, command_line, environment, start

DOCS = ROOT / "docs" / "cli.md"
TYPERS_OWN = {"--install-completion", "--show-completion"}


def commands(group: Any = None, path: str = "facepipe") -> Iterator[tuple[str, Any]]:
    """Every command that does something and is listed, with its full name."""
    root: Any = group or typer.main.get_command(app)
    for name, command in root.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


COMMANDS = dict(commands())


def options(command: Any) -> set[str]:
    return {name for param in command.params if param.param_type_name == "option" for name in names(param)}


def names(option: Any) -> list[str]:
    """Of --window/--no-window both."""
    return [*option.opts, *option.secondary_opts]


def test_the_walk_finds_the_commands() -> None:
    assert {"facepipe identify", "facepipe people remove-reference", "facepipe models pull"} <= set(COMMANDS)
    assert {"--gallery", "-g", "--json"} <= options(COMMANDS["facepipe identify"])


def test_every_command_option_and_argument_has_a_help_text() -> None:
    first_sentences = {name: command.help.split(".")[0] for name, command in COMMANDS.items()}
    assert {name: text for name, text in first_sentences.items() if len(text) > 60} == {}  # fits the list of commands
    params = [(name, param) for name, command in COMMANDS.items() for param in command.params if param.name != "help"]
    assert [(name, param.name) for name, param in params if not getattr(param, "help", None)] == []


def sections() -> dict[str, str]:
    """The parts of docs/cli.md that are headed by a command's name."""
    parts = re.split(r"^##+ (.*)$", DOCS.read_text("utf-8"), flags=re.MULTILINE)
    headed = zip(parts[1::2], parts[2::2], strict=True)
    return {heading.strip("`"): text for heading, text in headed if heading.startswith("`facepipe")}


def test_every_command_is_documented_and_none_that_is_gone() -> None:
    assert sorted(sections()) == sorted(COMMANDS)


def rows(text: str) -> dict[str, str]:
    """The rows of the tables of options in ``text``, by the first name of each option."""
    return {row[1]: row[0] for row in re.finditer(r"^\| `(--?[a-z0-9-]+)`.*", text, flags=re.MULTILINE)}


def documented(name: str) -> dict[str, str]:
    """The rows about a command's options: those of its own section, and the common ones that it names."""
    section, common = sections().get(name, ""), rows(_part("Common options"))
    (named,) = re.findall(r"^\[Common options\]\(#common-options\): (.*?)\.$", section, re.MULTILINE | re.DOTALL) or [
        ""
    ]
    return {option: common[option] for option in re.findall(r"`(.*?)`", named)} | rows(section)


def _part(heading: str) -> str:
    return DOCS.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_none_that_is_gone(name: str) -> None:
    told = {
        option for row in documented(name).values() for option in re.findall(r"`(--?[a-z0-9-]+)`", row.split("|")[1])
    }
    assert told == options(COMMANDS[name]) - {"--help", "-h"}


def test_no_section_tells_a_common_option_in_the_common_words() -> None:
    common = rows(_part("Common options"))
    assert len(common) > 10
    assert [
        (name, option)
        for name, text in sections().items()
        for option, row in rows(text).items()
        if row == common.get(option)
    ] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_default_is_documented_as_it_is(name: str) -> None:
    for param in COMMANDS[name].params:
        default = param.default
        if (
            param.param_type_name == "option"
            and isinstance(default, (str, int, float))
            and default not in (True, False)
        ):
            row = documented(name)[param.opts[0]]
            assert f"`{default:g}`" in row if isinstance(default, float) else f"`{default}`" in row, row


def test_every_error_is_documented_and_none_that_is_gone() -> None:
    table = DOCS.read_text("utf-8").partition("## Errors")[2]
    known = {value.code for value in vars(errors).values() if hasattr(value, "code")} - {"error"}
    assert set(re.findall(r"^\| `([a-z-]+)` \|", table, flags=re.MULTILINE)) == known


def test_help_is_quick_and_loads_no_torch() -> None:
    code = "import sys; sys.argv = ['facepipe', '--help']\nfrom facepipe.cli.app import main\ntry: main()\n"
    code += "finally: print('\\n', *(name in sys.modules for name in ('torch', 'numpy', 'cv2', 'faiss')))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60)
    assert "identify" in done.stdout
    assert done.stdout.splitlines()[-1].split() == ["False"] * 4


def test_version(run: Run) -> None:
    assert run("--version").out == f"facepipe {__version__}\n"


@pytest.mark.parametrize("group", [[], ["people"], ["gallery"], ["models"], ["keys"]])
def test_a_group_alone_shows_its_commands_and_is_wrong_usage(run: Run, group: list[str]) -> None:
    done = run(*group)
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err
    assert run(*group, "--help").code == 0
    assert run(*group, "-h").out == run(*group, "--help").out


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["idetnify", "x"], "identify"),
        (["people", "lst"], "list"),
        (["detect", "--jsno", "x"], "--json"),
        (["detect"], "facepipe detect --help"),
        (["detect", "--nonsense\n\x1b[2J", "x"], r"\x1b[2J"),
    ],
)
def test_a_mistyped_command_line_is_one_line_with_a_hint(run: Run, args: list[str], hint: str) -> None:
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert done.complaint.startswith("facepipe")
    assert hint in done.complaint


@pytest.mark.slow
def test_an_option_without_its_value_points_to_its_commands_help() -> None:
    for args in (["enroll", "Ada", "obama.jpg", "--pick"], ["people", "show", "Ada", "--chips"]):
        done = start(*args)
        assert done.code == 2
        assert done.complaint.endswith(f"See facepipe {' '.join(args[: 2 if args[0] == 'people' else 1])} --help\n")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("facepipe ide", {"identify"}),
        ("facepipe identify --thr", {"--threshold"}),
        ("facepipe identify --backbone dl", {"dlib_resnet"}),
        ("facepipe detect --detector m", {"mtcnn"}),
        ("facepipe serve --detector y", {"yunet"}),
        ("facepipe models show mt", {"mtcnn"}),
        ("facepipe people show A", {"Ada Lovelace"}),
        ("facepipe people show --gallery nowhere.db A", set()),
    ],
)
def test_completion(run: Run, typed: str, expected: set[str]) -> None:
    run("enroll", "Ada Lovelace", "obama.jpg")
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_FACEPIPE_COMPLETE": "complete_bash"}
    done = start(**words)
    assert set(done.out.split("\n")) - {""} == expected
    assert done.err == ""


def test_warnings_of_the_library_are_one_line_on_stderr(run: Run) -> None:
    done = start("enroll", "--folders", ".")
    warning, error = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert warning.startswith("warning: .: 5 files belong to no person")
    assert error.startswith("facepipe: .: no people in this folder")


def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command_line("models", "list"),
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "facepipe: cannot write the output: No space left on device\n"


def test_an_unexpected_error_is_one_line_unless_the_traceback_is_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the moon\nis full")

    monkeypatch.setattr(opt, "image_files", fail)
    done = run("detect", "obama.jpg")
    assert (done.code, done.out) == (1, "")
    assert done.complaint == (
        "facepipe: unexpected RuntimeError: the moon; FACEPIPE_DEBUG=1 shows the traceback; please report it\n"
    )
    monkeypatch.setenv("FACEPIPE_DEBUG", "1")
    with pytest.raises(RuntimeError, match="the moon"):
        run("detect", "obama.jpg")


def test_ctrl_c_at_a_question_is_an_interruption(enrolled: Run) -> None:
    terminal, stdin = os.openpty()
    command = command_line("people", "remove", "Ada")
    with subprocess.Popen(command, env=environment(), stdin=stdin, stdout=stdin, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        asked = process.stderr.read(len("Delete Ada and 2 references? This cannot be undone. [y/N]:"))
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    os.close(terminal)
    os.close(stdin)
    assert asked.endswith(b"[y/N]:")
    assert (process.returncode, b"interrupted" in rest) == (130, True)
    assert "Ada" in enrolled("people", "list").out


@pytest.mark.parametrize(
    "args",
    [
        ["people", "list", "--gallery", "secret"],
        ["gallery", "import", "secret"],
        ["detect", "secret"],
        ["verify", "secret", "secret"],
        ["models", "add", "--name", "x", "secret"],
    ],
)
def test_a_file_that_may_not_be_read_is_an_error_not_wrong_usage(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, args: list[str]
) -> None:
    (here / "secret").write_bytes(b"secret")
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **more: "secret" not in str(path) and allowed(path, mode))
    done = run(*args)
    assert (done.code, done.out) == (1, "")
    assert "secret" in done.complaint
