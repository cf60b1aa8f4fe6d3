"""How long `facepipe identify PHOTO` and `facepipe --help` take from a cold start, beside `python -c "import torch"`.

    python scripts/bench_start.py [--rounds 9] [--json FILE]

Every run is a process of its own; files are in the system's cache, as the first, unmeasured round puts them there. The
gallery holds two people of data/samples, the photo shows one of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stopwatch import Measure, add_json_option, medians, paired, ratio, report

from facepipe.folders import samples

KNOWN = {"Barack Obama": ("obama.jpg", "obama2.jpg"), "Joe Biden": ("biden.jpg",)}
PHOTO = "obama3.jpg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    add_json_option(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for name, photos in KNOWN.items():
            facepipe(home, "enroll", name, *(str(samples() / photo) for photo in photos))
        identify = paired(lambda: facepipe(home, "identify", str(samples() / PHOTO)), import_torch, given.rounds)
        help_page = paired(lambda: facepipe(home, "--help"), import_torch, given.rounds)
    report(
        [
            Measure("identify one photo, import torch", *medians(identify), 1 / ratio(identify), "≤ 1.2"),
            Measure("--help, import torch", *medians(help_page), 1 / ratio(help_page)),
        ],
        given.json,
    )


def facepipe(home: str, *words: str) -> None:
    run(["-m", "facepipe", *words], home)


def import_torch() -> None:
    run(["-c", "import torch"], os.devnull)


def run(words: list[str], home: str) -> None:
    environment = os.environ | {"FACEPIPE_HOME": home}
    for name in ("FACEPIPE_GALLERY", "PYTHONDONTWRITEBYTECODE"):  # the latter would compile facepipe anew in each run
        environment.pop(name, None)
    subprocess.run(
        [sys.executable, *words], env=environment, check=True, stdout=subprocess.DEVNULL, cwd=Path(home).parent
    )


if __name__ == "__main__":
    main()
