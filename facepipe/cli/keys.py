"""keys: who may call the server."""

from __future__ import annotations

from typing import Annotated

import typer

from facepipe.cli import options as opt
from facepipe.cli import output as out
from facepipe.serve.keys import SCOPES, Keyring, as_spelt

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make, list and remove the API keys of the server.")


def complete_scopes(incomplete: str) -> list[str]:
    return [scope for scope in SCOPES if scope.startswith(incomplete)]


def complete_keys(incomplete: str) -> list[str]:
    return [key.name for key in Keyring().list() if key.name.startswith(incomplete)]


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for, as the log will name it.")],
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="read: recognise and look. enroll: also enrol. admin: also rename, merge and remove.",
            autocompletion=complete_scopes,
        ),
    ] = "read",
    as_json: opt.Json = False,
) -> None:
    """Make a key and show it once: only its hash is kept."""
    scope = as_spelt(scope)
    text = Keyring().add(name, scope)
    if as_json:
        out.line({"name": name, "scope": scope, "key": text})
    else:
        typer.echo(text)
        out.say(f"{name}: may {scope}; keep it now, it cannot be shown again")


@app.command("list")
def list_keys(as_json: opt.Json = False) -> None:
    """List the keys: name, scope, day. The keys themselves are not kept."""
    keys = Keyring().list()
    if as_json:
        for key in keys:
            out.line({"name": key.name, "scope": key.scope, "added_at": key.added_at})
    elif keys:
        out.table("Keys", ("name", "scope", "made"), [(key.name, key.scope, key.added_at[:10]) for key in keys])
    else:
        out.say("there are no keys")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key's name.", autocompletion=complete_keys)],
) -> None:
    """Remove a key: running servers refuse it from now on."""
    Keyring().remove(name)
    out.say(f"{name}: removed")
