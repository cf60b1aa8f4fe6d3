"""Do sources hold on to anything? Memory over a looped video, and what is open after a stream went away 20 times.

python scripts/bench_source.py VIDEO [--frames 10000] [--times 20]

The first part also says how quickly the frames come when nothing is done with them.
"""

from __future__ import annotations

import argparse
import os
import socket
import threading
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from stopwatch import rss_mb

from facepipe.sources import Patience, open_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    looped(given.video, given.frames)
    away_and_back(given.times)


def looped(video: Path, frames: int) -> None:
    print(f"{'frame':>6} {'MB':>7} {'frames/s':>9}")
    with open_source(video, loop=True) as source:
        start, first = time.perf_counter(), None
        for number, _ in enumerate(islice(source, frames), 1):
            if number % max(1, frames // 10) == 0:
                first = rss_mb() if first is None else first
                print(f"{number:6} {rss_mb():7.1f} {number / (time.perf_counter() - start):9.1f}", flush=True)
        print(f"growth after the first tenth: {rss_mb() - (first or 0):.1f} MB\n")


def away_and_back(times: int) -> None:
    camera = Camera()
    patience = Patience(first_wait=0.01, longest_wait=0.1)
    states: list[str] = []

    def on_state(state: str, message: str) -> None:
        states.append(state)
        if state == "reconnecting":
            camera.appear()

    print(f"{'return':>6} {'files':>6} {'threads':>8} {'s away':>7}")
    with open_source(camera.url, patience=patience, on_state=on_state) as source:
        returns, left = 0, time.perf_counter()
        for _ in source:
            if len(states) < 3 * returns:
                continue  # a frame from before
            away = time.perf_counter() - left if returns else 0.0
            print(f"{returns:6} {count('fd'):6} {count('task'):8} {away:7.2f}", flush=True)
            if returns == times:
                break
            returns, left = returns + 1, time.perf_counter()
            camera.disappear()
    camera.disappear()
    print(f"closed {count('fd'):6} {count('task'):8}")


class Camera:
    """MJPEG over HTTP on this machine, for one client at a time."""

    def __init__(self) -> None:
        self.port = 0
        self.appear()

    def appear(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def disappear(self) -> None:
        self.gone.set()
        self.thread.join()

    def serve(self) -> None:
        noise = np.random.default_rng(0)
        with self.listener:
            connection = self.listener.accept()[0]
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n")
            while not self.gone.wait(0.02):
                jpeg = cv2.imencode(".jpg", noise.integers(0, 256, (48, 64, 3), np.uint8))[1].tobytes()
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                connection.sendall(head.encode() + jpeg + b"\r\n")


def count(what: str) -> int:
    """Open file descriptors ("fd") or threads, those of OpenCV among them ("task")."""
    return len(os.listdir(f"/proc/self/{what}"))


if __name__ == "__main__":
    main()
