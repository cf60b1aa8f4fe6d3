"""The best picture of each face that was seen, kept until it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facepipe.cli.album import Album

if TYPE_CHECKING:
    from facepipe.records import Floats, Frame, Image, Pixels
    from facepipe.watch import TrackedFace
    from facepipe.watch.sightings import Worths

MARGIN = 0.5  # around the box, as a part of it
FORGOTTEN = 120.0  # seconds out of view, after which a face that was never reported is let go


@dataclass
class _Best:
    pixels: Pixels
    worth: float
    seen: float  # seconds, the last time


class Snapshots:
    """Writes one picture per track into ``folder``, named by its number: a person's name is never a path. ``worths``:
    those of the watcher."""

    def __init__(self, folder: Path, worths: Worths) -> None:
        self._album, self._worths = Album(folder), worths
        self._best: dict[int, _Best] = {}

    def look(self, frame: Frame, faces: Sequence[TrackedFace]) -> None:
        """Keep what is better of this frame's faces than what there was."""
        for face in faces:
            best = self._best.get(face.track)
            if best is not None:
                best.seen = frame.time
            if not face.detected or (found := self._worths.of(frame.image, face.detection)) is None:
                continue
            value, _ = found
            if best is None or value > best.worth:
                self._best[face.track] = _Best(_cut(frame.image, face.detection.box), value, frame.time)
        for track in [track for track, best in self._best.items() if frame.time - best.seen > FORGOTTEN]:
            del self._best[track]

    def write(self, track: int) -> Path | None:
        """Write the picture of a track that has left; where to. Raises WriteFailed."""
        from facepipe.draw import save

        best = self._best.pop(track, None)
        if best is None:
            return None
        path = self._album.unused(f"track-{track}")
        save(best.pixels, path)
        return path


def _cut(image: Image, box: Floats) -> Pixels:
    x0, y0, x1, y1 = (float(v) for v in box)
    across, along = MARGIN * (x1 - x0), MARGIN * (y1 - y0)
    left, top = max(round(x0 - across), 0), max(round(y0 - along), 0)
    right, bottom = min(round(x1 + across), image.width), min(round(y1 + along), image.height)
    return image.pixels[top : max(bottom, top + 1), left : max(right, left + 1)].copy()  # the frame is let go
