"""facepipe: detector → chip → backbone → template → gallery, and a look into every layer.

The names below load on first use, so that ``import facepipe`` stays quick and brings in no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# what it notes of a child has to be noted before the child loads anything else
from facepipe.machine import forks as forks

if TYPE_CHECKING:
    from facepipe.batches import Done as Done
    from facepipe.batches import Failed as Failed
    from facepipe.dataframe import faces_frame as faces_frame
    from facepipe.errors import FacepipeError as FacepipeError
    from facepipe.faces import Faces as Faces
    from facepipe.gallery import Gallery as Gallery
    from facepipe.image import read_image as read_image
    from facepipe.pipeline import Pipeline as Pipeline
    from facepipe.records import Image as Image
    from facepipe.watch import Watcher as Watcher

_HOMES = {
    "Done": "facepipe.batches",
    "Failed": "facepipe.batches",
    "FacepipeError": "facepipe.errors",
    "Faces": "facepipe.faces",
    "Gallery": "facepipe.gallery",
    "Image": "facepipe.records",
    "Pipeline": "facepipe.pipeline",
    "Watcher": "facepipe.watch",
    "faces_frame": "facepipe.dataframe",
    "read_image": "facepipe.image",
}
__all__ = [
    "Done",
    "FacepipeError",
    "Faces",
    "Failed",
    "Gallery",
    "Image",
    "Pipeline",
    "Watcher",
    "faces_frame",
    "read_image",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from facepipe.machine.dependencies import explained
        from facepipe.machine.memory import enough

        with explained(), enough():
            return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'facepipe' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__", "__version__"])
