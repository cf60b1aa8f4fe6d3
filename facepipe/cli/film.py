"""Write annotated frames as a video."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from facepipe.errors import UsageError, WriteFailed

if TYPE_CHECKING:
    import cv2
    import PIL.Image

CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
LIVE_FPS = 15.0  # of a film of a live source, whose frames come when they come
LONGEST_GAP = 2.0  # seconds: longer ones, of a stream that stalled, are left out


class Film:
    """A video at ``path``, which is there, whole, once the film is closed. Its frames are shown for as long as they
    were: it has ``fps`` frames a second however they come in. Raises UsageError (the suffix), WriteFailed."""

    def __init__(self, path: Path, fps: float) -> None:
        if path.suffix.lower() not in CODECS:
            raise UsageError(f"{path}: expected a name that ends in {' or '.join(CODECS)}")
        self._path = path
        self._part = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.part{path.suffix.lower()}")
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None  # from the first picture on
        self._size = (0, 0)  # of the first picture, px; later ones are scaled to it
        self._start = self._last = 0.0  # seconds
        self._count, self._full = 0, False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch(0o600)  # no permission, no folder: rather now than when the film is made
        except OSError as error:
            raise WriteFailed(f"{path}: cannot be written: {error.strerror or error}") from None

    def add(self, picture: PIL.Image.Image, time: float) -> None:
        """``time``: seconds, of the source. Raises WriteFailed."""
        import numpy as np

        if self._writer is None:
            self._writer = self._opened(picture, time)
        if picture.size != self._size:
            picture = picture.resize(self._size)
        self._start += max(time - self._last - LONGEST_GAP, 0)
        self._last = time
        pixels = np.ascontiguousarray(np.asarray(picture)[..., ::-1])
        for _ in range(round((time - self._start) * self._fps) + 1 - self._count):
            if self._writer.write(pixels) is False:  # OpenCV 5 says so when the disk is full; 4 says nothing at all
                self._full = True
                raise WriteFailed(f"{self._path}: no room for the rest of the video; make room and run it again")
            self._count += 1

    def _opened(self, picture: PIL.Image.Image, time: float) -> cv2.VideoWriter:
        import cv2

        self._size, self._start, self._last = picture.size, time, time
        codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._part), codec, self._fps, self._size)
        if not writer.isOpened():
            raise WriteFailed(f"{self._path}: no video can be written there; name another file")
        return writer

    def close(self) -> None:
        """Finish the file. Raises WriteFailed, also when there was no room for all of it."""
        import cv2

        try:
            if self._writer is None:
                return
            self._writer.release()
            if self._full:  # which was told
                return
            written = cv2.VideoCapture(str(self._part))  # what is flushed last, or spoiled, is not told by the writer
            whole = written.isOpened() and written.get(cv2.CAP_PROP_FRAME_COUNT) >= self._count
            written.release()
            if not whole:
                raise WriteFailed(f"{self._path}: the video could not be written whole; make room and run it again")
            os.replace(self._part, self._path)
        finally:
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
