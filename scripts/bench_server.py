"""How fast the server is: live latency of one client, and identification by one client against several at once.

    python scripts/bench_server.py [--seconds 60] [--clients 8]

Starts `facepipe serve` on 127.0.0.1 with a gallery and keys of its own, and ends it. Every client has a key, as the
rate is limited for each. On Linux the server's memory is read from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import httpx
import numpy as np
from stopwatch import rss_mb
from websockets.sync.client import connect

from facepipe.folders import samples

FRAMES, WIDTH, HEIGHT = 100, 640, 480
WARM_UP = 5.0  # seconds
PORTRAITS = ("obama.jpg", "obama2.jpg", "biden.jpg", "obama3.jpg", "astronaut.png")


@dataclass
class Counts:
    """What one run of clients did."""

    done: int = 0
    errors: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)


@contextmanager
def served(home: Path) -> Iterator[tuple[str, int]]:
    """The URL and process id of a server."""
    command = [sys.executable, "-m", "facepipe", "serve", "--port", "0", "--gallery", str(home / "people.db")]
    with open(home / "server.log", "w+") as log:
        process = subprocess.Popen(command, stderr=log, env=os.environ | {"FACEPIPE_HOME": str(home)})
        try:
            while not (found := re.search(r"open (http://\S+)/", (home / "server.log").read_text())):
                if process.poll() is not None:
                    sys.exit((home / "server.log").read_text())
                time.sleep(0.1)
            yield found[1], process.pid
        finally:
            process.terminate()
            process.wait(20)


def make_key(home: Path, name: str) -> str:
    command = [sys.executable, "-m", "facepipe", "keys", "add", name, "--scope", "enroll"]
    made = subprocess.run(command, env=os.environ | {"FACEPIPE_HOME": str(home)}, capture_output=True, check=True)
    found = re.search(r"fp_[\w-]{43}", made.stdout.decode())
    assert found is not None
    return found[0]


def frames() -> Iterator[bytes]:
    """A portrait as a camera in a hand sees it, 640×480 JPEG."""
    portrait = cv2.imread(str(samples() / "obama.jpg"))
    for number in range(FRAMES):
        scale = 0.75 + 0.05 * np.sin(number / 17)
        x, y = 15 * np.sin(number / 5), 10 * np.cos(number / 7)
        to_frame = np.array([[scale, 0, -30 + x], [0, scale, -40 + y]], np.float32)
        frame = cv2.warpAffine(portrait, to_frame, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
        yield cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def live(url: str, key: str) -> tuple[list[float], set[str | None]]:
    """Milliseconds from each frame sent to its answer, at no more than the frames a second that are allowed."""
    spent, names = [], set()
    headers = {"Authorization": f"Bearer {key}"}
    shown = list(frames())
    with connect(f"{url.replace('http', 'ws')}/api/v1/live", additional_headers=headers, proxy=None) as socket:
        pause = 1 / json.loads(socket.recv())["max_fps"]
        for frame in shown:
            began = time.perf_counter()
            socket.send(frame)
            answer = json.loads(socket.recv())
            spent.append(1000 * (time.perf_counter() - began))
            assert answer["type"] == "frame", answer
            names |= {face["name"] for face in answer["faces"]}
            time.sleep(max(0.0, pause - (time.perf_counter() - began)))
    return spent, names


def identify(url: str, keys: list[str], seconds: float) -> Counts:
    """As many clients as keys, each asking again as soon as it is answered."""
    pictures = [(samples() / name).read_bytes() for name in PORTRAITS]
    counts, until, lock = Counts(), time.monotonic() + seconds, threading.Lock()

    def ask(number: int, key: str) -> None:
        with httpx.Client(
            base_url=url, timeout=60, headers={"Authorization": f"Bearer {key}"}, trust_env=False
        ) as client:
            while time.monotonic() < until:
                began = time.perf_counter()
                picture = pictures[number % len(pictures)]
                try:
                    answer = client.post("/api/v1/identify", files={"image": picture})
                    wrong = "" if answer.status_code == 200 and answer.json()["faces"] else answer.text
                except httpx.HTTPError as error:
                    wrong = repr(error)
                with lock:
                    number += 1
                    if wrong:
                        counts.errors.append(wrong)
                    else:
                        counts.done += 1
                        counts.times.append(1000 * (time.perf_counter() - began))

    threads = [threading.Thread(target=ask, args=numbered) for numbered in enumerate(keys)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


def report(label: str, counts: Counts, seconds: float) -> float:
    a_second = counts.done / seconds
    middle, late = (np.percentile(counts.times, q) if counts.times else 0.0 for q in (50, 95))
    print(f"{label:12} {a_second:6.1f}/s   median {middle:5.0f} ms   p95 {late:5.0f} ms   {len(counts.errors)} errors")
    for error in counts.errors[:3]:
        print(f"  {error}")
    return a_second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        keys = [make_key(home, f"client{number}") for number in range(options.clients)]
        with served(home) as (url, process):
            headers = {"Authorization": f"Bearer {keys[0]}"}
            enrolled = {"name": "Barack Obama", "gate": "false"}, {"images": (samples() / "obama2.jpg").read_bytes()}
            httpx.post(f"{url}/api/v1/enroll", data=enrolled[0], files=enrolled[1], headers=headers, trust_env=False)
            spent, names = live(url, keys[0])
            print(f"live, {WIDTH}×{HEIGHT}, {FRAMES} frames, seen: {', '.join(map(str, sorted(names, key=str)))}")
            print(f"             median {statistics.median(spent):5.0f} ms   p95 {np.percentile(spent, 95):5.0f} ms")
            identify(url, keys, WARM_UP)
            one = report("1 client", identify(url, keys[:1], options.seconds), options.seconds)
            before = rss_mb(process)
            many = report(f"{options.clients} clients", identify(url, keys, options.seconds), options.seconds)
            print(f"{many / one:.2f} times as many; memory {before:.0f} MB before, {rss_mb(process):.0f} MB after")


if __name__ == "__main__":
    main()
