"""The shell: each command is about one library call. Exit codes: 0 done, 1 error, 2 usage, 3 some inputs failed."""

from __future__ import annotations

import logging
import os
import sys

import typer

from facepipe import __version__
from facepipe.cli import demo, gallery, models, people, recognise
from facepipe.errors import FacepipeError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Recognise faces on this machine: find them, summarise them, match them with the people you enrolled.",
    epilog="Exit codes: 0 done, 1 error, 2 usage, 3 some inputs failed. Nothing ever leaves this machine.",
)
app.command("demo")(demo.demo)
app.command("detect")(recognise.detect)
app.command("enroll")(recognise.enroll)
app.command("identify")(recognise.identify)
app.command("verify")(recognise.verify)
app.add_typer(people.app, name="people")
app.add_typer(gallery.app, name="gallery")
app.add_typer(models.app, name="models")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"facepipe {__version__}")
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    pass


def main() -> None:
    """Run the shell. A named error becomes one line on stderr and an exit code, never a traceback."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    logging.addLevelName(logging.WARNING, "warning")
    try:
        app()
    except FacepipeError as error:
        typer.echo(f"facepipe: {error}", err=True)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:
        typer.echo("facepipe: interrupted; what was acknowledged is stored", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
