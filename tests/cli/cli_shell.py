"""What the shell's tests share: the result of a command, and commands in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, Any]]:
        """Every line of stdout, each of which must be one JSON object."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def complaint(self) -> str:
        """What stderr says, which must be one line and no traceback."""
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err


Run = Callable[..., Result]


def command_line(*args: object) -> list[str]:
    return [sys.executable, "-m", "facepipe", *map(str, args)]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **changes}


def start(*args: object, **changes: str) -> Result:
    """Run a command in a process of its own."""
    done = subprocess.run(command_line(*args), env=environment(**changes), capture_output=True, timeout=120)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())
