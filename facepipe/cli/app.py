"""The shell: each command is about one library call. Exit codes: 0 done, 1 error, 2 usage, 3 some inputs failed."""

from __future__ import annotations

import io
import logging
import os
import sys
from typing import Any

import typer

from facepipe import __version__
from facepipe.cli import (
    calibrate,
    demo,
    enroll,
    evaluate,
    gallery,
    inspect,
    keys,
    models,
    people,
    recognise,
    serve,
    watch,
)
from facepipe.cli import output as out
from facepipe.errors import FacepipeError, UsageError
from facepipe.machine import dependencies, memory, threads

WrongUsage: type[Exception] = typer.BadParameter.__bases__[0]  # click's UsageError, wherever this typer keeps it

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recognise faces on this machine: find them, summarise them, match them with the people you enrolled.",
    epilog="Exit codes: 0 done, 1 error, 2 usage, 3 some inputs failed. Images and faces never leave this machine.",
)
app.command("demo")(demo.demo)
app.command("detect")(recognise.detect)
app.command("enroll")(enroll.enroll)
app.command("enrol", hidden=True)(enroll.enroll)  # as the messages spell it
app.command("identify")(recognise.identify)
app.command("verify")(recognise.verify)
app.command("watch")(watch.watch)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.command("inspect")(inspect.inspect)
app.add_typer(people.app, name="people")
app.add_typer(gallery.app, name="gallery")
app.add_typer(models.app, name="models")
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"facepipe {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    pass


def main() -> None:
    """Run the shell on ``sys.argv`` and exit."""
    # Torch's threads wait for each other by spinning: on a machine that is busy otherwise that took four times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal's encoding lacks must not end the run
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    logging.addLevelName(logging.WARNING, "warning")
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING, handlers=[out.Remarks()])
    sys.exit(_run())


def _run() -> int:
    """The exit code. A failure becomes one line on stderr, never a traceback."""
    try:
        with dependencies.explained(), threads.starting(), memory.enough():
            code = app(prog_name="facepipe", standalone_mode=False) or 0
    except FacepipeError as error:
        out.complain(str(error))
        return 2 if isinstance(error, UsageError) else 1
    except WrongUsage as error:
        _explain(error)
        return 2
    except typer.Abort as abort:
        why = abort.__cause__ or abort.__context__  # a question that Ctrl-C answers hides its cause
        code = out.INTERRUPTED if isinstance(why, KeyboardInterrupt) else 1
        if code == 1:
            out.complain("nothing was changed")
    except KeyboardInterrupt:
        code = out.INTERRUPTED
    except OSError as error:
        _discard_output()
        out.complain(f"{error.filename or 'cannot write the output'}: {error.strerror or error}")
        return 1
    except Exception as error:
        if os.environ.get("FACEPIPE_DEBUG"):
            raise
        if isinstance(error, RuntimeError) and "home directory" in str(error):  # Python's, typer's, platformdirs'
            out.complain("this user has no home folder; set HOME to one")
            return 1
        what = f"{type(error).__name__}: {error}".partition("\n")[0]
        out.complain(f"unexpected {what[:300]}; FACEPIPE_DEBUG=1 shows the traceback; please report it")
        return 1
    if code == out.INTERRUPTED:
        out.complain("interrupted; what was reported until here is done and stored")
    return code


def _explain(error: Exception) -> None:
    """One line for a usage error; for a group of commands alone, its help."""
    context, message = getattr(error, "ctx", None), getattr(error, "format_message", error.__str__)()
    command = context.command_path if context else _typed_command()
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message, err=True)
    else:
        stop = "" if message.endswith((".", "?")) else "."
        out.say(f"{command}: {message}{stop} See {command} --help")


def _typed_command() -> str:
    """As much of the command line as names a command."""
    command: Any = typer.main.get_command(app)
    words = ["facepipe"]
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        words.append(word)
    return " ".join(words)


def _discard_output() -> None:
    """Or Python would try once more to write what is left, and complain in its own words."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
