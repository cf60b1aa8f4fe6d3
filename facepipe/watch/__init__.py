"""Recognise faces over time: the faces of each frame, each with a track, and a name by the best that was seen of it."""

from facepipe.watch.faces import Event, TrackedFace
from facepipe.watch.watcher import Watcher

__all__ = ["Event", "TrackedFace", "Watcher"]
