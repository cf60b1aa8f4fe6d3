"""Images one after another, as a source."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from types import TracebackType

from facepipe.errors import ImageError
from facepipe.image import read_image
from facepipe.records import Frame
from facepipe.sources.base import ENDED, LIVE, OnState

log = logging.getLogger("facepipe")


class Stills:
    """The images at ``paths``, a Source. They have no clock: each counts as one second.

    Of several, those that cannot be read are left out with a warning; an ImageError is raised when none can.
    """

    live = False
    fps: float | None = None
    size: tuple[int, int] | None = None  # each has its own
    dropped = 0

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        label: str,
        *,
        loop: bool = False,
        on_state: OnState | None = None,
    ) -> None:
        self.label = label
        self.state = LIVE
        self._on_state = on_state
        self._frames = self._read(list(paths), loop)

    def __iter__(self) -> Iterator[Frame]:
        """The frames from here on."""
        while (frame := next(self._frames, None)) is not None:
            yield frame
        if self.state != ENDED:
            self.state = ENDED
            if self._on_state is not None:
                self._on_state(ENDED, "the end")

    def _read(self, paths: Sequence[str | os.PathLike[str]], loop: bool) -> Iterator[Frame]:
        index, seen = 0, False
        while True:
            error: ImageError | None = None
            for path in paths:
                try:
                    image = read_image(path)
                except ImageError as caught:
                    error = caught
                    if len(paths) > 1:
                        log.warning("%s; it is left out", caught)
                else:
                    seen = True
                    yield Frame(image, index, float(index))
                index += 1
            if error is not None and not seen:
                raise error
            if not loop:
                return

    def close(self) -> None:
        self.state = ENDED
        self._frames = iter(())

    def __enter__(self) -> Stills:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
