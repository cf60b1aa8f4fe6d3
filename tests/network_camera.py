"""What the tests of sources need: a portrait in motion, and a camera in the network, which is on this machine."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from facepipe.sources import Patience

SIZE = WIDTH, HEIGHT = 160, 120
BITS = 10  # of a picture's number, each a square of 16 px in its top row

QUICK = Patience(connect=5, stall=3, read=4, frozen=60, first_wait=0.01, longest_wait=0.05, gone=0.4)
SHORT = replace(QUICK, stall=0.3, read=0.6)  # for silence


@cache
def _portrait() -> np.ndarray:
    path = Path(__file__).parents[1] / "data" / "samples" / "obama.jpg"
    return cv2.resize(cv2.imread(str(path)), (WIDTH + 64, HEIGHT + 64))


def picture(number: int) -> np.ndarray:
    """The ``number``-th picture, (120, 160, 3) BGR, of a camera that moves about before a portrait."""
    x, y = 32 + round(30 * np.sin(number / 9)), 32 + round(30 * np.cos(number / 7))
    frame = _portrait()[y : y + HEIGHT, x : x + WIDTH].copy()
    for bit in range(BITS):
        frame[:16, 16 * bit : 16 * bit + 16] = 255 * (number >> bit & 1)
    return frame


def number_in(pixels: np.ndarray) -> int:
    """The number that ``picture`` wrote into its pixels."""
    return sum(int(pixels[4:12, 16 * bit + 4 : 16 * bit + 12].mean() > 127) << bit for bit in range(BITS))


def write_video(path: Path, count: int = 50, fourcc: str = "mp4v", fps: float = 25, first: int = 0) -> Path:
    """Write ``count`` pictures as a video; its suffix says which container."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), fps, SIZE)
    assert writer.isOpened()
    for number in range(first, first + count):
        writer.write(picture(number))
    writer.release()
    return path


class NetworkCamera:
    """MJPEG over HTTP on 127.0.0.1 that can go away, come back to its port, and fall silent.

    ``number``: of the picture sent last; ``requests``: what it was asked; ``silent``: connected, but nothing is sent.
    """

    scheme = "http"

    def __init__(self, pictures: Callable[[int], np.ndarray] = picture, fps: float = 50) -> None:
        self.pictures, self.period = pictures, 1 / fps
        self.number = 0
        self.requests: list[str] = []
        self.silent = False
        self.port = 0
        self._sent = threading.Condition()
        self._threads: list[threading.Thread] = []
        self.appear()

    def url(self, user: str = "", path: str = "/video") -> str:
        return f"{self.scheme}://{user}127.0.0.1:{self.port}{path}"

    def appear(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        listener.settimeout(0.02)
        self.port = listener.getsockname()[1]
        self._closed, self._gone = threading.Event(), threading.Event()
        self._run(self._accept, listener, self._closed, self._gone)

    def disappear(self) -> None:
        """Close the port, then every connection. Returns when that is done."""
        for event, threads in ((self._closed, self._threads[:1]), (self._gone, self._threads)):
            event.set()
            for thread in threads:
                thread.join(5)
                assert not thread.is_alive()
        self._threads.clear()

    def send_more(self, count: int) -> int:
        """Wait until ``count`` more pictures are sent. Returns the number of the last."""
        with self._sent:
            until = self.number + count
            assert self._sent.wait_for(lambda: self.number >= until, 5)
            return self.number

    def _run(self, work: Callable[..., None], *given: object) -> None:
        self._threads.append(threading.Thread(target=work, args=given, daemon=True))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket, closed: threading.Event, gone: threading.Event) -> None:
        with listener:
            while not closed.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                self._run(self._serve, connection, gone)

    def _serve(self, connection: socket.socket, gone: threading.Event) -> None:
        with connection:
            connection.settimeout(2)
            try:
                self._greet(connection)
                while not gone.wait(self.period):
                    if not self.silent:
                        self._send(connection)
            except OSError:  # the other side went away
                pass

    def _greet(self, connection: socket.socket) -> None:
        self.requests.append(connection.recv(4096).decode("latin-1"))
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\n\r\n")

    def _wrap(self, jpeg: bytes) -> bytes:
        return b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(jpeg), jpeg)

    def _send(self, connection: socket.socket) -> None:
        jpeg = cv2.imencode(".jpg", self.pictures(self.number + 1))[1].tobytes()
        connection.sendall(self._wrap(jpeg))
        with self._sent:
            self.number += 1
            self._sent.notify_all()


class RtspCamera(NetworkCamera):
    """The same over RTSP: JPEG in RTP packets (RFC 2435) among the answers, in one TCP connection."""

    scheme = "rtsp"
    SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track\r\n"
    _packets = 0

    def _greet(self, connection: socket.socket) -> None:
        asked = ""
        while asked != "PLAY":
            request = connection.recv(4096).decode("latin-1")
            if not request:
                raise ConnectionError("the other side went away")
            self.requests.append(request)
            asked = request.split(" ")[0]
            lines = [f"RTSP/1.0 200 OK\r\nCSeq: {re.search('CSeq: ([0-9]+)', request)[1]}\r\nSession: 1\r\n"]
            if asked == "SETUP":
                lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
            if asked == "DESCRIBE":
                lines.append(f"Content-Type: application/sdp\r\nContent-Length: {len(self.SDP)}\r\n")
            connection.sendall("".join([*lines, "\r\n", self.SDP if asked == "DESCRIBE" else ""]).encode())

    def _wrap(self, jpeg: bytes) -> bytes:
        tables, at = b"", 2
        while jpeg[at + 1] != 0xDA:  # segments, up to the start of the scan
            length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
            if jpeg[at + 1] == 0xDB:
                tables += jpeg[at + 5 : at + 2 + length]  # one table in each segment
            at += 2 + length
        scan = jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") : -2]
        sent = b""
        for offset in range(0, len(scan), 1400):
            part, last = scan[offset : offset + 1400], offset + 1400 >= len(scan)
            head = struct.pack(">I4B", offset, 1, 255, WIDTH // 8, HEIGHT // 8)
            if offset == 0:
                head += struct.pack(">2BH", 0, 0, len(tables)) + tables
            self._packets += 1
            clock = self.number * 1800 & 0xFFFFFFFF  # in 1/90000 s
            packet = struct.pack(">2BHII", 0x80, 26 | last << 7, self._packets & 0xFFFF, clock, 1) + head + part
            sent += struct.pack(">cBH", b"$", 0, len(packet)) + packet
        return sent
