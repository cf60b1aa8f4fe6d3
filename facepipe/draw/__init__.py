"""Pictures for people.

marks.py     what is said of a face            annotate.py    faces marked in their picture
plates.py    a label, and where it has room    legend.py      the labels without room, below the picture
letters.py   fonts                             pictures.py    mirrored, captioned, put side by side, saved
"""

from facepipe.draw.annotate import Annotator, annotate
from facepipe.draw.marks import KNOWN, NEUTRAL, UNKNOWN, Mark, label, mark_identified, mark_of, numbered
from facepipe.draw.pictures import caption, mirrored, save, side_by_side, upper_square

__all__ = [
    "KNOWN",
    "NEUTRAL",
    "UNKNOWN",
    "Annotator",
    "Mark",
    "annotate",
    "caption",
    "label",
    "mark_identified",
    "mark_of",
    "mirrored",
    "numbered",
    "save",
    "side_by_side",
    "upper_square",
]
