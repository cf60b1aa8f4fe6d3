"""How a face was found, for the views: the pipeline's own detector beside the one whose networks are shown."""

from __future__ import annotations

from facepipe.detect.base import Detector
from facepipe.detect.yunet import YuNet, sizes
from facepipe.inspect.networks_of import cascade
from facepipe.inspect.survey import Stages
from facepipe.inspect.views.search import OtherFinder, Search
from facepipe.pipeline import Pipeline
from facepipe.records import Detection, Image


def finder_of(detector: Detector) -> str | None:
    """The detector's name where another one's networks are shown in its place; else None."""
    return None if cascade(detector) is detector else detector.card.name


def search(pipe: Pipeline, image: Image, face: Detection, stages: Stages) -> Search:
    """What each network lets through in the whole image, and what the pipeline's detector proposes where it tells;
    ``stages``: what it let through, where it is the one whose networks are shown."""
    looking = cascade(pipe.detector)
    through = tuple((found.stage, found.boxes) for found in stages or looking.stages(image))
    finder = None if looking is pipe.detector else _finder(pipe.detector, image)
    return Search(looking.card.name, image, face.box, through, finder)


def _finder(detector: Detector, image: Image) -> OtherFinder:
    if not isinstance(detector, YuNet):
        return OtherFinder(detector.card.name)
    seen = tuple((height, width) for height, width, _ in sizes(image.height, image.width, detector.min_face))
    return OtherFinder(detector.card.name, seen, detector.propose(image).boxes)
