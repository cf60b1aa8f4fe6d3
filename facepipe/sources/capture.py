"""OpenCV's VideoCapture: opened quietly, RGB, square pixels, every error a None."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2

from facepipe.records import Pixels
from facepipe.sources.aspect import aspect, stretched, stretched_size

TRIES = 300  # frames in a row that cannot be decoded: a damaged one may spoil all up to the next whole picture
MOST_FPS = 1000.0  # more is no rate but a clock: 60000 of raw DV
TRYING = 0.5  # seconds: a stream that keeps us waiting is not waited for again

_CAMERA = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY  # the others look for files and say so
_FFMPEG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"


class Capture:
    """An opened file, camera or stream, as ``Pictures``."""

    def __init__(self, opened: cv2.VideoCapture) -> None:
        self._opened, self._closed = opened, False
        self.fps = _positive(opened.get(cv2.CAP_PROP_FPS), MOST_FPS)
        self.count = _positive(opened.get(cv2.CAP_PROP_FRAME_COUNT), 1e9)
        self.codec = (int(opened.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").upper()
        shape = opened.get(cv2.CAP_PROP_SAR_NUM), opened.get(cv2.CAP_PROP_SAR_DEN)  # as it is stored
        self._ratio = aspect(*shape, turned=int(opened.get(cv2.CAP_PROP_ORIENTATION_META)) % 180 != 0)
        size = int(opened.get(cv2.CAP_PROP_FRAME_WIDTH)), int(opened.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = stretched_size(size, self._ratio)

    def grab(self) -> bool:
        """Go on to the next frame that can be decoded. False at the end, and when none came in time."""
        until = time.monotonic() + TRYING
        try:
            for _ in range(TRIES):  # OpenCV says the same of one damaged frame as of the end
                if self._opened.grab():
                    return True
                if time.monotonic() > until:
                    break
        except cv2.error:
            pass
        return False

    @property
    def time(self) -> float:
        """When the frame just grabbed is shown, seconds, by the clock of what is read."""
        return float(self._opened.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def picture(self) -> Pixels | None:
        """The frame just grabbed, (H, W, 3) uint8 RGB, upright, read-only; None when it cannot be decoded."""
        try:
            found, pixels = self._opened.retrieve()
            if not found or pixels is None or pixels.ndim != 3 or pixels.shape[2] != 3:
                return None
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
            pixels = stretched(pixels, self._ratio)
        except cv2.error:
            return None
        pixels.setflags(write=False)
        return pixels

    def close(self) -> None:
        """Let go of it. More than once does no harm."""
        if not self._closed:
            self._closed = True
            self._opened.release()
            _noise.back()


def open_file(path: str) -> Capture | None:
    """Open the video file at an absolute ``path``; FFmpeg then opens local files only. None when it cannot be."""
    return _open(path, cv2.CAP_FFMPEG, [])


def open_stream(url: str, connect: float, read: float) -> Capture | None:
    """Open a stream; seconds to ``connect`` and to wait for a picture. None when it cannot be opened in time.

    FFmpeg lets what comes from the network name other addresses, but no local file.
    """
    waits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(connect * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read * 1000)]
    return _open(url, cv2.CAP_FFMPEG, waits)


def open_camera(named: int | str) -> Capture | None:
    """Open a local camera by its number, or by the path to its device. None when it is not there, or another program
    uses it."""
    return _open(named, _CAMERA, [])


def _open(target: str | int, backend: int, settings: Sequence[int]) -> Capture | None:
    _noise.off()
    try:
        with _ffmpeg_quiet():
            opened = cv2.VideoCapture(target, backend, settings)
        if opened.isOpened():
            return Capture(opened)
    except cv2.error:
        pass
    _noise.back()
    return None


def _positive(number: float, most: float) -> float | None:
    return number if 0 < number <= most else None


class _Noise:
    """OpenCV and FFmpeg write warnings to the terminal, addresses with their passwords among them.

    OpenCV is silent while a capture is open. FFmpeg reads its level once, when the first capture is opened. Levels that
    the user chose are left alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open, self._level = 0, 0
        self._chosen = "OPENCV_LOG_LEVEL" in os.environ

    def off(self) -> None:
        with self._lock:
            self._open += 1
            if self._open == 1 and not self._chosen:
                self._level = cv2.utils.logging.getLogLevel()
                cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

    def back(self) -> None:
        with self._lock:
            self._open -= 1
            if self._open == 0 and not self._chosen:
                cv2.utils.logging.setLogLevel(self._level)


@contextmanager
def _ffmpeg_quiet() -> Iterator[None]:
    if _FFMPEG_LEVEL in os.environ:
        yield
        return
    os.environ[_FFMPEG_LEVEL] = "-8"  # AV_LOG_QUIET
    try:
        yield
    finally:
        os.environ.pop(_FFMPEG_LEVEL, None)


_noise = _Noise()
