"""Examples in pages of documentation: what was typed, what it printed, and what of that may differ elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run or from machine to machine: seconds, speed, dates, ids, sizes of files, folders
VARYING = [
    r"(?m)(?<=^load\t)[\d.]+|(?<=^enroll\t)[\d.]+|(?<=^identify\t)[\d.]+|(?<=^verify\t)[\d.]+|(?<=^in all\t)[\d.]+",
    r"[\d.]+(?= a second)",
    r"(?<=127\.0\.0\.1:)\d+",
    r"\d{4}-\d\d-\d\d(?:T[\d:.]+(?:\+00:00)?| \d\d:\d\d)?",
    r"@?\b[0-9a-f]{16,64}\b",
    r"(?<=bytes\t)\d+|(?<=_bytes\": )\d+",
    r"[^\s\"]*/(?=(?:gallery|guests|embeddings|old|wrong)\.db|models/)",
]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
# What is measured differs a little from processor to processor: scores, and places of faces in px
SCORE, PIXELS = 0.005, 4


def examples(page: Path) -> list[tuple[str, str]]:
    """(command line, output) of every ``$ …`` in the page."""
    found = []
    for block in BLOCK.findall(page.read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def settled(text: str) -> str:
    """The text without what varies; numbers that are measured have a point, those that are counted have none."""
    for pattern in VARYING:
        text = re.sub(pattern, "VARIES", text)
    text = re.sub(r"(\d+)×(\d+) px at \((\d+), (\d+)\)", r"\1.0×\2.0 px at (\3.0, \4.0)", text)
    return re.sub(r"\b(\d+) (px|%)", r"\1.0 \2", text)


def alike(shown: str, expected: str) -> bool:
    shown, expected = settled(shown), settled(expected)
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(expected), strict=False)
    return NUMBER.sub("#", shown) == NUMBER.sub("#", expected) and all(_near(*pair) for pair in pairs)


def _near(a: str, b: str) -> bool:
    if "." not in a + b:
        return a == b
    return abs(float(a) - float(b)) <= (SCORE if abs(float(b)) <= 1 else PIXELS)


def as_before(shown: str, expected: str) -> str:
    """``shown`` with what varies as it is in ``expected``, where both have as many of it."""
    for pattern in VARYING:
        before = re.findall(pattern, expected)
        if len(before) == len(re.findall(pattern, shown)):
            again: Iterator[str] = iter(before)
            shown = re.sub(pattern, lambda _, again=again: next(again), shown)  # type: ignore[misc]
    return shown


def write(page: Path, command: str, shown: str, expected: str) -> None:
    """Put what a command prints now into the page."""
    text = page.read_text("utf-8")
    page.write_text(text.replace(f"$ {command}\n{expected}", f"$ {command}\n{shown}", 1), "utf-8")
