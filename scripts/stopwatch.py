"""What the bench scripts share: paired timings, memory of a process, and one way to print and keep results.

Not run by itself; ``python scripts/bench_….py`` finds it beside itself.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Pairs = list[tuple[float, float]]


@dataclass(frozen=True)
class Measure:
    """One row of the results: ``ours`` and ``theirs`` in ``unit``, their ``ratio``, and the ``bar`` ("≥ 7", "≤ 1.25").

    The bar is the ratio's or, where there is none, that of ``ours``; "" where none was set.
    """

    name: str
    ours: float
    theirs: float | None = None
    ratio: float | None = None
    bar: str = ""
    unit: str = "s"

    @property
    def passed(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if not self.bar:
            return None
        value, limit = self.ours if self.ratio is None else self.ratio, float(self.bar[1:])
        return value >= limit if self.bar[0] == "≥" else value <= limit


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def paired(a: Callable[[], object], b: Callable[[], object], rounds: int, warm_up: int = 1) -> Pairs:
    """(seconds of ``a``, seconds of ``b``) of each round, run in turn: whatever else the machine does falls on both."""
    for _ in range(warm_up):
        a()
        b()
    return [(seconds(a), seconds(b)) for _ in range(rounds)]


def ratio(pairs: Pairs) -> float:
    """How many times ``b`` takes what ``a`` takes: the median over the rounds."""
    return statistics.median(b / a for a, b in pairs)


def medians(pairs: Pairs) -> tuple[float, float]:
    """The median seconds of ``a``, and of ``b``."""
    a, b = zip(*pairs, strict=True)
    return statistics.median(a), statistics.median(b)


def rss_mb(process: int | str = "self") -> float:
    """The resident memory of a process now, 10⁶ bytes; 0 where the system has no /proc."""
    return _status(process, "VmRSS")


def peak_rss_mb(process: int | str = "self") -> float:
    """The most resident memory a process has had, 10⁶ bytes; 0 where the system has no /proc."""
    return _status(process, "VmHWM")


def _status(process: int | str, key: str) -> float:
    try:
        found = re.search(rf"{key}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="append one JSON object per row to this file")


def report(measures: Sequence[Measure], json_file: Path | None = None) -> None:
    """Print the table; append the rows to ``json_file`` as JSON lines."""
    width = max(len(measure.name) for measure in measures)
    print(f"{'measure':{width}}  {'facepipe':>10}  {'other':>10}  {'unit':8}  {'ratio':>8}  bar")
    for row in measures:
        verdict = {True: " reached", False: " MISSED", None: ""}[row.passed]
        print(
            f"{row.name:{width}}  {_number(row.ours):>10}  {_number(row.theirs):>10}  {row.unit:8}  "
            f"{_number(row.ratio):>8}  {row.bar}{verdict}",
            flush=True,
        )
    if json_file is not None:
        with json_file.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in measures)


def _number(value: float | None) -> str:
    """Three digits that count, or whole numbers with commas."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
