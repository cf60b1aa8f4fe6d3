"""Recognise faces over time: the faces of each frame, each with a track, and a name by the best that was seen of it.

watcher.py    a source in, names and events out      naming.py   from candidates to a name that does not flicker
sightings.py  the best that was seen of a face       relink.py   who comes back      faces.py   what is reported
"""

from facepipe.watch.faces import Event, TrackedFace
from facepipe.watch.watcher import Watcher

__all__ = ["Event", "TrackedFace", "Watcher"]
