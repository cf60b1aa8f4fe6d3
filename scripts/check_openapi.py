"""Try the server against its own OpenAPI: all checks of schemathesis, 100 examples for each operation.

    python scripts/check_openapi.py [--examples 100] [--seed 1] [-- MORE OPTIONS OF SCHEMATHESIS]

The server runs in this process, on 127.0.0.1, with a gallery and an API key of its own, and asks for the key. The exit
code is 0 when nothing failed.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import httpx
import uvicorn

from facepipe import Gallery, Pipeline
from facepipe.folders import samples
from facepipe.scoring.calibration import Calibration
from facepipe.scoring.evidence import ByReferences, Evidence
from facepipe.serve import server
from facepipe.serve.app import create_app
from facepipe.serve.keys import Keyring
from facepipe.serve.settings import Settings

HERE = Path(__file__).parent
RATE = 100_000  # requests a second: what is tried here is not how many are let in


def schemathesis(url: str, key: str, examples: int, seed: int, *more: str) -> int:
    """Run all checks; the exit code."""
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/api/v1/openapi.json"),
        *("--checks", "all", "--max-examples", str(examples), "--seed", str(seed)),
        *("--header", f"Authorization: Bearer {key}", "--suppress-health-check", "all"),
        *("--request-timeout", "120", "--max-response-time", "60"),  # seconds: an inspection takes some
        *more,
    ]
    with tempfile.TemporaryDirectory() as folder:  # it leaves a database of examples where it runs
        paths = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        environment = os.environ | {"SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": paths}
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode


def made_up(backbone: str) -> Calibration:
    """A calibration with all rates that may be asked for."""
    fmr = {"1e-2": 0.91, "1e-3": 0.93, "1e-4": 0.94, "1e-5": 0.95}
    fpir = {"1e-1": 0.92, "1e-2": 0.94, "1e-3": 0.95}
    says = ByReferences((1,), (Evidence(slope=300.0, offset=-279.0, lapse=1e-4, most=9.9),))
    now = datetime.now(timezone.utc)
    return Calibration(backbone, now, "nobody: 0 faces of 0 people", False, says, people=2, fmr=fmr, fpir=fpir)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder, "keys.json")
        key = Keyring(keys).add("check", "admin")
        settings = Settings(port=0, keys=keys, require_key=True, rate=RATE, burst=RATE, wrong_keys=RATE)
        pipe = Pipeline()
        with Gallery.open(Path(folder, "people.db"), backbone=pipe.backbone) as gallery:
            pipe.enroll("Eve", samples() / "obama.jpg", gallery)
            pipe.enroll("Ben", samples() / "biden.jpg", gallery)
            gallery.calibrate(made_up(pipe.backbone.id))
            place = server.listen(settings)
            running = uvicorn.Server(server.config(settings, create_app(settings, pipe, gallery)))
            thread = threading.Thread(target=running.run, kwargs={"sockets": [place]})
            thread.start()
            try:
                url = server.url(settings, place).rstrip("/")
                while not running.started:
                    time.sleep(0.01)
                httpx.get(f"{url}/api/v1/health", trust_env=False).raise_for_status()
                return schemathesis(url, key, options.examples, options.seed, *options.more)
            finally:
                running.should_exit = True
                thread.join()


if __name__ == "__main__":
    sys.exit(main())
