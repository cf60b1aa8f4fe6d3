"""Write annotated frames as a video."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from facepipe.errors import UsageError, WriteFailed

if TYPE_CHECKING:
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
        self._size = (0, 0)  # of the first picture, px; later ones are scaled to it
        self._start = self._last = 0.0  # seconds
        self._count = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch(0o600)  # no permission, no folder: rather now than when the film is made
        except OSError as error:
            raise WriteFailed(f"{path}: cannot be written: {error.strerror or error}") from None

    def add(self, picture: PIL.Image.Image, time: float) -> None:
        """``time``: seconds, of the source. Raises WriteFailed."""
        import numpy as np

        if not self._count:
            self._open(picture, time)
        if picture.size != self._size:
            picture = picture.resize(self._size)
        self._start += max(time - self._last - LONGEST_GAP, 0)
        self._last = time
        pixels = np.ascontiguousarray(np.asarray(picture)[..., ::-1])
        for _ in range(round((time - self._start) * self._fps) + 1 - self._count):
            self._writer.write(pixels)
            self._count += 1

    def _open(self, picture: PIL.Image.Image, time: float) -> None:
        import cv2

        self._size, self._start, self._last = picture.size, time, time
        codec = cv2.VideoWriter.fourcc(*CODECS[self._path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._part), codec, self._fps, self._size)
        if not self._writer.isOpened():
            raise WriteFailed(f"{self._path}: no video can be written there; name another file")

    def close(self) -> None:
        """Finish the file. Raises WriteFailed, also when there was no room for all of it."""
        import cv2

        try:
            if not self._count:
                return
            self._writer.release()
            written = cv2.VideoCapture(str(self._part))  # the writer says nothing when the disk is full
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
