"""The scripts can be run, and what they share counts rightly."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(autouse=True)
def _as_run_from_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setenv("OMP_WAIT_POLICY", os.environ.get("OMP_WAIT_POLICY", ""))  # some set it: it is put back


@pytest.fixture
def stopwatch() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPTS / "stopwatch.py")))


@pytest.mark.parametrize("script", sorted(path.name for path in SCRIPTS.glob("bench_*.py")))
def test_says_how_it_is_used(script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    assert ended.value.code == 0
    assert f"usage: {script}" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["raise SystemExit", "import pkg_resources_that_are_not_there"])
def test_a_peer_that_cannot_be_imported_is_a_failure(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "face_recognition.py").write_text(broken)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "face_recognition", raising=False)
    theirs = runpy.run_path(str(SCRIPTS / "bench_folder.py"))["Theirs"]
    with pytest.raises(SystemExit, match="cannot be imported: pip install"):
        theirs()


def test_pairs_alternate_after_a_warm_up(stopwatch: SimpleNamespace) -> None:
    calls: list[str] = []
    pairs = stopwatch.paired(lambda: calls.append("a"), lambda: calls.append("b"), 3, warm_up=2)
    assert calls == ["a", "b"] * 5
    assert len(pairs) == 3
    assert all(a >= 0 and b >= 0 for a, b in pairs)


def test_the_ratio_is_the_median_of_each_pairs(stopwatch: SimpleNamespace) -> None:
    pairs = [(1.0, 2.0), (10.0, 30.0), (1.0, 100.0)]
    assert stopwatch.ratio(pairs) == 3
    assert stopwatch.medians(pairs) == (1.0, 30.0)


@pytest.mark.parametrize(
    ("bar", "ratio", "ours", "passed"),
    [
        ("≥ 7", 7.0, 1.0, True),
        ("≥ 7", 6.9, 9.0, False),
        ("≤ 1.8", 1.8, 9.0, True),
        ("≤ 1.8", 1.9, 1.0, False),
        ("≤ 1500", None, 1500.0, True),
        ("≤ 1500", None, 1501.0, False),
        ("", 3.0, 1.0, None),
    ],
)
def test_a_bar_is_the_ratios_or_that_of_our_own_figure(
    stopwatch: SimpleNamespace, bar: str, ratio: float | None, ours: float, passed: bool | None
) -> None:
    assert stopwatch.Measure("what", ours, 2.0, ratio, bar).passed is passed


def test_results_are_a_table_and_are_appended_as_json(
    stopwatch: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results.jsonl"
    for ratio in (8.0, 6.0):
        stopwatch.report([stopwatch.Measure("a folder", 1234.5, 2.0, ratio, "≥ 7")], file)
    shown = capsys.readouterr().out
    assert "1,234" in shown
    assert shown.index("reached") < shown.index("MISSED")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [row["ratio"] for row in rows] == [8.0, 6.0]
    assert rows[0] == {"name": "a folder", "ours": 1234.5, "theirs": 2.0, "ratio": 8.0, "bar": "≥ 7", "unit": "s"}


HOLDS = """
input("resting")
held = bytearray(b"x") * 200_000_000
input("holding")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system has no /proc")
def test_memory_is_that_of_the_process(stopwatch: SimpleNamespace) -> None:
    # a process of its own: what a long run of tests has let go may be taken again without the process growing
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(len("resting")) == b"resting"
        before = stopwatch.rss_mb(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.read(len("holding")) == b"holding"
        assert 190 < stopwatch.rss_mb(process.pid) - before < 300
        assert stopwatch.peak_rss_mb(process.pid) >= before + 190
        process.kill()


def test_photos_may_be_a_folder_of_videos_only(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (640, 480))
    for number in range(21):
        writer.write(np.full((480, 640, 3), number, np.uint8))
    writer.release()
    photos = SimpleNamespace(**runpy.run_path(str(SCRIPTS / "photos.py")))
    (tmp_path / "made").mkdir()
    assert len(photos.folder_of([tmp_path], tmp_path / "made", 2)) == 2
    assert photos.portraits([tmp_path])  # of data/samples: there are none in a video
