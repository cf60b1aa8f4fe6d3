"""What a message of the library adds in the shell: the option, or the command, that mends it there."""

from __future__ import annotations

import os

NUMBERS = "facepipe detect PHOTO --annotate FOLDER marks the numbers"
IN_SHELL = {  # by how a message ends
    "crop it, or pick one, 1 for the largest": f"crop it, or pick one: --pick N, 1 for the largest; {NUMBERS}",
    "count from 1, the largest": f"count from 1, the largest; {NUMBERS}; verify takes two, for A and B: --pick 2,1",
    "or a lower min-face": "or a lower --min-face",
    "got video; save it as one of these": "got video; a film is for facepipe watch FILE, or facepipe enroll NAME"
    " --webcam FILE",
}
NO_GALLERY = "enrol someone first: facepipe enroll NAME PHOTO"


def in_shell(message: str) -> str:
    """The ``message`` as it is said to whoever typed a command."""
    for ending, instead in IN_SHELL.items():
        if message.endswith(ending):
            return message.removesuffix(ending) + instead
    if message.endswith(NO_GALLERY) and not os.environ.get("FACEPIPE_GALLERY"):
        return f"{message}; or say where it is: --gallery FILE, or export FACEPIPE_GALLERY=FILE"
    return message
